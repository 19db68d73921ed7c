"""`set_ccache`, `set_source_ip` and `set_timeout`, and the same as arguments of the call."""

import decimal
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import remctl
from remctl.testing import Realm, Server

from tests.fix_network import DeafServer
from tests.support.ids import shown
from tests.support.network import has_ipv6

HELLO = ["test", "hello"]


@pytest.fixture(scope="module")
def somebody(realm: Realm) -> str:
    """Another user, whose password is secret."""
    name = f"other@{realm.name}"
    realm.add_principal(name, "secret")
    return name


class TestCcache:
    @pytest.fixture
    def other(self, realm: Realm, somebody: str, tmp_path: Path) -> Path:
        """The ticket cache of another user."""
        ccache = tmp_path / "other"
        realm.kinit(somebody, "secret", ccache=ccache)
        return ccache

    @staticmethod
    def user(client: remctl.Remctl) -> str:
        """Who the server thinks that we are."""
        output = client.run(["test", "env"]).stdout or b""
        (line,) = (line for line in output.splitlines() if line.startswith(b"REMOTE_USER="))
        return line.decode().partition("=")[2]

    def test_is_whose_ticket_is_used(self, server: Server, realm: Realm, other: Path) -> None:
        client = remctl.Remctl()
        client.set_ccache(str(other))
        client.open(server.host, server.port)
        assert self.user(client) == f"other@{realm.name}"
        client.close()

    @pytest.mark.parametrize("form", [str, Path, os.fsencode, lambda path: f"FILE:{path}"])
    def test_is_a_name_or_a_path(self, server: Server, other: Path, form: object) -> None:
        ccache = form(other)  # type: ignore[operator]
        result = remctl.remctl(server.host, server.port, command=["test", "env"], ccache=ccache)
        assert b"REMOTE_USER=other@" in (result.stdout or b"")

    def test_concerns_later_opens_of_this_object_alone(
        self, server: Server, realm: Realm, other: Path
    ) -> None:
        ours = remctl.Remctl(server.host, server.port)
        ours.set_ccache(other)
        assert self.user(ours) == realm.user  # open already
        theirs = remctl.Remctl(server.host, server.port)
        assert self.user(theirs) == realm.user
        ours.open(server.host, server.port)
        assert self.user(ours) == f"other@{realm.name}"
        theirs.open(server.host, server.port)
        assert self.user(theirs) == realm.user
        ours.close()
        theirs.close()

    def test_holds_for_a_connection_that_is_made_again(
        self, own_server: Server, realm: Realm, other: Path
    ) -> None:
        client = remctl.Remctl()
        client.set_ccache(other)
        client.open(own_server.host, own_server.port)
        own_server.restart()
        assert self.user(client) == f"other@{realm.name}"
        client.close()

    def test_may_change_between_opens(self, server: Server, realm: Realm, other: Path) -> None:
        """LIBREMCTL.md, row 21: a cache that cannot be read must not poison the next open."""
        client = remctl.Remctl()
        for ccache, user in (
            (str(other), f"other@{realm.name}"),
            ("BOGUS:type", None),
            ("/nonexistent/ccache", None),
            (realm.ccache, realm.user),
        ):
            client.set_ccache(ccache)
            if user is None:
                with pytest.raises(remctl.RemctlError):
                    client.open(server.host, server.port)
            else:
                client.open(server.host, server.port)
                assert self.user(client) == user
        client.close()

    def test_in_an_environment_without_one(
        self, server: Server, realm: Realm, tmp_path: Path
    ) -> None:
        ccache = shutil.copy(realm.ccache, tmp_path / "mine")
        script = (
            "import sys, remctl\n"
            "host, port, ccache = sys.argv[1], int(sys.argv[2]), sys.argv[3]\n"
            "try:\n"
            "    remctl.remctl(host, port, command=['test', 'hello'])\n"
            "except remctl.RemctlProtocolError as error:\n"
            "    print(error)\n"
            "result = remctl.remctl(host, port, command=['test', 'hello'], ccache=ccache)\n"
            "print(result.status)\n"
        )
        env = {key: value for key, value in os.environ.items() if key != "KRB5CCNAME"}
        env["KRB5CCNAME"] = str(tmp_path / "none")
        command = [sys.executable, "-c", script, server.host, str(server.port), str(ccache)]
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
        first, second = done.stdout.splitlines()
        assert first.startswith("GSS-API error initializing context")
        assert second == "0"


