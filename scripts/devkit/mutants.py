"""Small mistakes that can be made in a file of C++ or Python; see `scripts/dev mutate`."""

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# What is looked for, and what takes its place.
Swap = tuple[re.Pattern[str], str]


def swaps(*pairs: tuple[str, str]) -> list[Swap]:
    """Each pair, and each the other way round."""
    return [
        (re.compile(rf"(?<= ){re.escape(a)}(?= )"), b)
        for one, other in pairs
        for a, b in ((one, other), (other, one))
    ]


BOTH = [
    *swaps(("==", "!="), ("<", "<="), (">", ">="), ("+", "-"), ("+=", "-=")),
    # A number becomes the next one.
    (re.compile(r"(?<![\w.'\"#])\d+(?![\w.'])"), "next"),
]
CPP = [
    *BOTH,
    *swaps(("&&", "||")),
    (re.compile(r"(?<![\w!])!(?=[\w(])"), ""),
    (re.compile(r"\btrue\b"), "false"),
    (re.compile(r"\bfalse\b"), "true"),
    (re.compile(r"(?<=\bif \()(?!.*;)[^{}]*(?=\)(?: \{)?$)"), "not"),
    # A statement is left out: one that neither declares nor leaves.
    (re.compile(r"^ {4,}(?:co_await )?[\w:.>\[\]*-]+(?:\(.*\)| [-+|&]?= .*);$"), ";"),
]
PYTHON = [
    *BOTH,
    *swaps(("and", "or"), ("is", "is not"), ("in", "not in")),
    (re.compile(r"(?<!is )\bnot (?!in\b)"), ""),
    (re.compile(r"\bTrue\b"), "False"),
    (re.compile(r"\bFalse\b"), "True"),
    (re.compile(r"(?<=\bif )[^:]*(?=:$)"), "not"),
    # A statement is left out, but not where all that can follow is a NameError.
    (re.compile(r"^ {4,}(?:await )?(?!\w+ = )[\w.\[\]]+(?:\(.*\)| [-+|]?= .*)$"), "pass"),
]
# The contrary of which is had by leaving out a word.
NEGATED = re.compile(r"(?:!|not )(?!.*(?:&&|\|\|| and | or ))")
# Lines in which nothing is done.
IDLE = re.compile(
    r"\s*(?:#|@|import\b|from\b|using\b|namespace\b|template\b|static_assert\b|for .*\bin\b)"
    r"|.*TYPE_CHECKING|.*\b__all__\b"
)


@dataclass(frozen=True)
class Mutant:
    """A mistake: a piece of one line, and what stands in its place."""

    path: str
    line: int  # from 1
    start: int
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.start + 1}: {self.was} -> {self.now or 'nothing'}"

    def applied(self, text: str) -> str:
        """The file's text with the mistake."""
        lines = text.splitlines(keepends=True)
        line = lines[self.line - 1]
        end = self.start + len(self.was)
        assert line[self.start : end] == self.was, self
        lines[self.line - 1] = line[: self.start] + self.now + line[end:]
        return "".join(lines)


def code_of_cpp(text: str) -> str:
    """The text with strings emptied and comments blanked, every character in its place."""

    def blank(match: re.Match[str]) -> str:
        piece = match[0]
        return " " * len(piece) if piece.startswith("//") else piece[0] + "_" * (len(piece) - 1)

    return re.sub(r"//.*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])'", blank, text)


def code_of_python(text: str) -> str:
    """The same for Python."""
    lines = [list(line) for line in text.splitlines(keepends=True)]
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (tokenize.STRING, tokenize.COMMENT):
            continue
        filler = " " if token.type == tokenize.COMMENT else "_"
        for number in range(token.start[0] - 1, token.end[0]):
            line = lines[number]
            begin = token.start[1] if number == token.start[0] - 1 else 0
            end = token.end[1] if number == token.end[0] - 1 else len(line) - 1
            line[begin:end] = filler * (end - begin)
    return "".join("".join(line) for line in lines)


def is_python(text: str) -> bool:
    """Whether it can be parsed; what a compiler of C++ makes of a mutant is seen later."""
    try:
        compile(text, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def replacement(was: str, rule: str, python: bool) -> str:
    """What stands in the place of what a rule has found."""
    if rule == "next":
        return str(int(was) + 1)
    if rule == "not":
        return f"not ({was})" if python else f"!({was})"
    return rule


def mutants_of(path: Path, top: Path) -> Iterator[Mutant]:
    """Every mistake of these kinds in a file."""
    text = path.read_text()
    python = path.suffix == ".py"
    code = code_of_python(text) if python else code_of_cpp(text)
    name = str(path.relative_to(top))
    for number, (line, whole) in enumerate(
        zip(code.splitlines(), text.splitlines(), strict=True), 1
    ):
        if IDLE.match(line):
            continue
        body = line.rstrip()
        for pattern, rule in PYTHON if python else CPP:
            for match in pattern.finditer(body):
                start, end = match.span()
                if rule in (";", "pass"):  # the statement, not what it is indented by
                    start += len(body) - len(body.lstrip())
                was = whole[start:end]
                if rule == "not" and NEGATED.match(was):
                    continue
                now = replacement(was, rule, python)
                mutant = Mutant(name, number, start, was, now)
                if not python or is_python(mutant.applied(text)):
                    yield mutant
