"""A throwaway Kerberos realm and a real remctld in it, to test against.

    from remctl.testing import Realm

    with Realm() as realm, realm.environ():
        with realm.server({"test": {"hello": "#!/bin/sh\\necho hello\\n"}}) as server:
            result = remctl.remctl(server.host, server.port, command=["test", "hello"])

Needs the package `k5test` (`pip install 'pyremctl[testing]'`), an MIT Kerberos KDC and
remctld. With pytest, `pytest_plugins = ["remctl.testing.pytest_plugin"]` gives fixtures.
"""

from remctl.testing.calls import Answer, Call
from remctl.testing.commands import Command, Commands
from remctl.testing.realm import Realm
from remctl.testing.server import Server

__all__ = ["Answer", "Call", "Command", "Commands", "Realm", "Server"]
