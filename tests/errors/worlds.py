"""A call that fails, made in every world: what `RemctlError` comes of it."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from subprocess import run as run_program
from typing import Any

import pytest
import remctl
import trio
import uvloop


@dataclass
class Call:
    """A command on a host that fails there."""

    host: str
    port: int
    principal: str | None = None
    command: list[str] = field(default_factory=lambda: ["test", "hello"])
    timeout: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def where(self) -> tuple[str, int, str | None]:
        """Host, port and principal."""
        return self.host, self.port, self.principal


@dataclass
class Failure:
    """What is known of an error."""

    kind: str | None
    retryable: bool
    may_have_run: bool


def _known(error: remctl.RemctlError) -> Failure:
    return Failure(error.kind, error.retryable, error.may_have_run)


def _blocking(call: Call) -> Failure:
    with pytest.raises(remctl.RemctlError) as caught, remctl.Remctl(**call.settings) as client:
        client.open(*call.where, timeout=call.timeout)
        client.run(call.command, timeout=call.timeout)
    return _known(caught.value)


def _simple(call: Call) -> Failure:
    with pytest.raises(remctl.RemctlError) as caught:
        remctl.remctl(*call.where, call.command, timeout=call.timeout, **call.settings)
    return _known(caught.value)


def _run_many(call: Call) -> Failure:
    hosts = [remctl.Target(*call.where)]
    (outcome,) = remctl.run_many(hosts, call.command, timeout=call.timeout, **call.settings)
    assert outcome.error is not None
    return _known(outcome.error)


def _pool_settings(call: Call) -> dict[str, Any]:
    """A pool waits for its first connections as long as it may wait for any: not for 30 s here."""
    return call.settings | ({"timeout": call.timeout} if call.timeout else {})


def _pool(call: Call) -> Failure:
    with (
        pytest.raises(remctl.RemctlError) as caught,
        remctl.ConnectionPool(*call.where, **_pool_settings(call)) as pool,
    ):
        pool.run(call.command, timeout=call.timeout)
    return _known(caught.value)


async def _async(call: Call) -> Failure:
    with pytest.raises(remctl.RemctlError) as caught:
        async with remctl.AsyncRemctl(**call.settings) as client:
            await client.open(*call.where, timeout=call.timeout)
            await client.run(call.command, timeout=call.timeout)
    return _known(caught.value)


async def _async_simple(call: Call) -> Failure:
    with pytest.raises(remctl.RemctlError) as caught:
        await remctl.aremctl(*call.where, call.command, timeout=call.timeout, **call.settings)
    return _known(caught.value)


async def _async_many(call: Call) -> Failure:
    hosts = [remctl.Target(*call.where)]
    outcomes = remctl.arun_many(hosts, call.command, timeout=call.timeout, **call.settings)
    (outcome,) = [outcome async for outcome in outcomes]
    assert outcome.error is not None
    return _known(outcome.error)


async def _async_pool(call: Call) -> Failure:
    with pytest.raises(remctl.RemctlError) as caught:
        async with remctl.AsyncConnectionPool(*call.where, **_pool_settings(call)) as pool:
            await pool.run(call.command, timeout=call.timeout)
    return _known(caught.value)


def _command_line(call: Call) -> Failure:
    arguments = ["-H", call.host, "-p", str(call.port), "--json"]
    if call.principal is not None:
        arguments += ["-s", call.principal]
    if call.timeout is not None:
        arguments += ["--timeout", str(call.timeout)]
    for name, value in call.settings.items():
        arguments += [f"--{name}", str(value)]
    done = run_program(
        [sys.executable, "-m", "remctl", *arguments, *call.command],
        capture_output=True,
        check=False,
    )
    record = json.loads(done.stdout)
    return Failure(record["kind"], record["retryable"], record["may_have_run"])


def _on_asyncio(asked: Callable[[Call], Awaitable[Failure]]) -> Callable[[Call], Failure]:
    async def main(call: Call) -> Failure:
        return await asked(call)

    return lambda call: asyncio.run(main(call))


def _on_uvloop(asked: Callable[[Call], Awaitable[Failure]]) -> Callable[[Call], Failure]:
    async def main(call: Call) -> Failure:
        return await asked(call)

    return lambda call: uvloop.run(main(call))


def _on_trio(asked: Callable[[Call], Awaitable[Failure]]) -> Callable[[Call], Failure]:
    return lambda call: trio.run(asked, call)


#: Makes a call in one world and says how it failed.
World = Callable[[Call], Failure]

WORLDS: dict[str, World] = {
    "blocking": _blocking,
    "simple": _simple,
    "run_many": _run_many,
    "pool": _pool,
    "command line": _command_line,
}
for _name, _asked in {
    "client": _async,
    "simple": _async_simple,
    "run_many": _async_many,
    "pool": _async_pool,
}.items():
    WORLDS[f"asyncio {_name}"] = _on_asyncio(_asked)
    WORLDS[f"uvloop {_name}"] = _on_uvloop(_asked)
    WORLDS[f"trio {_name}"] = _on_trio(_asked)
