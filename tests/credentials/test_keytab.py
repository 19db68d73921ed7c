"""`Credentials.from_keytab`: tickets without kinit."""

import os
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from remctl import Credentials, RemctlError
from remctl._credentials import shared_credentials
from remctl.testing import Realm, Server

from tests.credentials.conftest import MakeService, Service, hint_of, stopped, tickets_issued, user
from tests.credentials.page import is_described
from tests.support.traces import resident


def test_reads_the_keytab_and_contacts_nobody(realm: Realm, service: Service) -> None:
    with stopped(realm):
        credentials = Credentials.from_keytab(service.keytab)
        assert credentials.principal == service.principal
        assert credentials.name is None
        assert credentials.expires is None
        assert credentials.valid is False


def test_gets_a_ticket_that_libremctl_sees(server: Server, service: Service) -> None:
    credentials = Credentials.from_keytab(service.keytab)
    credentials.renew()
    assert user(server, credentials.name) == service.principal


def test_knows_when_the_ticket_expires(make_service: MakeService) -> None:
    credentials = Credentials.from_keytab(make_service(lifetime=3600).keytab)
    before = datetime.now(timezone.utc)
    credentials.renew()
    assert credentials.expires is not None
    assert abs(credentials.expires - before - timedelta(hours=1)) < timedelta(seconds=5)
    assert credentials.expires.utcoffset() == timedelta(0)
    assert credentials.valid is True


@pytest.mark.parametrize("form", [str, Path, os.fsencode, lambda path: f"FILE:{path}"])
def test_a_keytab_by_name_or_path(service: Service, form: object) -> None:
    keytab = form(service.keytab)  # type: ignore[operator]
    assert Credentials.from_keytab(keytab).principal == service.principal


