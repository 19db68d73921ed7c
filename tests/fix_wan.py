"""A real remctld at the far end of a slow link."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from remctl.testing import Realm, Server

from tests.fix_realm import ENVIRONMENT, PROGRAMS
from tests.support import tun
from tests.support.wan import Wan


@dataclass
class FarServer:
    """The link, and the server at its other end (`server.host` is an address there)."""

    wan: Wan
    server: Server


@pytest.fixture(scope="module")
def far(realm: Realm) -> Iterator[FarServer]:
    """A remctld behind a link with a round trip of 40 ms."""
    if not tun.available():
        pytest.skip("a slow link takes root and /dev/net/tun")
    with Wan(delay=0.02) as wan:
        server = realm.server(
            {"test": PROGRAMS},
            addresses=[wan.far],
            env=ENVIRONMENT,
            launcher=wan.launcher,
        )
        with server:
            yield FarServer(wan, server)
