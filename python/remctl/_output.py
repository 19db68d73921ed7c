"""A token of a command's answer."""

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    class _Members(NamedTuple):
        type: str
        output: bytes | None
        stream: int | None
        status: int | None
        error: int | None

else:
    # The same as the NamedTuple, without loading typing.
    _members = {
        "type": str,
        "output": bytes | None,
        "stream": int | None,
        "status": int | None,
        "error": int | None,
    }
    _Members = namedtuple("_Members", _members)
    _Members.__annotations__ = _members


class RemctlOutput(_Members):
    """A token of output (manual, Remctl.output).

    ``type`` is ``"output"``, ``"status"``, ``"error"`` or ``"done"``. Attributes that do not
    apply are None: ``output`` (bytes) is the command's output, or the text of an error;
    ``stream`` is 1 for standard output and 2 for standard error; ``status`` is the exit status,
    0 to 255; ``error`` is the protocol's error code, to compare with `ErrorCode`.
    """

    __module__ = "remctl"
    __slots__ = ()
