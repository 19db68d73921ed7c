"""Every public name of the package in use, for the type checkers; nothing here runs.

test_every_name.py sees to it that none is left out.
"""

import datetime
import io
import os
import pickle
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import _remctl
import remctl
from remctl import _remctl as lowlevel
from remctl.testing import (
    Answer,
    Call,
    Command,
    Commands,
    FakeRemctl,
    FakeServer,
    Realm,
    Server,
    fake_remctl,
)
from typing_extensions import assert_type


def versions() -> None:
    """What this is."""
    remctl.preload()
    assert_type(remctl.__version__, str)
    assert_type(remctl.VERSION, str)
    assert_type(_remctl.VERSION, str)
    info = remctl.build_info()
    assert_type(info, remctl.BuildInfo)
    assert_type(info.version, str)
    assert_type(info.libremctl, str | None)
    assert_type(info.krb5, str | None)
    assert_type(info.keyutils, str | None)
    assert_type(info.pybind11, str)
    assert_type(info.compiler, str)
    print("self-contained" if info.flavour == "bundled" else "the system's")


def simple(host: str, words: Iterator[object]) -> None:
    """The simple call, with arguments of every kind."""
    result = remctl.remctl(host, command=["test", b"bytes", Path("path"), 7, bytearray(b"x")])
    assert_type(result, remctl.RemctlSimpleResult)
    assert_type(result.stdout, bytes | None)
    assert_type(result.stderr, bytes | None)
    assert_type(result.status, int | None)
    assert_type(result.text, str)
    assert_type(result.stderr_text, str)
    assert_type(result.ok, bool)
    assert_type(result.check(), remctl.RemctlSimpleResult)
    print({result: hash(result)})
    remctl.remctl(host, 4373, "host/other", ("test", "test"))
    remctl.remctl(host, "4373", None, words)
    remctl.remctl(host, None, command=words, timeout=1.5, ccache=Path("cc"), source_ip="::1")
    remctl.remctl(host, command=words, timeout=None, ccache="cc", source_ip=None)
    print(remctl.RemctlSimpleResult(b"out", None, 0) == result)


def credentials() -> None:
    """Tickets, from a keytab and from a cache."""
    remctl.remctl("host", keytab=Path("keytab"))
    with remctl.Credentials.from_keytab("/etc/client.keytab", "me") as service:
        remctl.remctl("host", ccache=service)
        assert_type(service, remctl.Credentials)
        assert_type(service.principal, str | None)
        assert_type(service.name, str | None)
        assert_type(service.expires, datetime.datetime | None)
        assert_type(service.valid, bool)
        service.renew()
        service.renew(timeout=1.5)
        valid: bool = service.check()
        valid = service.check(timeout=1.5)
        assert valid
    service.close()
    remctl.Credentials.from_keytab(Path("keytab"))
    remctl.Credentials.from_keytab()
    remctl.Credentials.from_ccache(Path("ccache"))
    remctl.Credentials.from_ccache("KEYRING:persistent:0")
    remctl.Credentials.from_ccache()


async def renewal(service: remctl.Credentials) -> None:
    """The same wait, for an event loop."""
    async with service.environ(timeout=1.5) as lent:
        assert isinstance(lent["KRB5CCNAME"], str)
    await service.arenew()
    await service.arenew(timeout=1.5)
    valid: bool = await service.acheck()
    valid = await service.acheck(timeout=1.5)
    assert valid


def settings(client: remctl.Remctl) -> None:
    """What is set before open()."""
    client.set_ccache("/tmp/ccache")
    client.set_ccache(Path("/tmp/ccache"))
    client.set_source_ip("127.0.0.1")
    client.set_timeout(1)
    client.set_timeout(0.5)
    client.set_timeout(None)


