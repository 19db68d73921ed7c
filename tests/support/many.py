"""`pyremctl` with a `run_many` in threads over the blocking interface, until there is one.

python -m tests.support.many -H localhost test hello
"""

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import remctl
from remctl import Outcome, Target
from remctl._cli import main


class Writer(Protocol):
    """Takes bytes."""

    def write(self, data: bytes, /) -> int | None:
        """Take some of them."""


Output = Callable[[Target], Writer] | None


def write_all(writer: Writer, data: bytes) -> None:
    """Write all of it, where a write may take a part."""
    while data:
        data = data[writer.write(data) or 0 :]


class Run:
    """The iterator."""

    def __init__(
        self,
        hosts: Iterable[Target],
        command: Sequence[bytes],
        *,
        limit: int = 64,
        timeout: float | None = None,
        port: int | None = None,
        principal: str | None = None,
        ccache: str | None = None,
        keytab: str | None = None,
        source_ip: str | None = None,
        retries: int = 0,
        stdout: Output = None,
        stderr: Output = None,
    ) -> None:
        self._hosts = iter(hosts)
        self._command = command
        self._limit = limit
        self._timeout = timeout
        self._port, self._principal = port, principal
        self._ccache, self._source_ip = ccache, source_ip
        self._tries = retries + 1
        self._outputs = {1: stdout, 2: stderr}
        self._results: queue.Queue[Outcome | BaseException] = queue.Queue()
        self._clients: dict[threading.Thread, remctl.Remctl] = {}
        self._running = 0
        self._more = True
        self._closed = False

    def __iter__(self) -> Iterator[Outcome]:
        return self

    def __next__(self) -> Outcome:
        while self._more and self._running < self._limit:
            target = next(self._hosts, None)
            if target is None:
                self._more = False
                break
            self._running += 1
            threading.Thread(target=self._work, args=(target,), daemon=True).start()
        if not self._running:
            raise StopIteration
        result = self._results.get()
        self._running -= 1
        if isinstance(result, BaseException):
            raise result
        return result

    def close(self) -> None:
        """End everything."""
        self._closed, self._more = True, False
        while self._running:
            # One may be about to open: until it has ended it is closed again and again.
            for client in list(self._clients.values()):
                client.close()
            with contextlib.suppress(queue.Empty):
                self._results.get(timeout=0.05)
                self._running -= 1

    def _work(self, target: Target) -> None:
        begun = time.monotonic()
        for number in range(1, self._tries + 1):
            outcome: Outcome | BaseException
            try:
                result, error = self._once(target), None
            except remctl.RemctlError as failure:
                result, error = None, failure
            except BaseException as failure:
                outcome = failure
                break
            outcome = Outcome(target, result, error, time.monotonic() - begun, number)
            if not isinstance(error, remctl.RemctlError) or "cannot connect" not in str(error):
                break
        self._results.put(outcome)

    def _once(self, target: Target) -> remctl.RemctlSimpleResult:
        chosen = {number: make(target) for number, make in self._outputs.items() if make}
        kept: dict[int, list[bytes]] = {1: [], 2: []}
        client = remctl.Remctl()
        self._clients[threading.current_thread()] = client
        try:
            if self._closed:
                raise remctl.RemctlError("closed")
            if self._ccache is not None:
                client.set_ccache(self._ccache)
            if self._source_ip is not None:
                client.set_source_ip(self._source_ip)
            if self._timeout is not None:
                client.set_timeout(self._timeout)
            client.open(target.host, target.port or self._port, target.principal or self._principal)
            client.command(self._command)
            while (token := client.output()).type == "output":
                number, data = token.stream or 0, token.output or b""
                if number in chosen:
                    write_all(chosen[number], data)
                else:
                    kept[number].append(data)
        finally:
            del self._clients[threading.current_thread()]
            client.close()
        if token.type == "error":
            raise remctl.RemctlProtocolError((token.output or b"").decode(), token.error)
        text = {number: b"".join(parts) or None for number, parts in kept.items()}
        return remctl.RemctlSimpleResult(text[1], text[2], token.status)


def install() -> None:
    """Put it into the package."""
    names: Any = remctl
    names.run_many = Run


if __name__ == "__main__":
    if not hasattr(remctl, "run_many"):
        install()
    sys.exit(main())
