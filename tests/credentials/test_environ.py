"""`Credentials.environ()`: tickets for the programs that this one starts."""

import asyncio
import gc
import os
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import trio
from remctl import Credentials, RemctlError, RemctlTimeoutError
from remctl.testing import Realm

from tests.credentials.conftest import Service, paused
from tests.support.forks import in_child
from tests.support.processes import wait_until

MakeService = Callable[..., Service]


def klist(env: Mapping[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """A child process that looks for a ticket."""
    return subprocess.run(
        ["klist", *options], env={**os.environ, **env}, capture_output=True, text=True
    )


def cache_file(env: Mapping[str, str]) -> Path:
    kind, _, path = env["KRB5CCNAME"].partition(":")
    assert kind == "FILE"
    return Path(path)


def test_a_child_has_the_ticket_within_the_block(service: Service) -> None:
    with Credentials.from_keytab(service.keytab) as credentials:
        with credentials.environ() as env:
            assert klist(env, "-s").returncode == 0
            assert f"Default principal: {service.principal}" in klist(env).stdout
        assert klist(env, "-s").returncode != 0


def test_the_file_is_private_and_gone_after_the_block(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Credentials.from_keytab(service.keytab) as credentials:
        with credentials.environ() as env:
            file = cache_file(env)
            assert file.parent.parent == tmp_path
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert list(tmp_path.iterdir()) == []


def test_a_name_that_others_could_guess_is_not_followed(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Credentials.from_keytab(service.keytab) as credentials:
        folders = set()
        for _ in range(2):
            with credentials.environ() as env:
                folders.add(cache_file(env).parent)
    assert len(folders) == 2


def test_it_gives_no_more_than_two_variables(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", str(service.keytab))
    with Credentials.from_keytab(service.keytab) as credentials, credentials.environ() as env:
        assert set(env) == {"KRB5CCNAME", "KRB5_CLIENT_KTNAME"}
        # The child has no keytab of ours to fall back on.
        assert klist(env, "-k", "-i").returncode != 0
        assert subprocess.run(["klist", "-k", "-i"], capture_output=True).returncode == 0


def test_asyncio_and_trio(service: Service) -> None:
    async def in_a_block() -> None:
        with Credentials.from_keytab(service.keytab) as credentials:
            async with credentials.environ(timeout=30) as env:
                assert klist(env, "-s").returncode == 0
            assert klist(env, "-s").returncode != 0

    asyncio.run(in_a_block())
    trio.run(in_a_block)


def test_the_ticket_is_renewed_while_the_block_lasts(
    realm: Realm, make_service: MakeService
) -> None:
    service = make_service(lifetime=8)
    with Credentials.from_keytab(service.keytab) as credentials, credentials.environ() as env:
        first = cache_file(env).read_bytes()
        wait_until(lambda: cache_file(env).read_bytes() != first, timeout=30)
        assert klist(env, "-s").returncode == 0


def test_a_reader_finds_the_old_ticket_or_the_new_one(make_service: MakeService) -> None:
    service = make_service(lifetime=8)
    with Credentials.from_keytab(service.keytab) as credentials, credentials.environ() as env:
        seen: set[int] = set()
        while len(seen) < 3:
            assert klist(env, "-s").returncode == 0
            seen.add(cache_file(env).stat().st_ino)


def test_a_renewal_that_fails_is_raised_at_the_end(realm: Realm, make_service: MakeService) -> None:
    service = make_service(lifetime=8)
    credentials = Credentials.from_keytab(service.keytab)
    with pytest.raises(RemctlError, match="cannot get a ticket"), credentials.environ():
        realm.change_key(service.principal)
        wait_until(lambda: not credentials.valid, timeout=30)


def test_the_blocks_own_exception_comes_first(realm: Realm, make_service: MakeService) -> None:
    service = make_service(lifetime=8)
    with Credentials.from_keytab(service.keytab) as credentials:
        with pytest.raises(ZeroDivisionError), credentials.environ() as env:
            file = cache_file(env)
            raise ZeroDivisionError
        assert not file.exists()


def test_the_first_ticket_has_a_limit(realm: Realm, service: Service) -> None:
    with Credentials.from_keytab(service.keytab) as credentials:
        with paused(realm), pytest.raises(RemctlTimeoutError), credentials.environ(timeout=0.2):
            pass
        with pytest.raises(RemctlTimeoutError), credentials.environ(timeout=0):
            pass


def test_no_ticket_is_an_error_that_leaves_nothing(
    realm: Realm, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    realm.change_key(service.principal)
    with Credentials.from_keytab(service.keytab) as credentials:
        with pytest.raises(RemctlError), credentials.environ():
            pass
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    with (
        Credentials.from_keytab(service.keytab) as credentials,
        pytest.raises(RemctlError, match=str(tmp_path / "none")),
        credentials.environ(),
    ):
        pass


def test_a_cache_of_the_users_is_named(realm: Realm, tmp_path: Path) -> None:
    realm.kinit(ccache=tmp_path / "ccache")
    with Credentials.from_ccache(tmp_path / "ccache") as credentials:
        with credentials.environ() as env:
            assert env["KRB5CCNAME"] == f"FILE:{tmp_path}/ccache"
        assert (tmp_path / "ccache").exists()


def test_a_block_that_is_forgotten_leaves_nothing(service: Service) -> None:
    with Credentials.from_keytab(service.keytab) as credentials:
        env = credentials.environ().__enter__()
        file = cache_file(env)
        assert file.exists()
        del env
        gc.collect()
        assert not file.exists()


def test_the_child_of_a_fork_leaves_the_parents_file(service: Service) -> None:
    with Credentials.from_keytab(service.keytab) as credentials:
        environment = credentials.environ()
        with environment as env:

            def leave() -> None:
                environment.__exit__(None, None, None)

            in_child(leave)
            assert klist(env, "-s").returncode == 0


def test_a_block_is_entered_once(service: Service) -> None:
    with Credentials.from_keytab(service.keytab) as credentials:
        environment = credentials.environ()
        with environment, pytest.raises(RuntimeError, match="in use"), environment:
            pass


def test_it_does_not_delay_the_end_of_the_program(realm: Realm, service: Service) -> None:
    program = textwrap.dedent(
        """
        import sys, remctl
        with remctl.Credentials.from_keytab(sys.argv[1]).environ() as env:
            print(env["KRB5CCNAME"])
            sys.exit(3)
        """
    )
    command = [sys.executable, "-c", program, str(service.keytab)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (3, "")
    assert not Path(done.stdout.strip().removeprefix("FILE:")).exists()
