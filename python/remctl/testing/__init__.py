"""A temporary Kerberos realm with a real remctld, for tests.

    from remctl.testing import Realm

    with Realm() as realm, realm.environ():
        with realm.server({"test": {"hello": "#!/bin/sh\\necho hello\\n"}}) as server:
            result = remctl.remctl(server.host, server.port, command=["test", "hello"])

Needs the package `k5test` (`pip install 'pyremctl[testing]'`), an MIT Kerberos KDC and remctld.
If these are not available, `fake_remctl` answers from a table, without a network. With pytest,
`pytest_plugins = ["remctl.testing.pytest_plugin"]` gives fixtures; `python -m remctl.testing`
opens a shell in a realm.
"""

from remctl.testing.calls import Answer, Call
from remctl.testing.commands import Command, Commands
from remctl.testing.realm import Realm
from remctl.testing.server import Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl.testing.fake import FakeRemctl, FakeServer, fake_remctl

__all__ = [
    "Answer",
    "Call",
    "Command",
    "Commands",
    "FakeRemctl",
    "FakeServer",
    "Realm",
    "Server",
    "fake_remctl",
]

if not TYPE_CHECKING:  # with __getattr__, type checkers would accept every name

    def __getattr__(name: str) -> object:
        """Load the fake at its first use, because it loads most of the package."""
        if name not in ("FakeRemctl", "FakeServer", "fake_remctl"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from remctl.testing import fake

        value: object = getattr(fake, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """List all names, loaded or not."""
    return sorted({*globals(), *__all__})
