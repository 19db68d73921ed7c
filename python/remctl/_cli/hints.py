"""Texts and hints of errors, in the terms of the command line."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl import RemctlError

# The package's keyword arguments, and the corresponding options.
_OPTIONS = {"keytab=": "--keytab", "principal=": "-s"}


def text_of(error: RemctlError) -> str:
    """The error's text without the host and the command, which are shown elsewhere."""
    from remctl import RemctlError

    text = RemctlError.__str__(error)
    return text.replace("max_output", "--max-output") if error._kind == "too_large" else text


def hint_of(error: RemctlError) -> str | None:
    """The hint of an error, or None."""
    hint = error.hint
    if hint is not None:
        for keyword, option in _OPTIONS.items():
            hint = hint.replace(keyword, option)
    return hint


def printable(text: str) -> str:
    r"""A text of the command line as errors show it: bytes that are not UTF-8 become \xff."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
