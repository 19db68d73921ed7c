"""What the logger `remctl.credentials` says, in both worlds."""

import re
from collections.abc import Callable

import pytest
from remctl import Credentials, Remctl, RemctlError, RemctlTimeoutError
from remctl.testing import Realm, Server

from tests.credentials.conftest import Service, make_service, paused, service, stopped
from tests.fix_pools import InLoop
from tests.logged.conftest import Log
from tests.support.processes import wait_until

__all__ = ["make_service", "service"]  # the fixtures

CREDENTIALS = "remctl.credentials"


def source(of: Service) -> str:
    """How the log calls credentials."""
    return f"keytab FILE:{of.keytab} of {of.principal}"


def test_a_renewal_and_until_when_it_lasts(service: Service, log: Log) -> None:
    credentials = Credentials.from_keytab(service.keytab)
    credentials.renew()
    (line,) = log.lines(CREDENTIALS)
    assert credentials.expires is not None
    until = credentials.expires.strftime("%Y-%m-%d %H:%M:%S UTC")
    assert line == f"{source(service)}: renewed, good until {until}"


def test_the_same_in_an_event_loop(service: Service, log: Log, in_loop: InLoop) -> None:
    credentials = Credentials.from_keytab(service.keytab)
    in_loop(credentials.arenew)
    (line,) = log.lines(CREDENTIALS)
    assert line.startswith(f"{source(service)}: renewed, good until ")


def test_an_open_that_needs_a_ticket(server: Server, service: Service, log: Log) -> None:
    with Remctl("localhost", server.port, keytab=service.keytab):
        names = [record.name for record in log.records]
        assert names == [CREDENTIALS, "remctl", "remctl"]
        assert re.search(r": renewed, good until \d{4}-", log.records[0].getMessage())


def test_a_failure_and_why(realm: Realm, service: Service, log: Log) -> None:
    credentials = Credentials.from_keytab(service.keytab)
    with stopped(realm), pytest.raises(RemctlError) as caught:
        credentials.renew()
    assert log.lines(CREDENTIALS) == [f"{source(service)}: not renewed: {caught.value}"]


def test_a_kdc_that_is_silent(realm: Realm, service: Service, log: Log) -> None:
    credentials = Credentials.from_keytab(service.keytab)
    with paused(realm), pytest.raises(RemctlTimeoutError) as caught:
        credentials.renew(timeout=0.1)
    assert log.lines(CREDENTIALS) == [f"{source(service)}: not renewed: {caught.value}"]


def test_a_renewal_for_child_processes(make_service: Callable[..., Service], log: Log) -> None:
    service = make_service(lifetime=8)
    credentials = Credentials.from_keytab(service.keytab)
    with credentials.environ() as env:
        renewed = log.lines("remctl.credentials")
        wait_until(lambda: bool(env["KRB5CCNAME"] and log.records), timeout=30)
        again = log.lines("remctl.credentials")
    assert len(renewed) == len(again) == 1
    assert f"{source(service)}: renewed, good until " in again[0]