def test_a_relative_path_means_the_folder_of_then(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(service.keytab.parent)
    credentials = Credentials.from_keytab(service.keytab.name)
    monkeypatch.chdir(tmp_path)
    credentials.renew()
    assert credentials.valid


def test_without_a_name_it_is_the_default_client_keytab(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", str(service.keytab))
    assert Credentials.from_keytab().principal == service.principal


def test_without_a_principal_it_is_the_first_of_the_keytab(
    realm: Realm, server: Server, make_service: MakeService
) -> None:
    first, second = make_service(), make_service()
    realm.make_keytab(second.principal, path=first.keytab)
    assert Credentials.from_keytab(first.keytab).principal == first.principal
    name = second.principal.partition("@")[0]
    for principal in (second.principal, name):  # with its realm, and in the default one
        credentials = Credentials.from_keytab(first.keytab, principal)
        assert credentials.principal == second.principal
        credentials.renew()
        assert user(server, credentials.name) == second.principal


def test_two_principals_in_one_process(
    server: Server, realm: Realm, make_service: MakeService
) -> None:
    services = [make_service(), make_service()]
    both = [Credentials.from_keytab(service.keytab) for service in services]
    for credentials in both:
        credentials.renew()
    for _ in range(2):
        for credentials, service in zip(both, services, strict=True):
            assert user(server, credentials.name) == service.principal
        assert user(server, realm.ccache) == realm.user


def test_each_renewal_has_a_new_cache_and_the_old_one_goes(
    server: Server, service: Service
) -> None:
    credentials = Credentials.from_keytab(service.keytab)
    names = []
    for _ in range(3):
        credentials.renew()
        names.append(credentials.name)
    assert len(set(names)) == 3
    for name in names[:-1]:
        assert Credentials.from_ccache(name).principal is None
    assert Credentials.from_ccache(names[-1]).principal == service.principal
    assert user(server, names[-1]) == service.principal


def test_a_ticket_expires_and_is_renewed(make_service: MakeService) -> None:
    credentials = Credentials.from_keytab(make_service(lifetime=2).keytab)
    credentials.renew()
    assert credentials.valid
    deadline = time.monotonic() + 10
    while credentials.valid:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert credentials.expires is not None
    assert credentials.expires <= datetime.now(timezone.utc)
    credentials.renew()
    assert credentials.valid


def test_a_failed_renewal_leaves_the_ticket_that_is_there(
    realm: Realm, server: Server, service: Service
) -> None:
    credentials = Credentials.from_keytab(service.keytab)
    credentials.renew()
    name = credentials.name
    assert user(server, name) == service.principal  # the server's ticket is in the cache
    with stopped(realm):
        with pytest.raises(RemctlError, match="Cannot contact any KDC"):
            credentials.renew()
        assert credentials.valid
        assert credentials.name == name
        assert user(server, name) == service.principal
    credentials.renew()
    assert credentials.name != name


def test_a_new_key_is_taken_from_the_keytab_of_now(realm: Realm, service: Service) -> None:
    credentials = Credentials.from_keytab(service.keytab)
    credentials.renew()
    realm.change_key(service.principal)
    with pytest.raises(RemctlError, match="key version 1 "):
        credentials.renew()
    realm.make_keytab(service.principal, path=service.keytab)
    credentials.renew()


class TestClose:
    def test_forgets_the_ticket(self, service: Service) -> None:
        with Credentials.from_keytab(service.keytab) as credentials:
            credentials.renew()
            name = credentials.name
        assert credentials.name is None
        assert credentials.expires is None
        assert credentials.valid is False
        assert credentials.principal == service.principal
        assert Credentials.from_ccache(name).principal is None
        credentials.close()

    def test_is_for_good(self, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        credentials.close()
        with pytest.raises(RemctlError, match="credentials are closed"):
            credentials.renew()

    def test_the_last_reference_closes_it(self, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        credentials.renew()
        name = credentials.name
        del credentials
        assert Credentials.from_ccache(name).principal is None


class TestOneForAPath:
    def test_all_share_it(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        shared = shared_credentials(service.keytab)
        assert shared_credentials(str(service.keytab)) is shared
        monkeypatch.chdir(service.keytab.parent)
        assert shared_credentials(service.keytab.name) is shared

    def test_threads_that_come_at_once_too(self, service: Service) -> None:
        start = threading.Barrier(16)
        got = []

        def get() -> None:
            start.wait()
            got.append(shared_credentials(service.keytab))

        threads = [threading.Thread(target=get) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 16
        assert len({id(credentials) for credentials in got}) == 1

    def test_the_keytab_is_read_when_a_ticket_is_needed(self, service: Service) -> None:
        late = service.keytab.parent / "late.keytab"
        shared = shared_credentials(late)
        with pytest.raises(RemctlError, match="cannot read the keytab"):
            shared.renew()
        late.write_bytes(service.keytab.read_bytes())
        shared.renew()
        assert shared.principal == service.principal


class TestWhichThingIsWrong:
    """Each failure names what failed, and its hint what to do."""

    @staticmethod
    def refused(keytab: Path, principal: str | None = None) -> RemctlError:
        with pytest.raises(RemctlError) as raised:
            Credentials.from_keytab(keytab, principal)
        assert type(raised.value) is RemctlError
        assert is_described(str(raised.value), raised.value.hint)
        return raised.value

    @staticmethod
    def failed(keytab: Path, principal: str | None = None) -> RemctlError:
        credentials = Credentials.from_keytab(keytab, principal)
        with pytest.raises(RemctlError) as raised:
            credentials.renew()
        assert type(raised.value) is RemctlError
        assert is_described(str(raised.value), raised.value.hint)
        return raised.value

    def test_no_such_keytab(self, tmp_path: Path) -> None:
        error = self.refused(tmp_path / "none.keytab")
        assert f"cannot read the keytab FILE:{tmp_path}/none.keytab: " in str(error)
        assert "not found" in str(error)

    def test_no_default_client_keytab(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KRB5_CLIENT_KTNAME", str(tmp_path / "none.keytab"))
        with pytest.raises(RemctlError, match=r"none\.keytab.* not found"):
            Credentials.from_keytab()

    def test_no_keytab_at_all(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("these are no keys\n")
        assert "cannot read the keytab" in str(self.refused(tmp_path / "text"))
        assert "cannot read the keytab" in str(self.refused(tmp_path))

    def test_an_empty_one(self, tmp_path: Path) -> None:
        (tmp_path / "empty").write_bytes(b"\x05\x02")
        error = self.refused(tmp_path / "empty")
        assert str(error) == f"the keytab FILE:{tmp_path}/empty has no key"
        assert "ktadd" in hint_of(error)

    def test_no_such_principal(self, realm: Realm, service: Service) -> None:
        error = self.refused(service.keytab, "somebody")
        assert str(error).endswith(f"has no key of somebody@{realm.name}")
        assert service.principal in hint_of(error)  # what it has
        assert "principal=" in hint_of(error)

    def test_a_principal_that_is_none(self, service: Service) -> None:
        assert "Malformed" in str(self.refused(service.keytab, "a@b@c"))

    def test_an_old_key_version(self, realm: Realm, service: Service) -> None:
        assert realm.change_key(service.principal) == 2
        error = self.failed(service.keytab)
        assert f"cannot get a ticket for {service.principal} with key version 1 of" in str(error)
        assert str(service.keytab) in str(error)
        assert "is not the one that the KDC has" in hint_of(error)
        assert "ktadd" in hint_of(error)

    def test_the_same_where_the_kdc_wants_proof_first(self, realm: Realm, service: Service) -> None:
        realm.kadmin("modprinc", "+requires_preauth", service.principal)
        realm.change_key(service.principal)
        error = self.failed(service.keytab)
        assert "with key version 1 of" in str(error)
        assert "is not the one that the KDC has" in hint_of(error)

    def test_a_client_that_the_kdc_does_not_know(self, realm: Realm, service: Service) -> None:
        realm.kadmin("delprinc", "-force", service.principal)
        error = self.failed(service.keytab)
        assert "not found in Kerberos database" in str(error)
        assert f"does not know {service.principal}" in hint_of(error)

    def test_no_kind_of_key_that_the_kdc_takes(
        self, realm: Realm, service: Service, tmp_path: Path
    ) -> None:
        old, new = (["-e", f"{kind}-cts:normal"] for kind in ("aes128", "aes256"))
        keytab = tmp_path / "keytab"
        realm.kadmin("ktadd", *old, "-k", str(keytab), service.principal)
        realm.kadmin("cpw", "-randkey", *new, service.principal)
        error = self.failed(keytab)
        assert "No key table entry found" in str(error)
        assert "of an encryption type that the KDC and this machine accept" in hint_of(error)

    def test_no_kdc(self, realm: Realm, service: Service) -> None:
        with stopped(realm):
            error = self.failed(service.keytab)
        assert "Cannot contact any KDC" in str(error)
        assert realm.name in hint_of(error)
        assert "127.0.0.1:" in hint_of(error)  # which KDC that would be
        assert "check the network" in hint_of(error)


@pytest.mark.measures
def test_renewing_again_and_again_takes_no_memory(service: Service) -> None:
    credentials = Credentials.from_keytab(service.keytab)

    def renew(times: int) -> int:
        for _ in range(times):
            credentials.renew()
        return resident()

    before = renew(50)
    assert renew(300) - before < 300 * 1024  # a context and a ticket are more than a KiB


def test_one_ticket_is_asked_for_by_one_renewal(realm: Realm, service: Service) -> None:
    credentials = Credentials.from_keytab(service.keytab)
    for count in range(3):
        assert tickets_issued(realm, service.principal) == count
        credentials.renew()
