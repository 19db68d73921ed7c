"""Many hosts and pools with tickets of their own: `ccache=`, `keytab=`, Credentials."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import remctl
from remctl import ConnectionPool, Credentials, RemctlError, run_many
from remctl.testing import Realm, Server

from tests.credentials.conftest import tickets_issued
from tests.fix_many import Many, Runs

ENV = ["test", "env"]


@pytest.fixture
def keytab(realm: Realm) -> Path:
    """Of the service `fleet`."""
    if not (realm.folder / "fleet-was-made").exists():
        realm.add_principal("fleet", "secret")
        (realm.folder / "fleet-was-made").touch()
    return realm.make_keytab("fleet")


@pytest.fixture(autouse=True)
def no_ticket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user has none that could be used instead."""
    monkeypatch.setenv("KRB5CCNAME", str(tmp_path / "none"))


def user(result: remctl.RemctlSimpleResult) -> str:
    """Who the server thought that we were."""
    (line,) = (line for line in result.text.splitlines() if line.startswith("REMOTE_USER="))
    return line.partition("=")[2]


class TestManyHosts:
    def test_share_one_ticket_from_a_keytab(
        self, realm: Realm, many: Many, runs: Runs, keytab: Path
    ) -> None:
        principal = f"fleet@{realm.name}"
        before = tickets_issued(realm, principal)
        with Credentials.from_keytab(keytab) as credentials:
            outcomes = runs(many.targets(10), ENV, ccache=credentials)
        assert {user(outcome.check()) for outcome in outcomes} == {principal}
        assert tickets_issued(realm, principal) == before + 1
        outcomes = runs(many.targets(3), ENV, keytab=keytab)
        assert {user(outcome.check()) for outcome in outcomes} == {principal}

    def test_without_a_ticket_each_host_has_an_error(self, many: Many, runs: Runs) -> None:
        outcomes = runs(many.targets(3), ENV, retries=2)
        for outcome in outcomes:
            assert isinstance(outcome.error, RemctlError)
            assert outcome.error.hint
            assert outcome.tries == 1
            assert not outcome.error.may_have_run

    def test_credentials_are_not_sent_to_workers(self, keytab: Path) -> None:
        with (
            Credentials.from_keytab(keytab) as credentials,
            ThreadPoolExecutor(1) as executor,
            pytest.raises(TypeError, match="ccache must be a name or path for an executor"),
        ):
            run_many(["localhost"], ENV, ccache=credentials, executor=executor)

    def test_a_keytab_s_path_is(self, many: Many, keytab: Path) -> None:
        with ThreadPoolExecutor(1) as executor:
            (outcome,) = run_many([many.target()], ENV, keytab=keytab, executor=executor)
        assert user(outcome.check()).startswith("fleet@")

    def test_a_keytab_and_a_cache_are_one_too_many(self, keytab: Path) -> None:
        with pytest.raises(ValueError, match="ccache or keytab"):
            run_many(["localhost"], ENV, ccache="cc", keytab=keytab)
        with pytest.raises(ValueError, match="ccache or keytab"):
            ConnectionPool("localhost", ccache="cc", keytab=keytab)


class TestPool:
    def test_has_a_ticket_from_a_keytab(self, server: Server, keytab: Path) -> None:
        with ConnectionPool("localhost", server.port, keytab=keytab) as pool:
            assert user(pool.run(ENV)).startswith("fleet@")

    def test_no_connection_is_used_beyond_its_ticket(
        self, realm: Realm, server: Server, keytab: Path, tmp_path: Path
    ) -> None:
        ccache = realm.kinit("fleet", keytab=keytab, ccache=tmp_path / "cc", lifetime=4)
        with ConnectionPool("localhost", server.port, ccache=ccache) as pool:
            assert pool.run(ENV).status == 0
            assert pool.stats()["connections_num"] == 1
            time.sleep(4.5)  # the ticket's time
            realm.kinit("fleet", keytab=keytab, ccache=ccache)
            assert pool.run(ENV).status == 0
            assert pool.stats()["connections_num"] == 2
