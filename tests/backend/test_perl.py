"""What Net::Remctl::Backend's manual promises is so here, beside it in one remctld.

Debian's libnet-remctl-perl. What differs is in the table of docs/reference/backend.md,
and stands here as the reason for a difference.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import remctl
from remctl.testing import Realm, Server

from tests.backend.conftest import program

PERL = r"""#!/usr/bin/perl
use strict;
use warnings;
use Net::Remctl::Backend;

sub show { print join('|', map { defined($_) ? $_ : '' } @_), "\n"; return 0; }

sub options {
    my ($options, @args) = @_;
    my %given = %{$options};
    $given{tag} = join(',', @{ $given{tag} }) if $given{tag};
    return show(join(' ', map { "$_=$given{$_}" } sort keys %given), @args);
}

my %commands = (
    number => { code => \&show, args_min => 1, args_max => 2,
                syntax => '<one> [<two>]', summary => 'Take one or two arguments.' },
    match  => { code => \&show, args_min => 2, args_max => 2,
                args_match => [undef, qr{ \A [a-z]+ \z }xms],
                syntax => '<any> <word>', summary => 'Check an argument, and tell so in more '
                    . 'words than there is room for in what is left of a line.' },
    nest   => { code => sub { return show('alone') },
                nested => {
                    inner => { code => \&show, args_min => 1, args_max => 1,
                               syntax => '<one>', summary => 'Do it inside.' },
                    deep  => { nested => {
                        down => { code => \&show, args_max => 0, syntax => q{} } } },
                },
                syntax => q{}, summary => 'Call the nest alone.' },
    options => { code => \&options, args_max => 1,
                 options => [qw(debug sort! input|i=s number=i tag=s@ verbose|v help|h loud|l+)] },
    status => { code => sub { return $_[0] }, args_min => 1, args_max => 1,
                syntax => '<number>', summary => 'End with a status.' },
    first  => { code => \&show, stdin => 1, args_min => 2, args_max => 2,
                args_match => [qr{ \A [a-z]+ \z }xms],
                syntax => '<data> <name>', summary => 'Take the first from standard input.' },
    last   => { code => \&show, stdin => -1,
                syntax => '[<names>...] <data>', summary => 'Take the last.' },
    'a-name-that-is-long' => { code => \&show, args_max => 4,
                syntax => '[<of-many-words>] [<and-arguments>]',
                summary => 'Move the summary on to a line of its own.' },
);

my $backend = Net::Remctl::Backend->new({
    command => 'test', commands => \%commands, help_banner => 'Test remctl help:',
});
exit $backend->run();
"""

PYTHON = '''\
from remctl.backend import Annotated, Backend, Count, Match, Short, Stdin

test = Backend("test", "Test remctl help:")
Word = Annotated[str, Match("[a-z]+")]


def show(*arguments: object) -> None:
    print(*arguments, sep="|")


@test.command("a-name-that-is-long")
def long(of_many_words: str = "", and_arguments: str = "") -> None:
    """Move the summary on to a line of its own."""


@test.command
def first(data: Annotated[Word, Stdin], name: str) -> None:
    """Take the first from standard input."""
    show(data, name)


@test.command
def last(*names: str, data: Annotated[str, Stdin]) -> None:
    """Take the last."""
    show(*names, data)


@test.command
def match(any: str, word: Word) -> None:
    """Check an argument, and tell so in more words than there is room for in what is left of
    a line.
    """
    show(any, word)


nest = test.group("nest")
deep = nest.group("deep")


@nest.default
def alone() -> None:
    """Call the nest alone."""
    show("alone")


@deep.command
def down() -> None:
    show()


@nest.command
def inner(one: str) -> None:
    """Do it inside."""
    show(one)


@test.command
def number(one: str, two: str | None = None) -> None:
    """Take one or two arguments."""
    show(*[word for word in (one, two) if word is not None])


HIDDEN = '''

OPTIONS = """\
@test.command
def options(
    argument: str | None = None,
    *,
    debug: bool = False,
    sort: bool = True,
    input: Annotated[str, Short("i")] = "",
    number: int = 0,
    tag: list[str] = [],
    verbose: Annotated[bool, Short("v")] = False,
    help: Annotated[bool, Short("h")] = False,
    loud: Annotated[int, Count, Short("l")] = 0,
) -> None:
    given = {"debug": debug * 1, "help": help * 1, "input": input, "number": number}
    given |= {"tag": ",".join(tag), "verbose": verbose * 1, "loud": loud}
    words = [f"{name}={value}" for name, value in given.items() if value]
    if not sort:
        words.append("sort=0")
    show(" ".join(sorted(words)), *[argument] * (argument is not None))


"""

STATUS = '''\
@test.command
def status(number: int) -> int:
    """End with a status."""
    return number


test.main()
'''


class Both(NamedTuple):
    """One server with the commands of Perl's program, and one with those of Python's."""

    perl: Server
    python: Server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the two programs are."""
    folder = tmp_path_factory.mktemp("perl")
    perl = folder / "perl"
    perl.write_text(PERL)
    perl.chmod(0o755)
    # Perl's help has only those commands of which the program has said the syntax.
    program(folder, PYTHON.partition("HIDDEN")[0] + STATUS, "shown")
    program(folder, PYTHON.partition("HIDDEN")[0] + OPTIONS + STATUS, "python")
    return folder