def session(host: str) -> None:
    """A connection and what can be done on it."""
    with remctl.Remctl(host, 4373, "host/other") as client:
        assert_type(client, remctl.Remctl)
        assert_type(client.opened, bool)
        assert_type(client.fileno(), int)
        assert_type(client.ready, bool)
        client.command(["test", "test"])
        token = client.output()
        assert_type(token, remctl.RemctlOutput)
        assert_type(token.type, str)
        assert_type(token.output, bytes | None)
        assert_type(token.stream, int | None)
        assert_type(token.status, int | None)
        assert_type(token.error, int | None)
        client.command(["test"], timeout=1)
        assert_type(client.output(timeout=0.5), remctl.RemctlOutput)
        with open("out", "wb") as file:
            client.run(["test"], timeout=1, stdout=file, stderr=file)
        assert_type(client.noop(timeout=1), bool)
        type_, output, stream, status, error = token
        print(type_, output, stream, status, error)
        for token in client:
            assert_type(token, remctl.RemctlOutput)
        assert_type(client.run(["test"]), remctl.RemctlSimpleResult)
        assert_type(client.noop(), bool)
        assert_type(client.error(), str)
    remctl.Remctl(host, timeout=1.5, ccache=Path("cc"), source_ip="::1").close()
    remctl.Remctl(timeout=None, ccache="cc", source_ip=None)
    remctl.Remctl(keepalive=30, connect_timeout=1.5)
    remctl.Remctl(keepalive=None, connect_timeout=None)
    client = remctl.Remctl()
    settings(client)
    client.open(host)
    assert_type(client.host, str | None)
    assert_type(client.port, int | None)
    assert_type(client.principal, str | None)
    client.open(host, "4373", principal=None)
    with socket.create_connection((host, 4373)) as sock:
        client.open_socket(sock, host)
        client.open_socket(sock, principal="host/other")
    client.close()


def streaming(client: remctl.Remctl) -> None:
    """Output as it arrives."""
    for token in client.stream(["test"]):
        assert_type(token, remctl.RemctlOutput)
    with client.stream(["test"], raise_errors=False) as stream:
        assert_type(stream, remctl.Stream)
        assert_type(next(stream.lines()), tuple[int, str])
        assert_type(stream.status, int | None)
        assert_type(next(stream), remctl.RemctlOutput)
    stream.close()


def failures(host: str) -> None:
    """Every exception, from the narrow to the wide."""
    try:
        remctl.remctl(host, command=["test"]).check()
    except remctl.RemctlTimeoutError as error:
        timeout: TimeoutError = error
        print(timeout)
    except remctl.RemctlProtocolError as error:
        assert_type(error.code, remctl.ErrorCode | int | None)
        if error.code is remctl.ErrorCode.ACCESS:
            print(remctl.ErrorCode.ACCESS.name)
    except remctl.RemctlCommandError as error:
        assert_type(error.result, remctl.RemctlSimpleResult)
        raise remctl.RemctlProtocolError("any", 5, "arguments") from error
    except remctl.RemctlNotOpenedError as error:
        pickle.dumps(error)
    except remctl.RemctlError as error:
        print(error)
        assert_type(error.host, str | None)
        assert_type(error.port, int | None)
        assert_type(error.command, str | None)
        assert_type(error.hint, str | None)
        assert_type(error.partial, remctl.RemctlSimpleResult | None)
        assert_type(error.may_have_run, bool)
        assert_type(error.kind, remctl.ErrorKind | None)
        error.kind = remctl.ErrorKind.LOST
        assert_type(error.retryable, bool)


def many(result: remctl.RemctlSimpleResult, error: remctl.RemctlError) -> None:
    """Where a command runs, and how it ended."""
    target = remctl.Target("host", "4373", principal="host/other")
    assert_type(remctl.Target.parse("host:4373", principal="host/other"), remctl.Target)
    assert_type(target.host, str)
    assert_type(target.port, int | None)
    assert_type(target.principal, str | None)
    remctl.Outcome(target, error=error)
    outcome = remctl.Outcome(remctl.Target("host"), result, seconds=1.5, tries=2)
    assert_type(outcome.target, remctl.Target)
    assert_type(outcome.result, remctl.RemctlSimpleResult | Any)
    assert_type(outcome.error, remctl.RemctlError | None)
    assert_type(outcome.seconds, float)
    assert_type(outcome.tries, int)
    assert_type(outcome.ok, bool)
    assert_type(outcome.check(), remctl.RemctlSimpleResult)


