"""In a program that gevent has patched a greenlet waits for its call, and the others go on."""

import json
import os
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from remctl.testing import Realm, Server

PRELUDE = """
from gevent import monkey
monkey.patch_all()
import json, os, signal, sys, time
import gevent
import remctl
HOST, PORT = sys.argv[1], int(sys.argv[2])

def seconds_of(call):
    begin = time.monotonic()
    call()
    return time.monotonic() - begin

def in_greenlets(call, count=3):
    greenlets = [gevent.spawn(call) for _ in range(count)]
    gevent.joinall(greenlets, raise_error=True)
    return [greenlet.value for greenlet in greenlets]

def connected(**settings):
    return remctl.Remctl(HOST, PORT, **settings)
"""


def run(server: Server, program: str, *, quiet: bool = True) -> Any:
    """What a patched program prints, as JSON."""
    source = PRELUDE + textwrap.dedent(program)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source, server.host, str(server.port)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert not quiet or done.stderr == ""
    return json.loads(done.stdout)


def test_calls_of_several_greenlets_are_made_at_once(server: Server) -> None:
    taken, texts, simple = run(
        server,
        """
        def full():
            with connected() as r:
                return r.run(["test", "sleep", "1"]).status

        def simple():
            return remctl.remctl(HOST, PORT, None, ["test", "sleep", "1"]).status

        result = []
        print(json.dumps([
            seconds_of(lambda: result.extend(in_greenlets(full))),
            result,
            seconds_of(lambda: in_greenlets(simple)),
        ]))
        """,
    )
    assert texts == [0, 0, 0]
    assert taken < 2.5
    assert simple < 2.5


def test_others_run_while_a_greenlet_waits(server: Server) -> None:
    ticks = run(
        server,
        """
        ticks = 0

        def tick():
            global ticks
            while True:
                gevent.sleep(0.01)
                ticks += 1

        ticking = gevent.spawn(tick)
        with connected() as r:
            r.run(["test", "sleep", "1"])
        ticking.kill()
        print(ticks)
        """,
    )
    assert ticks > 20


def test_calls_on_one_connection_are_made_in_order(server: Server) -> None:
    said = run(
        server,
        """
        said = []
        r = connected()

        def say(number):
            said.append(r.run(["test", "hello", str(number)]).text.split()[1])

        gevent.joinall([gevent.spawn(say, number) for number in range(5)], raise_error=True)
        print(json.dumps(said))
        """,
    )
    assert said == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    "end",
    [
        "gevent.Timeout(0.2)",
        "gevent.Timeout(0.2, ValueError())",
    ],
)
def test_a_timeout_of_gevents_ends_a_call(server: Server, end: str) -> None:
    taken, kind, after = run(
        server,
        f"""
        r = connected()
        kinds = []

        def limited():
            try:
                with {end}:
                    r.run(["test", "sleep", "20"])
            except (gevent.Timeout, ValueError) as error:
                kinds.append(type(error).__name__)

        taken = seconds_of(limited)
        print(json.dumps([taken, kinds[0], r.run(["test", "hello", "world"]).text]))
        """,
    )
    assert taken < 5
    assert kind in ("Timeout", "ValueError")
    assert after == "hello world\n"


def test_a_greenlet_that_is_killed_leaves_the_connection_to_others(server: Server) -> None:
    after = run(
        server,
        """
        r = connected()
        greenlet = gevent.spawn(r.run, ["test", "sleep", "20"])
        gevent.sleep(0.2)
        waiting = gevent.spawn(r.run, ["test", "hello", "world"])
        gevent.sleep(0)
        greenlet.kill()
        print(json.dumps(waiting.get().text))
        """,
    )
    assert after == "hello world\n"


def test_the_limits_of_a_call_hold(server: Server) -> None:
    taken, kind = run(
        server,
        """
        r = connected()
        kinds = []

        def limited():
            try:
                r.run(["test", "sleep", "20"], timeout=0.2)
            except remctl.RemctlTimeoutError as error:
                kinds.append(error.kind)

        taken = seconds_of(limited)
        print(json.dumps([taken, kinds[0]]))
        """,
    )
    assert taken < 5
    assert kind == "timeout"


def test_streams_files_and_the_verbs_one_by_one(server: Server, tmp_path: Path) -> None:
    types, noop, low, into_file = run(
        server,
        f"""
        r = connected()
        with r.stream(["test", "hello", "world"]) as stream:
            types = [token.type for token in stream]
        r.command(["test", "hello", "world"])
        low = [token.type for token in r]
        with open({str(tmp_path / "out")!r}, "wb") as file:
            r.run(["test", "hello", "world"], stdout=file)
        with open({str(tmp_path / "out")!r}) as file:
            print(json.dumps([types, r.noop(), low, file.read()]))
        """,
    )
    assert types == low == ["output", "status"]
    assert noop is True
    assert into_file == "hello world\n"


def test_many_hosts_wait_in_the_hub(server: Server) -> None:
    statuses, taken = run(
        server,
        """
        statuses = []

        def fan_out():
            targets = [remctl.Target(HOST, PORT)] * 4
            for outcome in remctl.run_many(targets, ["test", "sleep", "1"]):
                statuses.append(outcome.result.status)

        taken = seconds_of(lambda: in_greenlets(fan_out))
        print(json.dumps([statuses, taken]))
        """,
    )
    assert statuses == [0] * 12
    assert taken < 5


