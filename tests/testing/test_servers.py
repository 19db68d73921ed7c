"""The servers that the tests make up, tried with the C client program and plain sockets."""

import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import gssapi
import pytest
from remctl.testing import Realm, Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_network import DeafServer, MuteKdc, UnreadServer, full_listener
from tests.fix_protocol1 import Protocol1Server
from tests.fix_realm import netstrings
from tests.fix_wan import FarServer
from tests.support import hosts
from tests.support.client import remctl
from tests.support.proxy import DOWN, UP, Proxy
from tests.support.tokens import Flag, Message, pack_arguments, receive_token, token
from tests.support.wan import Wan

TOKEN = Flag.DATA | Flag.PROTOCOL


class TestCommands:
    """What the commands of the real server print."""

    def test_args(self, server: Server) -> None:
        arguments = [b"", b"a b", b"\xff\xfe", b"line\nfeed", "ü".encode()]
        assert netstrings(remctl(server, "test", "args", *arguments).stdout) == arguments

    def test_statuses(self, server: Server) -> None:
        assert remctl(server, "test", "status", "0").returncode == 0
        assert remctl(server, "test", "status", "255").returncode == 255

    def test_streams(self, server: Server) -> None:
        result = remctl(server, "test", "mix", "3")
        assert result.stdout == b"out 1\nout 2\n"
        assert result.stderr == b"err 1\nerr 2\n"
        assert result.returncode == 3

    def test_stdin(self, server: Server) -> None:
        data = b"0123456789" * 1000
        length, digest = remctl(server, "test", "stdin", data).stdout.split()
        assert int(length) == len(data)
        assert digest.decode() == hashlib.sha256(data).hexdigest()

    def test_output(self, server: Server) -> None:
        assert remctl(server, "test", "octets").stdout == bytes(range(256))
        assert remctl(server, "test", "bytes", "100000").stdout == b"0123456789abcde\n" * 6250
        assert remctl(server, "test", "lines", "3").stdout == b"line 1\nline 2\nline 3\n"
        assert remctl(server, "test", "stream", "2", "0.01").stdout == b"line 1\nline 2\n"

    def test_sleep(self, server: Server) -> None:
        start = time.monotonic()
        assert remctl(server, "test", "sleep", "0.2").returncode == 0
        assert time.monotonic() - start >= 0.2

    def test_record(self, server: Server, tmp_path: Path) -> None:
        runs = str(tmp_path / "runs")
        for _ in range(2):
            remctl(server, "test", "record", runs)
        assert len(set((tmp_path / "runs").read_text().split())) == 2

    def test_env(self, server: Server, realm: Realm) -> None:
        assert f"REMOTE_USER={realm.user}\n".encode() in remctl(server, "test", "env").stdout

    def test_denied(self, server: Server) -> None:
        assert b"Access denied" in remctl(server, "test", "denied").stderr

    def test_drop(self, server: Server) -> None:
        assert b"unexpected end of file" in remctl(server, "test", "drop").stderr
        assert remctl(server, "test", "drop", "0.01").returncode == 0


class TestProtocol1:
    def test_with_the_c_client(self, protocol1: Protocol1Server) -> None:
        assert remctl(protocol1, "test", "one").stdout == b"test one\n"
        protocol1.answer = lambda command: (command[1] * 3, 7)
        result = remctl(protocol1, "test", "two")
        assert (result.stdout, result.returncode) == (b"twotwotwo", 7)
        assert protocol1.commands == [[b"test", b"one"], [b"test", b"two"]]
        # The C client drops the answer of the server's handshake and goes on in the old way.
        assert protocol1.connections == 2


def handshake(sock: socket.socket, principal: str) -> gssapi.SecurityContext:
    """The client's side of a handshake, in as few words as can be."""
    name = gssapi.Name(principal, gssapi.NameType.kerberos_principal)
    flags = gssapi.RequirementFlag
    wanted = flags.mutual_authentication | flags.confidentiality | flags.integrity
    context = gssapi.SecurityContext(name=name, usage="initiate", flags=int(wanted))
    sock.sendall(token(Flag.NOOP | Flag.CONTEXT_NEXT | Flag.PROTOCOL, b""))
    sock.sendall(token(Flag.CONTEXT | Flag.PROTOCOL, context.step() or b""))
    received, data = receive_token(sock)
    assert received == Flag.CONTEXT | Flag.PROTOCOL
    context.step(data)
    assert context.complete
    return context


