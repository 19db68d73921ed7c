"""Types of the standard library that are only used in annotations.

Each is loaded when an annotation is evaluated (`typing.get_type_hints()`), and not before.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable as Callable
    from collections.abc import Sequence as Sequence
    from concurrent.futures import Executor as Executor
    from datetime import datetime as Datetime
    from socket import socket as Socket
    from types import ModuleType as ModuleType
    from types import TracebackType as TracebackType
    from typing import Any as Any
    from typing import NoReturn as NoReturn
    from typing import SupportsIndex as SupportsIndex
    from typing import TypeVar

    from typing_extensions import Self as Self

    #: A command of a backend.
    Function = TypeVar("Function", bound=Callable[..., int | None])

    __all__ = [
        "Any",
        "Callable",
        "Datetime",
        "Executor",
        "Function",
        "ModuleType",
        "NoReturn",
        "Self",
        "Sequence",
        "Socket",
        "SupportsIndex",
        "TracebackType",
    ]
else:
    _HOMES = {
        "Any": ("typing", "Any"),
        "Callable": ("collections.abc", "Callable"),
        "Datetime": ("datetime", "datetime"),
        "Executor": ("concurrent.futures", "Executor"),
        "Function": ("collections.abc", "Callable"),
        "ModuleType": ("types", "ModuleType"),
        "NoReturn": ("typing", "NoReturn"),
        "Self": ("typing", "Self"),
        "Sequence": ("collections.abc", "Sequence"),
        "Socket": ("socket", "socket"),
        "SupportsIndex": ("typing", "SupportsIndex"),
        "TracebackType": ("types", "TracebackType"),
    }

    def __getattr__(name: str) -> object:
        """Load a type at its first use."""
        from importlib import import_module

        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, member = _HOMES[name]
        home = import_module(module)
        # Python 3.10 has no Self; Any is less precise, but not wrong.
        value = home.Any if name == "Self" and not hasattr(home, name) else getattr(home, member)
        globals()[name] = value
        return value
