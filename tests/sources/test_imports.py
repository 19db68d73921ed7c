"""Imports that tools can see: programs that freeze a package follow what its Python files name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def from_cpp() -> Iterator[str]:
    """The modules that the extension imports; "" for one whose name is put together."""
    for path in (ROOT / "src").rglob("*.[ch]pp"):
        for call in re.findall(
            r"(?:module_::import|PyImport_Import\w*)\(([^)]*)\)", path.read_text()
        ):
            name = re.fullmatch(r'"([\w.]+)"', call)
            yield name[1] if name else ""


def from_python() -> Iterator[str]:
    """The modules that import statements of the package name, in functions too."""
    for path in (ROOT / "python").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (name.name for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield str(node.module)
                yield from (f"{node.module}.{name.name}" for name in node.names)


def test_what_the_extension_imports_is_named_in_a_python_file() -> None:
    wanted = set(from_cpp())
    assert "remctl._logging" in wanted
    assert wanted - set(from_python()) == set()