@pytest.fixture(scope="module")
def both(realm: Realm, folder: Path) -> Iterator[Both]:
    """The same lines in both configurations, but for the program."""

    def lines(name: str) -> str:
        path = folder / name
        return (
            f"test first {path} stdin=2 ANYUSER\n"
            f"test last {path} stdin=last ANYUSER\n"
            f"test ALL {path} help=help summary=summary ANYUSER\n"
        )

    with realm.server(lines("perl")) as perl, realm.server(lines("python")) as python:
        yield Both(perl, python)


class Result(NamedTuple):
    """What a client gets."""

    status: int | None
    stdout: str
    stderr: str


def run(server: Server, words: str) -> Result:
    """Run a command; words in quotes are empty, and `\\0` is a NUL."""
    arguments = [word.replace("''", "").replace("\\0", "\0") for word in words.split()]
    done = remctl.remctl(server.host, server.port, command=["test", *arguments])
    return Result(done.status, (done.stdout or b"").decode(), (done.stderr or b"").decode())


ANSWERED = [
    "number 1",
    "number 1 2",
    "number '' ''",
    "match any word",
    "match '' word",
    "match -x word",  # a command without options has none
    "match -- word",
    "nest",
    "nest inner x",
    "nest deep down",
    "first data name",
    "last a b data",
    "last data",
    "last a da\\0ta",
    "status 0",
    "status 7",
    "status 255",
    "options",
    "options x",
    "options --debug",
    "options --no-sort",
    "options -i file",
    "options -ifile x",
    "options --input=file x",
    "options --input file x",
    "options --input -x",
    "options --input=a=b",
    "options -vh",
    "options -vhi file x",
    "options -vhifile x",
    "options -lvl --loud x",
    "options --tag=a --tag b",
    "options --number=3",
    "options --number -3",
    "options --debug -- -x",
    "options -- --debug",
    "options -",
    "options x",
]


@pytest.mark.parametrize("words", ANSWERED)
def test_an_answer_is_the_same(both: Both, words: str) -> None:
    here = run(both.python, words)
    assert here.stderr == ""
    assert here == run(both.perl, words)


REFUSED = [
    "number",
    "number 1 2 3",
    "number '' '' ''",
    "match any",
    "match any Word",
    "match any ''",
    "match any wor\a",
    "nest inner",
    "nest inner x y",
    "nest deep down x",
    "first data",
    "first data name more",
    "first da\\0ta name",
    "options x y",
    "options x --debug",  # the first argument ends the options
    "options --foo",
    "options -x",
    "options -vx",
]


@pytest.mark.parametrize("words", REFUSED)
def test_a_mistake_is_told_in_the_same_words(both: Both, words: str) -> None:
    """The status is 2 here: 255 is that of a failure which is not the client's."""
    here, there = run(both.python, words), run(both.perl, words)
    assert here.stderr.startswith("test ")
    assert here.stderr == there.stderr
    assert (here.stdout, there.stdout) == ("", "")
    assert (here.status, there.status) == (2, 255)


OTHERWISE = [
    # One form for all errors: what was called, and what is wrong.
    ("unknown", "Unknown command unknown", "test: unknown command: unknown"),
    ("nest unknown", "Unknown command nest unknown", "test nest: unknown command: unknown"),
    ("nest deep", "Unknown command nest deep", "test nest deep: insufficient arguments"),
    (
        "options --input",
        "test options: option input requires an argument",
        "test options: option input requires an argument",
    ),
    (
        "options --debug=1",
        "test options: option debug does not take an argument",
        "test options: option debug does not take an argument",
    ),
    (
        "options --number=x",
        'test options: value "x" invalid for option number (number expected)',
        "test options: invalid value for option number: x",
    ),
]


@pytest.mark.parametrize(("words", "there", "here"), OTHERWISE)
def test_a_mistake_that_perls_manual_has_no_words_for(
    both: Both, words: str, there: str, here: str
) -> None:
    status, output, errors = run(both.perl, words)
    # Newer versions of Getopt::Long say "integer number".
    assert (status, output, errors.replace("integer ", "")) == (255, "", f"{there}\n")
    assert run(both.python, words) == (2, "", f"{here}\n")


@pytest.mark.parametrize("words", ["options --deb", "options --debug --debug"])
def test_perl_takes_what_would_come_to_mean_something_else(both: Both, words: str) -> None:
    """An abbreviation, when there are more options; a second value, which hides the first."""
    assert run(both.perl, words).status == 0
    assert run(both.python, words).status == 2


def test_the_help_is_laid_out_in_the_same_way(both: Both, folder: Path) -> None:
    perl = run(both.perl, "help")
    shown = subprocess.run([folder / "shown", "help"], capture_output=True, text=True)
    assert perl.stderr == ""
    assert shown.stdout == perl.stdout