class TestHostile:
    def test_honest_script(self, hostile: MakeHostile) -> None:
        def script(connection: Connection) -> None:
            command = connection.recv_command()
            connection.send_output(1, b" ".join(command))
            connection.send_output(2, b"oops")
            connection.send_status(5)
            connection.wait_closed()

        result = remctl(hostile(script), "a", "b")
        assert (result.stdout, result.stderr, result.returncode) == (b"a b", b"oops", 5)

    def test_long_command(self, hostile: MakeHostile) -> None:
        lengths: list[int] = []

        def script(connection: Connection) -> None:
            lengths.extend(map(len, connection.recv_command()))
            connection.send_status(0)

        assert remctl(hostile(script), "a", "b" * 100000, "c" * 100000).returncode == 0
        assert lengths == [1, 100000, 100000]

    def test_error(self, hostile: MakeHostile) -> None:
        def script(connection: Connection) -> None:
            connection.recv_command()
            connection.send_error(77, b"out of cheese")

        assert remctl(hostile(script), "a").stderr == b"out of cheese\n"

    def test_slowly(self, hostile: MakeHostile) -> None:
        def script(connection: Connection) -> None:
            connection.recv_command()
            connection.send_slowly(connection.wrap(b"\2\4\0"), chunk=10, interval=0.01)

        start = time.monotonic()
        assert remctl(hostile(script), "a").returncode == 0
        assert time.monotonic() - start > 0.05

    @pytest.mark.parametrize(
        ("lie", "error"),
        [
            (Connection.close, "unexpected end of file"),
            (Connection.reset, "unexpected end of file"),
            (lambda connection: connection.send_raw(b"\x44\xff\xff\xff\xff"), "too large"),
            (lambda connection: connection.send_token(TOKEN, b"\2\x63"), "unknown message type 99"),
            (lambda connection: connection.send_token(TOKEN, b""), "malformed result token"),
            (lambda connection: connection.send_raw(token(TOKEN, b"nonsense")), "GSS-API error"),
        ],
    )
    def test_lies(self, hostile: MakeHostile, lie: object, error: str) -> None:
        def script(connection: Connection) -> None:
            connection.recv_command()
            lie(connection)  # type: ignore[operator]

        result = remctl(hostile(script), "a")
        assert error in result.stderr.decode()

    def test_handshake_of_garbage(self, hostile: MakeHostile) -> None:
        server = hostile(Connection.wait_closed, handshake=lambda c: c.send_raw(b"garbage" * 10))
        result = remctl(server, "a")
        assert b"error receiving" in result.stderr
        assert result.returncode == 1

    def test_reset(self, hostile: MakeHostile) -> None:
        server = hostile(Connection.wait_closed, handshake=Connection.reset)
        sock = socket.create_connection((server.host, server.port))
        with sock, pytest.raises(ConnectionResetError):
            sock.recv(1)

    def test_with_plain_gssapi(self, hostile: MakeHostile) -> None:
        def script(connection: Connection) -> None:
            version, kind, _ = connection.recv_message()
            assert (version, kind) == (3, Message.NOOP)
            connection.send_version(2)
            assert connection.recv_command() == [b"x", b"y" * 10]
            connection.send_noop()

        server = hostile(script)
        with socket.create_connection((server.host, server.port)) as sock:
            context = handshake(sock, server.principal)

            def send(plain: bytes) -> None:
                sock.sendall(token(TOKEN, context.wrap(plain, encrypt=True).message))

            def receive() -> bytes:
                flags, data = receive_token(sock)
                assert flags == TOKEN
                return context.unwrap(data).message

            send(b"\3\7")
            assert receive() == b"\2\6\2"
            packed = pack_arguments([b"x", b"y" * 10])
            send(b"\2\1\0\1" + packed[:9])
            send(b"\2\1\0\2" + packed[9:12])
            send(b"\2\1\0\3" + packed[12:])
            assert receive() == b"\3\7"

    def test_mistake_of_a_script_is_reported(self, realm: Realm, hostile: MakeHostile) -> None:
        def script(connection: Connection) -> None:
            raise ZeroDivisionError

        server = hostile(script)
        remctl(server, "a")
        with pytest.raises(ZeroDivisionError):
            server.close()
        server._errors.clear()