def codes() -> list[remctl.ErrorCode]:
    """Every code."""
    return [
        remctl.ErrorCode.INTERNAL,
        remctl.ErrorCode.BAD_TOKEN,
        remctl.ErrorCode.UNKNOWN_MESSAGE,
        remctl.ErrorCode.BAD_COMMAND,
        remctl.ErrorCode.UNKNOWN_COMMAND,
        remctl.ErrorCode.ACCESS,
        remctl.ErrorCode.TOOMANY_ARGS,
        remctl.ErrorCode.TOOMUCH_DATA,
        remctl.ErrorCode.UNEXPECTED_MESSAGE,
        remctl.ErrorCode.NO_HELP,
    ]


def kinds() -> list[remctl.ErrorKind]:
    """Every kind."""
    return [
        remctl.ErrorKind.RESOLVE,
        remctl.ErrorKind.CONNECT,
        remctl.ErrorKind.TICKET,
        remctl.ErrorKind.KDC,
        remctl.ErrorKind.AUTHENTICATE,
        remctl.ErrorKind.DENIED,
        remctl.ErrorKind.UNKNOWN_COMMAND,
        remctl.ErrorKind.REFUSED,
        remctl.ErrorKind.TIMEOUT,
        remctl.ErrorKind.LOST,
        remctl.ErrorKind.PROTOCOL,
        remctl.ErrorKind.TOO_LARGE,
        remctl.ErrorKind.NOT_STARTED,
        remctl.ErrorKind.MISUSE,
        remctl.ErrorKind.LOCAL,
    ]


def low_level(host: str, fd: int) -> None:
    """The C API, by both of its names."""
    handle = lowlevel.remctl_new()
    assert_type(handle, _remctl.Handle)
    assert_type(lowlevel.remctl_set_ccache(handle, "/tmp/ccache"), bool)
    assert_type(lowlevel.remctl_set_source_ip(handle, "127.0.0.1"), bool)
    assert_type(lowlevel.remctl_set_timeout(handle, 1), bool)
    assert_type(lowlevel.remctl_open(handle, host, 4373, None), bool)
    assert_type(lowlevel.remctl_open_fd(handle, host, fd), bool)
    assert_type(lowlevel.remctl_open_sockaddr(handle, None, ("::1", 4373), "host/other"), bool)
    assert_type(lowlevel.remctl_command(handle, [b"test"]), bool)
    assert_type(lowlevel.remctl_commandv(handle, [b"test"]), bool)
    token = lowlevel.remctl_output(handle)
    if token:
        assert_type(token, _remctl.Output)
        assert_type(token.type, str)
        assert_type(token.output, bytes | None)
        assert_type(token.stream, int | None)
        assert_type(token.status, int | None)
        assert_type(token.error, int | None)
    assert_type(lowlevel.remctl_noop(handle), bool)
    assert_type(lowlevel.remctl_error(handle), str)
    lowlevel.remctl_close(handle)
    error, stdout, stderr, status = lowlevel.remctl(host, 4373, None, [b"test"])
    assert_type(error, str | None)
    assert_type(stdout, bytes | None)
    assert_type(stderr, bytes | None)
    assert_type(status, int)
    print(_remctl.__version__)


def realm() -> None:
    """The throwaway realm and its server."""
    commands: Commands = {"test": {"test": Command("#!/bin/sh\n", stdin="last", acl=("ANYUSER",))}}
    with Realm("EXAMPLE.TEST") as realm, realm.environ() as env:
        assert_type(realm, Realm)
        assert_type(env, dict[str, str])
        assert_type(realm.user, str)
        assert_type(realm.ccache, str)
        assert_type(realm.keytab, Path)
        assert_type(realm.env, dict[str, str])
        realm.add_principal("other", "password")
        assert_type(realm.kinit("other", "password", ccache=os.devnull), str)
        realm.stop_kdc()
        realm.start_kdc()
        assert_type(realm.log(), str)
        with realm.server(commands, addresses=["127.0.0.1"], env={}, debug=True) as server:
            assert_type(server, Server)
            assert_type(server.host, str)
            assert_type(server.port, int)
            assert_type(server.principal, str)
            assert_type(server.pid, int | None)
            assert_type(server.log(), str)
            server.restart()


