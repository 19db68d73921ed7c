"""Run single commands on remote hosts over Kerberos, with remctl.

    >>> import remctl
    >>> result = remctl.remctl("host.example.com", command=["test", "hello"])
    >>> result.stdout, result.status
    (b'hello world\\n', 0)

`remctl()` runs one command. `Remctl` keeps a connection for several, and gives
their output as it arrives.
"""

from remctl import _remctl
from remctl._build_info import BuildInfo, build_info
from remctl._client import Remctl, Stream
from remctl._credentials import Credentials
from remctl._errors import (
    ErrorCode,
    RemctlCommandError,
    RemctlError,
    RemctlNotOpenedError,
    RemctlProtocolError,
    RemctlTimeoutError,
)
from remctl._simple import remctl
from remctl._types import RemctlOutput, RemctlSimpleResult

__version__ = _remctl.__version__

#: The version of libremctl, as the old binding had it.
VERSION = build_info().libremctl or "unknown"

__all__ = [
    "VERSION",
    "BuildInfo",
    "Credentials",
    "ErrorCode",
    "Remctl",
    "RemctlCommandError",
    "RemctlError",
    "RemctlNotOpenedError",
    "RemctlOutput",
    "RemctlProtocolError",
    "RemctlSimpleResult",
    "RemctlTimeoutError",
    "Stream",
    "__version__",
    "build_info",
    "remctl",
]

# Users see, and pickles name, the package and not its files.
for _name in __all__:
    if _name not in ("VERSION", "__version__"):
        globals()[_name].__module__ = __name__
del _name