class TestProxy:
    def test_counts(self, proxy: Proxy, family: socket.AddressFamily, server: Server) -> None:
        address = proxy.host
        command = ["remctl", "-p", str(proxy.port), "-s", server.principal, address, "test"]
        assert len(subprocess.check_output([*command, "bytes", "1000000"])) == 1000000
        assert proxy.connections == 1
        assert proxy.count[DOWN] > 1000000
        assert 0 < proxy.count[UP] < 10000

    def connected(self, proxy: Proxy) -> socket.socket:
        sock = socket.create_connection((proxy.host, proxy.port))
        sock.settimeout(10)
        return sock

    def test_pause(self, deaf: DeafServer) -> None:
        with Proxy((deaf.host, deaf.port)) as proxy, self.connected(proxy) as sock:
            proxy.after(5, UP, Proxy.pause)
            sock.sendall(b"0123456789")
            deadline = time.monotonic() + 10
            while proxy.count[UP] < 5 and time.monotonic() < deadline:
                time.sleep(0.001)
            proxy.pause()
            assert proxy.count[UP] == 5
            proxy.resume()
            while proxy.count[UP] < 10 and time.monotonic() < deadline:
                time.sleep(0.001)
            assert proxy.count[UP] == 10

    def test_cut(self, deaf: DeafServer) -> None:
        with Proxy((deaf.host, deaf.port)) as proxy, self.connected(proxy) as sock:
            proxy.after(3, UP, Proxy.cut)
            sock.sendall(b"012")
            assert sock.recv(1) == b""
            assert proxy.count[UP] == 3

    def test_reset(self, deaf: DeafServer) -> None:
        with Proxy((deaf.host, deaf.port)) as proxy, self.connected(proxy) as sock:
            proxy.after(3, UP, Proxy.reset)
            sock.sendall(b"012")
            with pytest.raises(ConnectionResetError):
                sock.recv(1)

    def test_half_close_and_big_streams(self) -> None:
        data = os.urandom(3_000_000)
        received = bytearray()
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve() -> None:
                peer, _ = listener.accept()
                with peer:
                    while piece := peer.recv(65536):
                        received.extend(piece)
                    peer.sendall(b"done")

            thread = threading.Thread(target=serve)
            thread.start()
            with Proxy(listener.getsockname()) as proxy, self.connected(proxy) as sock:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                assert sock.recv(10) == b"done"
                assert sock.recv(10) == b""
            thread.join()
        assert received == data


def fails_to_connect(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
        sock.settimeout(0.2)
        try:
            sock.connect((host, port))
        except TimeoutError:
            return True
    return False


class TestNetwork:
    def test_deaf(self, deaf: DeafServer, family: socket.AddressFamily) -> None:
        with socket.create_connection((deaf.host, deaf.port)) as sock:
            sock.sendall(bytes(1_000_000))
            sock.settimeout(0.05)
            with pytest.raises(TimeoutError):
                sock.recv(1)

    def test_unread(self, unread: UnreadServer, family: socket.AddressFamily) -> None:
        with socket.create_connection((unread.host, unread.port)) as sock:
            sock.settimeout(0.05)
            with pytest.raises(TimeoutError):
                sock.sendall(bytes(100_000_000))

    def test_full(self, full: tuple[str, int], family: socket.AddressFamily) -> None:
        assert fails_to_connect(*full)

    def test_full_at_another_address(self) -> None:
        with full_listener("127.0.0.2") as where:
            assert where[0] == "127.0.0.2"
            assert fails_to_connect(*where)

    def test_black_hole(self, black_hole: str) -> None:
        assert fails_to_connect(black_hole, 4373)

    def test_mute_kdc(self, mute_kdc: MuteKdc, server: Server) -> None:
        args = ["remctl", "-p", str(server.port), "localhost", "test", "hello"]
        with subprocess.Popen(args, env=os.environ | mute_kdc.env) as client:
            assert mute_kdc.asked.wait(10)
            assert client.poll() is None
            client.kill()

    def test_hosts(self, tmp_path: Path) -> None:
        if not hosts.available():
            pytest.skip("host names of our own take root")
        launcher = hosts.launcher(tmp_path, {"many.test": ["127.0.0.2", "127.0.0.3", "::1"]})
        code = "import socket; print({a[4][0] for a in socket.getaddrinfo('many.test', 1)})"
        addresses = subprocess.check_output([*launcher, sys.executable, "-c", code], text=True)
        assert {"127.0.0.2", "127.0.0.3"} <= set(eval(addresses))


class TestWan:
    def test_round_trips(self, far: FarServer) -> None:
        far.wan.counts()
        start = time.monotonic()
        # Without output: remctld sends a status after output only when that is acknowledged.
        result = remctl(far.server, "test", "status", "3", host=far.server.host)
        taken = time.monotonic() - start
        assert result.returncode == 3
        counts = far.wan.counts()
        # A SYN, two tokens of the handshake one after the other's ACK, the command, and the
        # goodbye, for which nobody waits.
        assert counts["round_trips"] == 5
        assert taken >= 4 * far.wan.round_trip

    def test_gone_with_its_process(self) -> None:
        code = (
            "import os, signal\n"
            "from tests.support.wan import Wan\n"
            "with Wan() as wan:\n"
            "    print(wan.near, wan._far.pid, flush=True)\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        result = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        near, pid = result.stdout.split()
        deadline = time.monotonic() + 10
        while near in subprocess.check_output(["ip", "addr"], text=True):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        while os.path.exists(f"/proc/{pid}"):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def test_two_at_once(self) -> None:
        with Wan() as one, Wan() as two:
            assert one.near != two.near