def test_tickets_are_waited_for_in_the_hub(server: Server, realm: Realm) -> None:
    valid = run(
        server,
        f"""
        with remctl.Credentials.from_keytab({str(realm.make_keytab(realm.user))!r}) as tickets:
            tickets.renew()
            with connected(ccache=tickets) as r:
                r.run(["test", "hello"])
            print(json.dumps(tickets.check()))
        """,
    )
    assert valid is True


def test_ctrl_c_ends_a_call(server: Server) -> None:
    taken = run(
        server,
        """
        signal.signal(signal.SIGINT, signal.default_int_handler)
        r = connected()
        from gevent import subprocess
        killer = subprocess.Popen(["sh", "-c", f"sleep 0.2; kill -INT {os.getpid()}"])

        def interrupted():
            try:
                r.run(["test", "sleep", "20"])
            except KeyboardInterrupt:
                pass

        taken = seconds_of(interrupted)
        killer.wait()
        print(json.dumps(taken))
        """,
        quiet=False,  # gevent itself tells of an interrupt in its hub
    )
    assert taken < 5


def test_the_child_of_a_fork_has_connections_of_its_own(server: Server) -> None:
    parent, status = run(
        server,
        """
        r = connected()
        r.run(["test", "hello"])
        child = os.fork()
        if child == 0:
            os._exit(r.run(["test", "status", "3"]).status)
        _, status = os.waitpid(child, 0)
        status = os.waitstatus_to_exitcode(status)
        print(json.dumps([r.run(["test", "status", "4"]).status, status]))
        """,
    )
    assert (parent, status) == (4, 3)


def test_a_call_in_the_hub_is_refused_in_gevents_words(server: Server) -> None:
    said = run(
        server,
        """
        from gevent.exceptions import BlockingSwitchOutError
        r = connected()
        said = []

        def call():
            try:
                r.run(["test", "hello"])
            except BlockingSwitchOutError as error:
                said.append(str(error))

        gevent.get_hub().loop.run_callback(call)
        gevent.sleep(0.1)
        print(json.dumps([said, r.run(["test", "hello", "world"]).text]))
        """,
    )
    assert len(said[0]) == 1
    assert said[1] == "hello world\n"


def test_without_the_patch_calls_are_the_threads(server: Server) -> None:
    program = textwrap.dedent(
        """
        import gevent, remctl, sys
        r = remctl.Remctl(sys.argv[1], int(sys.argv[2]))
        print(type(r._connection).__module__, "remctl._waiting.hub" in sys.modules)
        """
    )
    command = [sys.executable, "-c", program, server.host, str(server.port)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["remctl._remctl", "False"]


APPLICATION = """
import os
import remctl

def application(environ, start_response):
    command = ["test", "sleep", "1"]
    result = remctl.remctl(os.environ["HOST"], int(os.environ["PORT"]), command=command)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(result.status).encode()]
"""


def test_gunicorns_gevent_worker_serves_requests_at_once(server: Server, tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(APPLICATION)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gunicorn = subprocess.Popen(
            [
                *[sys.executable, "-m", "gunicorn", "--worker-class", "gevent", "--workers", "1"],
                *["--bind", f"fd://{listener.fileno()}", "--chdir", str(tmp_path)],
                *["--log-level", "warning", "service:application"],
            ],
            env=os.environ | {"HOST": server.host, "PORT": str(server.port)},
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
        )
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"

        def get(_: int) -> bytes:
            with urllib.request.urlopen(url, timeout=60) as answer:
                body: bytes = answer.read()
                return body

        try:
            get(0)  # the worker is up
            begin = time.monotonic()
            with ThreadPoolExecutor(5) as pool:
                assert list(pool.map(get, range(5))) == [b"0"] * 5
            assert time.monotonic() - begin < 4
        finally:
            gunicorn.terminate()
            _, said = gunicorn.communicate(timeout=60)
    assert said == b""


def test_a_pool_s_connections_are_shared_by_greenlets(server: Server) -> None:
    statuses, blocked, stats = run(
        server,
        """
        with remctl.ConnectionPool(HOST, PORT, max_size=2) as pool:
            statuses = in_greenlets(lambda: pool.run(["test", "sleep", "0.1"]).status, 6)
            with pool.connection() as one, pool.connection() as two:
                waiting = gevent.spawn(pool.run, ["test", "hello"])
                gevent.sleep(0.05)
                waiting.kill()
                try:
                    with pool.connection(timeout=0.05):
                        raise AssertionError
                except remctl.RemctlTimeoutError as error:
                    blocked = error.host
                one.run(["test", "hello"])
            stats = pool.stats()
        print(json.dumps([statuses, blocked, stats]))
        """,
    )
    assert statuses == [0] * 6
    assert blocked == server.host
    assert stats["pool_size"] == stats["pool_available"] == stats["connections_num"] == 2
    assert stats["requests_waiting"] == stats["returns_bad"] == 0
