"""Types of the package for annotations in modules that do not load the types' own modules.

Like in `remctl._types`, each is loaded when an annotation is evaluated.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl._binary_file import BinaryFile as BinaryFile
    from remctl._credentials import Credentials as Credentials

    __all__ = ["BinaryFile", "Credentials"]
else:
    _HOMES = {"BinaryFile": "_binary_file", "Credentials": "_credentials"}

    def __getattr__(name: str) -> object:
        """Load a type at its first use."""
        from importlib import import_module

        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"remctl.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
