"""Run single commands on remote hosts over Kerberos, with remctl.

    >>> import remctl
    >>> result = remctl.remctl("host.example.com", command=["test", "hello"])
    >>> result.stdout, result.status
    (b'hello world\\n', 0)

`remctl()` runs one command. `Remctl` keeps a connection open for several commands, and returns
their output as it arrives.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl import _remctl as _remctl
    from remctl._async_client import AsyncRemctl, AsyncStream
    from remctl._async_pool import AsyncConnectionPool
    from remctl._build_info import VERSION, BuildInfo, __version__, build_info
    from remctl._client import Remctl, Stream
    from remctl._codes import ErrorCode, ErrorKind
    from remctl._credentials import Credentials
    from remctl._errors import (
        RemctlCommandError,
        RemctlError,
        RemctlNotOpenedError,
        RemctlProtocolError,
        RemctlSimpleResult,
        RemctlTimeoutError,
    )
    from remctl._many.async_each import afor_each
    from remctl._many.asynchronous import arun_many
    from remctl._many.blocking import run_many
    from remctl._many.each import for_each
    from remctl._many.job import JobRemctl
    from remctl._many.outcome import Outcome, Target
    from remctl._output import RemctlOutput
    from remctl._pool import ConnectionPool
    from remctl._preload import preload
    from remctl._simple import aremctl, remctl

__all__ = [
    "VERSION",
    "AsyncConnectionPool",
    "AsyncRemctl",
    "AsyncStream",
    "BuildInfo",
    "ConnectionPool",
    "Credentials",
    "ErrorCode",
    "ErrorKind",
    "JobRemctl",
    "Outcome",
    "Remctl",
    "RemctlCommandError",
    "RemctlError",
    "RemctlNotOpenedError",
    "RemctlOutput",
    "RemctlProtocolError",
    "RemctlSimpleResult",
    "RemctlTimeoutError",
    "Stream",
    "Target",
    "__version__",
    "afor_each",
    "aremctl",
    "arun_many",
    "build_info",
    "for_each",
    "preload",
    "remctl",
    "run_many",
]


def _refuse_sub_interpreters() -> None:
    """Raise ImportError now, and not at the first use of a name, which may be much later."""
    try:
        import _interpreters as interpreters  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        import _xxsubinterpreters as interpreters  # type: ignore[import-not-found, no-redef, unused-ignore]

    if interpreters.get_current() != interpreters.get_main():
        raise ImportError(
            "remctl cannot be imported in a sub-interpreter: import it in the main interpreter "
            "(with mod_wsgi: WSGIApplicationGroup %{GLOBAL})"
        )


_refuse_sub_interpreters()

# The imports above, for Python: where each name is loaded from at its first use. Until then
# neither the extension nor Kerberos is loaded; remctl.backend and remctl.testing need neither.
# (No module may have the name of a public function: loading it would replace the function.)
_HOMES = {
    "AsyncConnectionPool": "_async_pool",
    "AsyncRemctl": "_async_client",
    "AsyncStream": "_async_client",
    "BuildInfo": "_build_info",
    "ConnectionPool": "_pool",
    "Credentials": "_credentials",
    "ErrorCode": "_codes",
    "ErrorKind": "_codes",
    "JobRemctl": "_many.job",
    "Outcome": "_many.outcome",
    "Remctl": "_client",
    "RemctlCommandError": "_errors",
    "RemctlError": "_errors",
    "RemctlNotOpenedError": "_errors",
    "RemctlOutput": "_output",
    "RemctlProtocolError": "_errors",
    "RemctlSimpleResult": "_errors",
    "RemctlTimeoutError": "_errors",
    "Stream": "_client",
    "Target": "_many.outcome",
    "VERSION": "_build_info",
    "__version__": "_build_info",
    "afor_each": "_many.async_each",
    "aremctl": "_simple",
    "arun_many": "_many.asynchronous",
    "build_info": "_build_info",
    "for_each": "_many.each",
    "preload": "_preload",
    "remctl": "_simple",
    "run_many": "_many.blocking",
}

# Loading lets other threads run. If one of them sets KRB5CCNAME meanwhile, the call that follows
# would be another client's than the caller has set. These modules have no such calls.
_WITHOUT_TICKETS = {
    "_build_info",
    "_codes",
    "_errors",
    "_many.outcome",
    "_output",
    "_preload",
}

# Values of the variable: of each thread that is loading a name, as it was when the thread came; and
# the value that was put back last.
_loading: list[str | None] = []
_put_back: list[str | None] = []


def _as_before(own: str | None) -> bool:
    """Give the calling thread its KRB5CCNAME back if a thread that loads a name too has set it.

    That thread gets its own value back in turn. Returns False if any other thread has set it.
    """
    from os import environ

    now = environ.get("KRB5CCNAME")
    if now == own:
        return True
    if now not in _loading and now not in _put_back:
        return False
    _put_back[:] = [own]
    if own is None:
        del environ["KRB5CCNAME"]
    else:
        environ["KRB5CCNAME"] = own
    return True


def _module(name: str) -> object:
    """Load a module of the package. (importlib, which does that too, takes time to load.)"""
    import sys

    full_name = f"remctl.{name}"
    __import__(full_name)
    return sys.modules[full_name]


if not TYPE_CHECKING:  # with __getattr__, type checkers would accept every name

    def __getattr__(name: str) -> object:
        """Load a public name, or the extension, at its first use."""
        from os import environ

        ccache = environ.get("KRB5CCNAME")
        _loading.append(ccache)
        try:
            if name == "_remctl":
                return _module(name)
            if name not in _HOMES:
                raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
            value: object = getattr(_module(_HOMES[name]), name)
        finally:
            _loading.remove(ccache)
        globals()[name] = value
        if _HOMES[name] not in _WITHOUT_TICKETS and not _as_before(ccache):
            from remctl._errors import identity_unknown

            raise identity_unknown()
        return value


def __dir__() -> list[str]:
    """List all names, loaded or not."""
    return sorted({*globals(), *_HOMES})
