"""The public names: what is loaded for them and when, and that one list of them is as the other."""

import ast
import inspect
import pickle
import pydoc
import subprocess
import sys
import typing
from pathlib import Path

import pytest
import remctl

PACKAGE = Path(remctl.__file__).parent
SOURCE = ast.parse((PACKAGE / "__init__.py").read_text())
NAMES = sorted(remctl.__all__)
CLASSES = [name for name in NAMES if inspect.isclass(getattr(remctl, name))]

# What users of the simple call need not wait for.
HEAVY = ["dataclasses", "inspect", "re", "typing", "enum", "numbers", "socket", "logging"]


def run(script: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-I", "-c", script]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 0
    return done.stdout


def loaded(statement: str) -> set[str]:
    """The modules that a statement loads in a fresh interpreter."""
    script = (
        f"import sys; before = set(sys.modules); {statement}\nprint(*(set(sys.modules) - before))"
    )
    return set(run(script).split())


class TestOneListIsAsTheOther:
    @staticmethod
    def imports() -> dict[str, str]:
        """What the type checkers are told: each name and its module."""
        (block,) = (
            node
            for node in SOURCE.body
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        )
        return {
            alias.name: str(node.module).removeprefix("remctl.")
            for node in block.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name != "_remctl"
        }

    def test_where_names_come_from(self) -> None:
        assert self.imports() == remctl._HOMES

    def test_all(self) -> None:
        assert set(remctl.__all__) == set(remctl._HOMES)
        assert len(remctl.__all__) == len(set(remctl.__all__))

    def test_dir(self) -> None:
        script = "import remctl; print(*dir(remctl))"
        assert set(remctl.__all__) - set(run(script).split()) == set()

    def test_from_remctl_import_everything(self) -> None:
        script = "from remctl import *; print(*globals())"
        assert set(remctl.__all__) - set(run(script).split()) == set()


class TestLoading:
    @pytest.mark.parametrize("statement", ["import remctl", "import remctl.testing", "dir(remctl)"])
    def test_loads_neither_the_extension_nor_kerberos(self, statement: str) -> None:
        modules = loaded(f"import remctl; {statement}")
        assert not modules & {"remctl._remctl", "_remctl", "gssapi"}

    def test_the_package_alone_loads_nothing_else(self) -> None:
        # The interpreters' module is a part of Python itself: it says whether this is the main one.
        builtin = {"_interpreters", "_xxsubinterpreters"}
        assert loaded("import remctl") - builtin == {"remctl"}

    @pytest.mark.parametrize("name", ["remctl", "Remctl"])
    def test_the_calls_load_nothing_heavy(self, name: str) -> None:
        assert loaded(f"from remctl import {name}") & set(HEAVY) == set()

    def test_a_call_does_not_load_threading(self) -> None:
        # Which takes as long as the call's own work.
        call = "remctl.remctl('127.0.0.1', 1, command=['test'])"
        modules = loaded(f"import remctl\ntry: {call}\nexcept remctl.RemctlError: pass")
        assert "remctl._simple" in modules
        assert modules & {"threading", "importlib", "warnings"} == set()

    @pytest.mark.parametrize("name", NAMES)
    def test_each_name_alone(self, name: str) -> None:
        script = (
            f"from remctl import {name}; import remctl as package; print({name} is package.{name})"
        )
        assert run(script) == "True\n"

    def test_the_extension(self) -> None:
        assert run("import remctl; print(remctl._remctl.__name__)") == "remctl._remctl\n"

    def test_the_call_is_not_a_module(self) -> None:
        script = "from remctl import remctl; import remctl as package; package.Remctl; "
        assert run(f"{script} print(callable(remctl), remctl is package.remctl)") == "True True\n"
        assert not [path for path in PACKAGE.iterdir() if path.stem in remctl.__all__]

    def test_another_name_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match=r"^module 'remctl' has no attribute 'nothing'$"):
            remctl.nothing  # type: ignore[attr-defined]  # noqa: B018
        with pytest.raises(ImportError, match="cannot import name 'nothing' from 'remctl'"):
            exec("from remctl import nothing")
        assert not hasattr(remctl, "__path_hooks__")

    def test_by_many_threads_at_once(self) -> None:
        """Each gets the one object, from whatever name it starts."""
        script = (
            # CPython makes collections.abc by hand, which two threads cannot load at once.
            "import collections.abc, sys, threading, remctl\n"
            "sys.setswitchinterval(1e-6)\n"
            "names = sorted(remctl.__all__)\n"
            "start = threading.Barrier(32)\n"
            "found = [None] * 32\n"
            "def load(number):\n"
            "    mine = names[number % len(names):] + names[:number % len(names)]\n"
            "    start.wait()\n"
            "    got = {name: getattr(remctl, name) for name in mine}\n"
            "    found[number] = [id(got[name]) for name in names]\n"
            "threads = [threading.Thread(target=load, args=(n,)) for n in range(32)]\n"
            "for one in threads: one.start()\n"
            "for one in threads: one.join()\n"
            "print(found.count(found[0]))\n"
        )
        for _ in range(5):
            assert run(script) == "32\n"