def answer(call: Call) -> Answer:
    """A command of the server in Python."""
    assert_type(call.command, tuple[str, ...])
    assert_type(call.args, tuple[str, ...])
    assert_type(call.stdin, bytes)
    assert_type(call.env, Mapping[str, str])
    assert_type(call.user, str)
    assert_type(call.host, str)
    assert_type(call.port, int)
    return ("out", b"err", 1) if call.args else call.stdin


def more_of_the_realm(realm: Realm) -> None:
    """Other hosts, other principals, other keys; what hangs."""
    realm.add_host("127.0.0.2", "127.0.0.3")
    realm.add_principal("brief", lifetime=5.0)
    assert_type(realm.make_keytab("brief", "other"), Path)
    assert_type(realm.change_key("brief"), int)
    assert_type(realm.kadmin("getprinc", "brief"), str)
    realm.kinit("brief", keytab=realm.keytab, lifetime=5, ahead=-600)
    realm.pause_kdc()
    realm.resume_kdc()
    commands: Commands = {"test": {"test": answer, "stdin": Command(answer, stdin="last")}}
    with realm.server(commands, addresses=["127.0.0.2"], port=4373, keytab=realm.keytab) as server:
        server.pause()
        server.resume()
        assert_type(server.exceptions, list[BaseException])


def fake() -> None:
    """A remctl without a network."""
    refused = remctl.RemctlProtocolError("Access denied", remctl.ErrorCode.ACCESS)
    with fake_remctl(
        {"test": {"a": "out", "b": 1, "c": (None, b"err", 1), "d": answer, "e": refused}},
        unreachable=["down.example.com"],
    ) as server:
        assert_type(server, FakeServer)
        assert_type(server.calls, list[Call])
        assert_type(server.exceptions, list[BaseException])
    connection: remctl.Remctl = FakeRemctl({"test": {"a": remctl.RemctlTimeoutError}}, "host")
    assert_type(connection.run(["test", "a"]), remctl.RemctlSimpleResult)
    assert_type(FakeRemctl(server).calls, list[Call])


def many_hosts(hosts: Iterator[str], executor: Executor) -> None:
    """A command on many hosts at once."""
    one, two = remctl.Target("host"), remctl.Target("host", 4373, "host/other")
    targets: list[str | remctl.Target] = [one, two, "host"]
    for outcome in remctl.run_many(targets, ["test"], limit=8, timeout=1.5, retries=2):
        assert_type(outcome, remctl.Outcome)
        assert_type(outcome.host, str)
        assert_type(outcome.status, int | None)
        assert_type(outcome.stdout, bytes | None)
        assert_type(outcome.stderr, bytes | None)
        if outcome.error is None:
            print(outcome.result.status)
        assert_type(outcome.target, remctl.Target)
        assert_type(outcome.result, remctl.RemctlSimpleResult | Any)
        assert_type(outcome.error, remctl.RemctlError | None)
        assert_type(outcome.seconds, float)
        assert_type(outcome.tries, int)
        assert_type(outcome.ok, bool)
        assert_type(outcome.check(), remctl.RemctlSimpleResult)
    outcomes = remctl.run_many(
        hosts,
        lambda target: ["test", target.host, target.port, target.principal],
        port=4373,
        principal="host/other",
        ccache=Path("cc"),
        source_ip="::1",
        keepalive=None,
        connect_timeout=1.5,
        stdout=lambda target: io.BytesIO(),
        stderr=lambda target: None,
        batch="10%",
        max_failures=3,
        executor=executor,
    )
    outcomes.close()


