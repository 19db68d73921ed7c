"""The manual: `scripts/test docs` builds it into build/docs/html."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import remctl
from pygments.lexers.python import PythonConsoleLexer
from pygments.token import Token

if TYPE_CHECKING:
    from docutils import nodes
    from pygments.token import _TokenType
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

HERE = Path(__file__).parent

project = "pyremctl"
copyright = "The pyremctl authors"
version = release = remctl.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.graphviz",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_static"]

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 4

# Docstrings are the reference. What they have in single backticks is a link where it is a name.
default_role = "py:obj"
highlight_language = "text"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True

# The names of Python's own documentation that are used here, in the readable form of an
# inventory: the manual is built without a network. A name that is missing fails the build
# and takes a line: the name, its kind, and the page.
intersphinx_mapping = {"python": ("https://docs.python.org/3/", str(HERE / "python.inv"))}

graphviz_output_format = "svg"

html_theme = "furo"
html_title = f"pyremctl {release}"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_favicon = "_static/icon.svg"
html_search_scorer = str(HERE / "scorer.js")
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False

# What is copied is what can be typed: neither prompts nor output, as Pygments tells them apart.
# (Prompts cannot be told apart by their text: `# ` is a comment in Python and root's in a shell.)
copybutton_exclude = ".linenos, .gp, .go"


class Session(PythonConsoleLexer):
    """A session at Python's prompt, where tracebacks are output too."""

    name = "A session at the prompt"
    aliases = ["pycon"]  # noqa: RUF012 - Pygments' own attribute

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, _TokenType, str]]:
        """The tokens of a session; lines without a prompt have no others than output."""
        typed = False
        start = 0
        for position, kind, value in super().get_tokens_unprocessed(text):
            if position == start:
                typed = kind is Token.Generic.Prompt
            if value.endswith("\n"):
                start = position + len(value)
            output = not typed and value.strip()
            yield position, Token.Generic.Output if output else kind, value


# Where a name is known by another one than the one it is documented under.
_DOCUMENTED_AS = {
    r"_socket\.": "socket.",
    r"remctl\._remctl\.": "_remctl.",
    r"remctl\.(backend|testing)\.\w+\.": r"remctl.\1.",
    r"remctl\._many\.\w+\.": "remctl.",
    r"remctl\._\w+\.": "remctl.",
    r"concurrent\.futures\._base\.": "concurrent.futures.",
    r"Path$": "pathlib.Path",
    r"Executor$": "concurrent.futures.Executor",
}
# Types that say no more than their name, or that a page describes in words.
_UNDOCUMENTED = {
    "CommandFor",
    "FakeCommands",
    "FileFor",
    "Function",
    "Outcomes",
    "Port",
    "Portion",
    "Seconds",
    "remctl._binary_file.BinaryFile",
    "remctl._environ.TicketEnvironment",
    "remctl._many.asynchronous.Outcomes",
    "remctl.backend._command.Command",
}


def _find(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.TextElement
) -> nodes.Element | None:
    """Find what is documented under another name; show as it is what is no name of ours.

    A text in single backticks has to lead somewhere when it is written as a call, as a class, or
    with the module's name in front; it may be an argument or a value otherwise.
    """
    target = node["reftarget"]
    if target in _UNDOCUMENTED:
        return shown
    if node.get("refdomain") == "py" and node["reftype"] in ("class", "obj"):
        node["reftarget"] = target.removesuffix("()")
        for known, documented in _DOCUMENTED_AS.items():
            node["reftarget"] = re.sub(f"^{known}", documented, node["reftarget"])
        owner, _, member = node["reftarget"].rpartition(".")
        for place in ("", "remctl.", "remctl.Remctl.", "remctl.testing.", "remctl.backend."):
            for name in filter(None, (node["reftarget"], owner if member.islower() else "")):
                found = env.domains["py"].resolve_xref(
                    env, node["refdoc"], app.builder, "obj", place + name, node, shown
                )
                if found is not None:
                    return found
    name = re.fullmatch(r"[\w.]+\(\)|[A-Z]\w*[a-z]\w*(\.\w+)?|remctl\.[\w.]+", target)
    return None if name or node["reftype"] != "obj" else shown


def _defined(package: Path) -> Iterator[tuple[str, str]]:
    """The classes and functions of a package, each with the module that defines it."""
    for file in package.glob("_*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node.name, f"remctl.{file.stem}"


# Sections of docstrings that are lists, and the fields that Sphinx has for them.
_LISTS = {"Args:": "param", "Attributes:": "ivar", "Raises:": "raises", "Returns:": "returns"}


def _read_docstring(
    _app: Sphinx, _what: str, _name: str, _of: object, _options: object, lines: list[str]
) -> None:
    """Take what is indented in a docstring as code, or as the list that its heading says."""
    read: list[str] = []
    field, code = "", False
    for line in lines:
        if line and not line.startswith(" "):
            field, code = _LISTS.get(line, ""), False
            line = "" if field else line
        elif field == "returns" and line:
            line, field = f":returns: {line.strip()}", "-"
        elif field:
            line = re.sub(r"^    (\w+): ", rf":{field} \1: ", line)
        elif line.startswith("    ") and not code and read and not read[-1]:
            read += [".. code-block:: default", ""]
            code = True
        read.append(line)
    lines[:] = read


def setup(app: Sphinx) -> None:
    """Tell Sphinx what is ours."""
    app.add_lexer("pycon", Session)
    app.connect("missing-reference", _find, priority=100)
    app.connect("autodoc-process-docstring", _read_docstring)
    # Public names say that they are the package's; autodoc wants to know where their source is.
    for name, module in _defined(Path(remctl.__file__).parent):
        if name in remctl.__all__:
            getattr(remctl, name).__module__ = module
