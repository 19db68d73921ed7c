"""Every call of both worlds, and its failures: a program for what must hold whichever is made.

It is run as a text (`python -c`) by processes that cannot read this file any more; HOST, PORT and
KEYTAB are in the environment.
"""

import asyncio
import contextlib
import io
import os
import pickle
import warnings
from collections.abc import Callable

import remctl
from remctl import RemctlError, RemctlTimeoutError

HELLO = ["test", "hello"]
NAP = ["test", "sleep", "9"]


def error_of(kind: type[Exception], call: Callable[[], object]) -> Exception:
    """The exception that a call raises."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind} was not raised")


def call_once(host: str, port: int, keytab: str) -> None:
    """`remctl()`, and how it fails."""
    assert remctl.remctl(host, port, command=HELLO).check().text
    error = error_of(
        remctl.RemctlProtocolError, lambda: remctl.remctl(host, port, command=["no", "such"])
    )
    assert pickle.loads(pickle.dumps(error)).code == remctl.ErrorCode.UNKNOWN_COMMAND
    error_of(RemctlError, lambda: remctl.remctl(host, 1, command=HELLO))
    error_of(RemctlError, lambda: remctl.remctl("host.invalid", port, command=HELLO))
    error_of(RemctlError, lambda: remctl.remctl(host, port, "no/such", command=HELLO))
    error_of(TypeError, lambda: remctl.remctl(host, port, command="hello"))  # type: ignore[arg-type]
    error_of(RemctlTimeoutError, lambda: remctl.remctl(host, port, command=HELLO, timeout=0))
    error_of(RemctlTimeoutError, lambda: remctl.remctl(host, port, command=NAP, timeout=0.2))
    remctl.remctl(host, port, command=HELLO, keytab=keytab).check()
    error_of(RemctlError, lambda: remctl.remctl(host, port, command=HELLO, keytab="/no/such"))
    error_of(RemctlError, lambda: remctl.remctl(host, port, command=HELLO, ccache="FILE:/no/such"))
    with remctl.Credentials.from_keytab(keytab) as credentials:
        credentials.renew()
        assert repr(credentials)
        assert credentials.expires
        remctl.remctl(host, port, command=HELLO, ccache=credentials).check()


def call_on_a_connection(host: str, port: int) -> None:
    """`Remctl`, its verbs, and one that is forgotten."""
    with remctl.Remctl(host, port, timeout=30) as client:
        error_of(remctl.RemctlCommandError, client.run(["test", "status", "3"]).check)
        assert client.noop()
        client.run(HELLO, stdout=(kept := io.BytesIO()))
        assert kept.getvalue()
        with client.stream(HELLO) as stream:
            assert repr(list(stream))
        client.command(HELLO)
        while client.output().type != "done":
            pass
        error_of(RemctlTimeoutError, lambda: client.run(NAP, timeout=0.2))
    error_of(remctl.RemctlNotOpenedError, lambda: remctl.Remctl().run(HELLO))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        remctl.Remctl(host, port)


def call_on_many(host: str, port: int) -> None:
    """Pools and fleets."""
    with remctl.ConnectionPool(host, port) as pool:
        pool.run(HELLO).check()
        with pool.connection() as client:
            client.run(HELLO)
    targets: list[str | remctl.Target] = [host, remctl.Target(host, 1)]
    outcomes = list(remctl.run_many(targets, HELLO, port=port, retries=1, timeout=30))
    assert {outcome.error is None for outcome in outcomes} == {True, False}
    for outcome in remctl.run_many([host], HELLO, port=port, stdout=lambda _: io.BytesIO()):
        outcome.check()

    async def job(r: remctl.JobRemctl) -> str:
        await r.sleep(0)
        return (await r.run(HELLO, stdout=io.BytesIO())).check().text

    values = [outcome.ok for outcome in remctl.for_each(targets, job, port=port, timeout=30)]
    assert sorted(values) == [False, True]


async def await_every_call(host: str, port: int, keytab: str) -> None:
    """The asynchronous interface."""
    assert (await remctl.aremctl(host, port, command=HELLO)).check().text
    with contextlib.suppress(RemctlTimeoutError):
        await remctl.aremctl(host, port, command=NAP, timeout=0.2)
    async with remctl.AsyncRemctl(host, port) as client:
        await client.run(HELLO, stdout=io.BytesIO())
        assert await client.noop()
        async with client.stream(HELLO) as stream:
            assert [token async for token in stream]
        task = asyncio.ensure_future(client.run(NAP))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    async with remctl.AsyncConnectionPool(host, port) as pool:
        (await pool.run(HELLO)).check()
    async for outcome in remctl.arun_many([host], HELLO, port=port, timeout=30):
        outcome.check()
    async for outcome in remctl.afor_each([host], lambda r: r.run(HELLO), port=port):
        outcome.value.check()
    await remctl.Credentials.from_keytab(keytab).arenew()


def main() -> None:
    """Make every call."""
    host, port, keytab = os.environ["HOST"], int(os.environ["PORT"]), os.environ["KEYTAB"]
    assert remctl.build_info().flavour
    call_once(host, port, keytab)
    call_on_a_connection(host, port)
    call_on_many(host, port)
    asyncio.run(await_every_call(host, port, keytab))


if __name__ == "__main__":
    main()
