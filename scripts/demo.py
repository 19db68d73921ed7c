"""Show remctl at work, on a realm and a server that are made for the occasion."""

import asyncio
import subprocess
import sys
import time

import remctl
from remctl.testing import Realm, Server

COMMANDS = {
    "demo": {
        "hello": '#!/bin/sh\necho "Hello $REMOTE_USER, this is $(uname -n)."\n',
        "args": '#!/bin/sh\nshift\nprintf "[%s]" "$@"\n',
        "nap": '#!/bin/sh\nexec sleep "$2"\n',
        "clock": '#!/bin/sh\nfor i in 1 2 3 4 5; do echo "tick $i"; sleep 0.4; done\n',
        "fail": '#!/bin/sh\necho "no such account: $2" >&2\nexit 3\n',
    }
}


def title(text: str) -> None:
    """Print a heading."""
    print(f"\n-- {text}")


def simple(server: Server) -> None:
    """One call, one connection, one result."""
    title("the simple call")
    result = remctl.remctl(server.host, server.port, command=["demo", "hello"])
    print(result)


def session(server: Server) -> None:
    """Several commands on one connection."""
    title("several commands on one connection")
    with remctl.Remctl(server.host, server.port) as connection:
        print(connection.run(["demo", "hello"]).stdout)
        print(connection.run(["demo", "args", "two words", "", "ünïcode"]).stdout)
        connection.command(["demo", "args", "token", "by", "token"])
        while (token := connection.output()).type != "done":
            print(token)


def streaming(server: Server) -> None:
    """Output while the command still runs."""
    title("output as it arrives")
    start = time.monotonic()
    with remctl.Remctl(server.host, server.port) as connection:
        for token in connection.stream(["demo", "clock"]):
            what = token.output if token.type == "output" else token.status
            print(f"{time.monotonic() - start:5.2f} s  {token.type}: {what!r}")


def failures(server: Server) -> None:
    """An exit status, an error from the server, a deadline."""
    title("an exit status")
    result = remctl.remctl(server.host, server.port, command=["demo", "fail", "root2"])
    print(f"status {result.status}, stderr {result.stderr!r}")
    try:
        result.check()
    except remctl.RemctlCommandError as error:
        print(f"check(): {type(error).__name__}: {error}")

    title("an error")
    try:
        remctl.remctl(server.host, server.port, command=["no", "such", "command"])
    except remctl.RemctlProtocolError as error:
        print(f"{type(error).__name__}: {error} (code {error.code!r})")

    title("a deadline of half a second")
    try:
        remctl.remctl(server.host, server.port, command=["demo", "clock"], timeout=0.5)
    except remctl.RemctlTimeoutError as error:
        print(f"{type(error).__name__}: {error}")


def event_loop(server: Server) -> None:
    """The same with `await`: calls side by side, one that is cancelled, output as it arrives."""
    title("in an event loop: twenty commands of 0.4 s at once, one that is cancelled, a stream")
    asyncio.run(in_the_loop(server))


async def in_the_loop(server: Server) -> None:
    """What runs in it."""
    start = time.monotonic()
    command = ["demo", "nap", "0.4"]
    calls = (remctl.aremctl(server.host, server.port, command=command) for _ in range(20))
    results = await asyncio.gather(*calls)
    taken = time.monotonic() - start
    print(f"{sum(result.status == 0 for result in results)} have ended well after {taken:.2f} s")

    async with remctl.AsyncRemctl(server.host, server.port) as connection:
        task = asyncio.create_task(connection.run(["demo", "nap", "60"]))
        await asyncio.sleep(0.3)
        start = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        print(f"one of a minute was cancelled in {(time.monotonic() - start) * 1000:.1f} ms")
        start = time.monotonic()
        async with connection.stream(["demo", "clock"]) as stream:
            async for token in stream:
                if token.type == "output":
                    print(f"{time.monotonic() - start:5.2f} s  {token.output!r}")


def fleet(realm: Realm) -> None:
    """Ten hosts, of which two are down: in a program, and on the command line."""
    names = [f"127.0.1.{number}" for number in range(1, 11)]
    realm.add_host(*names)
    with realm.server(COMMANDS, addresses=names[:8]) as server:
        title("ten hosts at once, two of them down")
        for outcome in remctl.run_many(names, ["demo", "hello"], port=server.port):
            what = outcome.result.text.strip() if outcome.result else outcome.error
            print(f"{outcome.target.host}: {what} ({outcome.seconds * 1000:.0f} ms)")

        title("the same on the command line: pyremctl -H '127.0.1.[1-10]' --gather demo hello")
        sys.stdout.flush()
        command = [sys.executable, "-m", "remctl", "-p", str(server.port), "-H", "127.0.1.[1-10]"]
        done = subprocess.run([*command, "--gather", "demo", "hello"], stderr=subprocess.STDOUT)
        print(f"exit status {done.returncode}")


def main() -> None:
    """Run the whole demo."""
    start = time.monotonic()
    with Realm() as realm, realm.environ(), realm.server(COMMANDS) as server:
        print(f"a realm ({realm.name}) and {server!r}: {time.monotonic() - start:.2f} s")
        for show in (simple, session, streaming, failures, event_loop):
            show(server)
        fleet(realm)
        title("what the server has logged")
        print(server.log(), end="")


if __name__ == "__main__":
    main()