class TestIntrospection:
    @pytest.mark.parametrize("name", CLASSES)
    def test_classes_are_the_package_s(self, name: str) -> None:
        assert getattr(remctl, name).__module__ == "remctl"
        assert pickle.loads(pickle.dumps(getattr(remctl, name))) is getattr(remctl, name)

    @pytest.mark.parametrize("name", ["remctl", "build_info"])
    def test_functions_are_the_package_s(self, name: str) -> None:
        assert getattr(remctl, name).__module__ == "remctl"
        assert pickle.loads(pickle.dumps(getattr(remctl, name))) is getattr(remctl, name)

    @pytest.mark.parametrize("name", CLASSES)
    def test_type_hints_can_be_read_with_nothing_else_loaded(self, name: str) -> None:
        script = (
            "import inspect, typing\n"
            f"from remctl import {name} as kind\n"
            "typing.get_type_hints(kind)\n"
            "for member in vars(kind).values():\n"
            "    member = getattr(member, 'fget', member)\n"
            "    if inspect.isfunction(member): typing.get_type_hints(member)\n"
        )
        run(script)

    def test_type_hints_say_what_is_what(self) -> None:
        assert typing.get_type_hints(remctl.RemctlOutput) == {
            "type": str,
            "output": bytes | None,
            "stream": int | None,
            "status": int | None,
            "error": int | None,
        }
        hints = typing.get_type_hints(remctl.RemctlError)
        assert hints["partial"] == remctl.RemctlSimpleResult | None
        hints = typing.get_type_hints(remctl.remctl)
        assert hints["return"] is remctl.RemctlSimpleResult
        assert hints["timeout"] == int | float | None

    @pytest.mark.parametrize("name", [name for name in NAMES if callable(getattr(remctl, name))])
    def test_signatures_can_be_read(self, name: str) -> None:
        assert inspect.signature(getattr(remctl, name))

    def test_the_calls_have_the_arguments_of_the_reference(self) -> None:
        names = "host port principal command timeout ccache keytab source_ip max_output"
        assert [*inspect.signature(remctl.remctl).parameters] == names.split()
        names = "host port principal timeout ccache keytab source_ip keepalive connect_timeout"
        assert [*inspect.signature(remctl.Remctl).parameters] == names.split()

    @pytest.mark.parametrize("name", ["remctl", *(f"remctl.{name}" for name in CLASSES)])
    def test_pydoc_shows_it(self, name: str) -> None:
        text = pydoc.plain(pydoc.render_doc(name))
        assert "class " in text
        if name == "remctl":
            # A version it shows under a heading of its own.
            assert [each for each in NAMES if each not in text] == ["__version__"]


class TestNoCircles:
    def test_imports_point_one_way(self) -> None:
        """Also where only a type checker, or only a function, imports."""
        imports = {}
        for path in PACKAGE.glob("*.py"):
            if path.stem != "__init__":
                imports[path.stem] = {
                    module
                    for node in ast.walk(ast.parse(path.read_text()))
                    for module in self.modules(node)
                }
        while imports:
            leaves = [name for name, needed in imports.items() if not needed & set(imports)]
            assert leaves, f"in a circle, or needing one: {imports}"
            for leaf in leaves:
                del imports[leaf]

    @staticmethod
    def modules(node: ast.AST) -> list[str]:
        """The modules of the package that a statement imports."""
        match node:
            case ast.ImportFrom(module="remctl"):
                return [remctl._HOMES.get(alias.name, alias.name) for alias in node.names]
            case ast.ImportFrom(module=str(module)) if module.startswith("remctl."):
                return [module.split(".")[1]]
        return []