async def job(r: remctl.JobRemctl) -> str:
    """Several commands on one of many hosts."""
    client: remctl.AsyncRemctl = r
    await r.sleep(0.5)
    return (await client.run(["test"])).check().text


async def each_host(hosts: Iterator[str], executor: Executor) -> None:
    """The same on each of them."""
    for outcome in remctl.for_each(hosts, job, limit=8, timeout=1.5, retries=2, batch=5):
        assert_type(outcome, remctl.Outcome)
        print(outcome.value)
    outcomes = remctl.for_each(
        hosts,
        lambda r: r.run(["test"]),
        port=4373,
        principal="host/other",
        keytab="keytab",
        source_ip="::1",
        keepalive=None,
        connect_timeout=1.5,
        max_failures="5%",
        executor=executor,
    )
    outcomes.close()
    async with remctl.afor_each(hosts, job, ccache="cc") as others:
        assert_type(await anext(others), remctl.Outcome)
    remctl.Outcome(remctl.Target("host"), value=1.5)


def pool(host: str) -> None:
    """Connections that are shared."""
    with remctl.ConnectionPool(
        host, 4373, "host/other", min_size=1, max_size=4, max_idle=60, max_lifetime=600, keepalive=9
    ) as pool:
        assert_type(pool, remctl.ConnectionPool)
        pool.open(timeout=1)
        with pool.connection() as client:
            assert_type(client, remctl.Remctl)
        with pool.connection(timeout=1) as client:
            client.set_timeout(1)
        assert_type(pool.run(["test"], timeout=1), remctl.RemctlSimpleResult)
        assert_type(pool.stats(), dict[str, int])
        pool.close()


async def asynchronous_pool(host: str) -> None:
    """The same for event loops."""
    async with remctl.AsyncConnectionPool(host, ccache="cc", connect_timeout=1) as pool:
        assert_type(pool, remctl.AsyncConnectionPool)
        await pool.open()
        async with pool.connection(timeout=1) as client:
            assert_type(client, remctl.AsyncRemctl)
        with open("out", "wb") as file:
            await pool.run(["test"], stdout=file, stderr=file)
        await pool.close()
        await pool.aclose()
    async for outcome in remctl.arun_many([host], ["test"], limit=2):
        assert_type(outcome, remctl.Outcome)
    async with remctl.arun_many([host], ["test"]) as outcomes:
        assert_type(await anext(outcomes), remctl.Outcome)
        await outcomes.aclose()


async def asynchronous(host: str) -> None:
    """The same for event loops."""
    assert_type(await remctl.aremctl(host, command=["test"]), remctl.RemctlSimpleResult)
    await remctl.aremctl(
        host, 4373, "host/other", ["test"], timeout=1, ccache=Path("cc"), source_ip="::1"
    )
    async with remctl.AsyncRemctl(host, 4373, "host/other", connect_timeout=1.5) as client:
        assert_type(client, remctl.AsyncRemctl)
        assert_type(client.opened, bool)
        assert_type(client.ready, bool)
        assert_type(client.fileno(), int)
        assert_type(client.error(), str)
        await client.run(["test"], max_output=2**20)
        await client.command(["test"], timeout=1)
        assert_type(await client.output(timeout=1), remctl.RemctlOutput)
        async for token in client:
            assert_type(token, remctl.RemctlOutput)
        assert_type(await client.run(["test"], timeout=1), remctl.RemctlSimpleResult)
        assert_type(await client.noop(timeout=1), bool)
        async with client.stream(["test"], timeout=1) as stream:
            assert_type(stream, remctl.AsyncStream)
            async for token in stream:
                assert_type(token, remctl.RemctlOutput)
            await stream.close()
            await stream.aclose()
    client.set_timeout(1)
    client.set_ccache("cc")
    client.set_source_ip("::1")
    await client.open(host, timeout=1)
    with socket.create_connection((host, 4373)) as sock:
        await client.open_socket(sock, host, timeout=1)
    await client.close()
    await client.aclose()