class TestSourceIp:
    @staticmethod
    def own_address(client: remctl.Remctl) -> str:
        """The address that the connection comes from."""
        with socket.socket(fileno=socket.dup(client.fileno())) as sock:
            return str(sock.getsockname()[0])

    @pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.9", b"127.0.0.7"])
    def test_is_where_the_connection_comes_from(self, server: Server, source: str) -> None:
        client = remctl.Remctl()
        client.set_source_ip(source)
        client.open("127.0.0.1", server.port, server.principal)
        expected = source.decode() if isinstance(source, bytes) else source
        assert self.own_address(client) == expected
        assert client.run(HELLO).status == 0
        client.close()

    @pytest.mark.parametrize("source", ["0.0.0.0", "any", "all"])
    def test_may_be_any(self, server: Server, source: str) -> None:
        result = remctl.remctl(server.host, server.port, command=HELLO, source_ip=source)
        assert result.status == 0

    @pytest.mark.parametrize("source", ["::1", "::"])
    def test_of_the_sixth_version(self, server: Server, source: str) -> None:
        if not has_ipv6():
            pytest.skip("no IPv6 here")
        client = remctl.Remctl()
        client.set_source_ip(source)
        client.open("::1", server.port, server.principal)
        assert self.own_address(client) == "::1"
        client.close()

    def test_holds_for_a_connection_that_is_made_again(self, own_server: Server) -> None:
        client = remctl.Remctl()
        client.set_source_ip("127.0.0.9")
        client.open("127.0.0.1", own_server.port, own_server.principal)
        own_server.restart()
        assert client.run(HELLO).status == 0
        assert self.own_address(client) == "127.0.0.9"
        client.close()

    @pytest.mark.parametrize(("source", "host"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
    def test_of_another_family_than_the_server_s_cannot_connect(
        self, server: Server, source: str, host: str
    ) -> None:
        client = remctl.Remctl()
        client.set_source_ip(source)
        with pytest.raises(remctl.RemctlError, match=r"^cannot connect to "):
            client.open(host, server.port, server.principal)

    def test_that_is_not_this_machine_s_cannot_connect(self, server: Server) -> None:
        client = remctl.Remctl()
        client.set_source_ip("192.0.2.1")
        text = r"^cannot connect to 127\.0\.0\.1 \(port \d+\): Cannot assign requested address$"
        with pytest.raises(remctl.RemctlError, match=text):
            client.open("127.0.0.1", server.port, server.principal)

    @pytest.mark.parametrize("source", ["localhost", "", "1.2.3.4.5", "::g", "fe80::1%"])
    def test_that_is_no_address_is_a_value_error(self, source: str) -> None:
        text = "^source must be an IPv4 or IPv6 address: "
        with pytest.raises(ValueError, match=text):
            remctl.Remctl().set_source_ip(source)
        with pytest.raises(ValueError, match=text):
            remctl.remctl("localhost", command=HELLO, source_ip=source)


class TestTimeout:
    @pytest.mark.parametrize("timeout", [0.1, 1, True], ids=shown)
    def test_ends_a_wait(self, server: Server, timeout: float) -> None:
        with remctl.Remctl(server.host, server.port) as client:
            client.set_timeout(timeout)
            client.command(["test", "sleep", "5"])
            start = time.monotonic()
            with pytest.raises(
                remctl.RemctlTimeoutError, match=r"^error receiving token: timed out$"
            ):
                client.output()
            assert timeout <= time.monotonic() - start < timeout + 1

    def test_set_before_open_it_holds_for_it(self, deaf: DeafServer) -> None:
        client = remctl.Remctl()
        client.set_timeout(0.1)
        start = time.monotonic()
        with pytest.raises(remctl.RemctlTimeoutError):
            client.open(deaf.host, deaf.port)
        assert 0.1 <= time.monotonic() - start < 1

    def test_limits_each_silence_and_not_the_whole(self, server: Server) -> None:
        with remctl.Remctl(server.host, server.port) as client:
            client.set_timeout(0.5)
            start = time.monotonic()
            assert client.run(["test", "stream", "5", "0.2"]).status == 0
            assert time.monotonic() - start > 0.9

    @pytest.mark.parametrize("never", [0, 0.0, None], ids=shown)
    def test_none_and_zero_take_it_back(self, server: Server, never: float | None) -> None:
        with remctl.Remctl(server.host, server.port) as client:
            client.set_timeout(0.05)
            client.set_timeout(never)
            assert client.run(["test", "sleep", "0.3"]).status == 0

    def test_the_next_command_connects_again(self, server: Server) -> None:
        """LIBREMCTL.md, row 12."""
        with remctl.Remctl(server.host, server.port) as client:
            client.set_timeout(0.2)
            with pytest.raises(remctl.RemctlTimeoutError):
                client.run(["test", "sleep", "5"])
            assert client.opened
            client.set_timeout(5)
            assert client.run(HELLO).stdout == b"hello world\n"

    @pytest.mark.parametrize(
        "timeout",
        [-1, -0.5, float("-inf"), -(10**400)],
        ids=lambda value: f"{value!r:.9}",
    )
    def test_a_negative_one_is_an_error(self, timeout: float) -> None:
        with pytest.raises(remctl.RemctlError, match=f"^invalid timeout {timeout}$"):
            remctl.Remctl().set_timeout(timeout)

    @pytest.mark.parametrize(
        "timeout", [float("nan"), decimal.Decimal("nan"), decimal.Decimal("snan")], ids=shown
    )
    @pytest.mark.parametrize(
        "call",
        [
            lambda timeout: remctl.Remctl().set_timeout(timeout),
            lambda timeout: remctl.Remctl(timeout=timeout),
            lambda timeout: remctl.remctl("localhost", command=["a"], timeout=timeout),
            lambda timeout: remctl.Remctl().open("localhost", 1, timeout=timeout),
            lambda timeout: remctl.Credentials.from_ccache().renew(timeout),
        ],
        ids=["set_timeout", "Remctl", "remctl", "open", "renew"],
    )
    def test_what_is_not_a_number_is_a_value_error(
        self, call: Callable[[object], object], timeout: object
    ) -> None:
        signalling = "be a number of seconds: cannot convert signaling NaN"
        text = f"^timeout must (not be NaN$|be a number of seconds, not nan$|{signalling})"
        with pytest.raises(ValueError, match=text):
            call(timeout)

    def test_a_refused_one_leaves_the_old_one(self, server: Server) -> None:
        with remctl.Remctl(server.host, server.port) as client:
            client.set_timeout(0.1)
            with pytest.raises(remctl.RemctlError):
                client.set_timeout(-1)
            with pytest.raises(remctl.RemctlTimeoutError):
                client.run(["test", "sleep", "5"])

    @pytest.mark.parametrize("timeout", ["1", b"1", [], 1j, object()], ids=shown)
    def test_no_number_is_a_type_error(self, timeout: object) -> None:
        with pytest.raises(TypeError, match=r"^timeout must be a number of seconds, not "):
            remctl.Remctl().set_timeout(timeout)  # type: ignore[arg-type]

    def test_what_its_conversion_raises_is_raised(self) -> None:
        class Stubborn:
            def __float__(self) -> float:
                raise LookupError("no")

        with pytest.raises(LookupError, match=r"^no$"):
            remctl.Remctl().set_timeout(Stubborn())

    @pytest.mark.parametrize(
        "timeout", [10**6, 1e300, float("inf"), 10**400, 1e-12], ids=lambda value: f"{value!r:.9}"
    )
    def test_of_any_size(self, server: Server, timeout: float) -> None:
        client = remctl.Remctl()
        client.set_timeout(timeout)
        if timeout > 1:
            client.open(server.host, server.port)
            assert client.run(HELLO).status == 0
        else:
            with pytest.raises(remctl.RemctlTimeoutError):
                client.open(server.host, server.port)
        client.close()


class TestTheConstructor:
    """`timeout`, `ccache` and `source_ip` as keywords of `Remctl`: set before it opens."""

    def test_sets_all_three(self, server: Server, realm: Realm) -> None:
        with remctl.Remctl(
            "127.0.0.1",
            server.port,
            server.principal,
            timeout=0.2,
            ccache=Path(realm.ccache),
            source_ip="127.0.0.9",
        ) as client:
            assert TestSourceIp.own_address(client) == "127.0.0.9"
            assert client.run(HELLO).status == 0
            with pytest.raises(remctl.RemctlTimeoutError):
                client.run(["test", "sleep", "5"])

    def test_the_credential_cache_is_the_one_that_is_used(
        self, server: Server, tmp_path: Path
    ) -> None:
        with pytest.raises(remctl.RemctlError, match="GSS-API error"):
            remctl.Remctl(server.host, server.port, ccache=tmp_path / "none")

    def test_the_timeout_holds_for_connecting(self, deaf: DeafServer) -> None:
        with pytest.raises(remctl.RemctlTimeoutError):
            remctl.Remctl(deaf.host, deaf.port, timeout=0.05)

    def test_they_hold_for_a_later_open(self, deaf: DeafServer) -> None:
        client = remctl.Remctl(timeout=0.05)
        with pytest.raises(remctl.RemctlTimeoutError):
            client.open(deaf.host, deaf.port)

    @pytest.mark.parametrize("timeout", [None, 0, 0.0])
    def test_none_and_zero_are_no_limit(self, server: Server, timeout: float | None) -> None:
        with remctl.Remctl(server.host, server.port, timeout=timeout) as client:
            assert client.run(["test", "sleep", "0.1"]).status == 0

    @pytest.mark.parametrize(
        ("keywords", "kind", "text"),
        [
            ({"timeout": -1}, remctl.RemctlError, "^invalid timeout -1$"),
            ({"timeout": "1"}, TypeError, "^timeout must be a number of seconds, not str$"),
            ({"ccache": 7}, TypeError, "^ccache must be a str, not int$"),
            ({"source_ip": "localhost"}, ValueError, "^source must be an IPv4 or IPv6 address"),
        ],
    )
    def test_one_that_makes_no_sense_is_refused_before_anything_is_sent(
        self, deaf: DeafServer, keywords: dict[str, Any], kind: type[Exception], text: str
    ) -> None:
        with pytest.raises(kind, match=text):
            remctl.Remctl(deaf.host, deaf.port, **keywords)
        assert deaf.connections == 0

    def test_they_are_keywords_only(self) -> None:
        with pytest.raises(TypeError, match="positional"):
            remctl.Remctl("localhost", 1, None, 5)  # type: ignore[call-arg]
