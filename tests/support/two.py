"""Two threads that do the same to one object at once."""

import contextlib
import random
import threading
from collections.abc import Callable, Iterator, Sequence

from remctl import RemctlError

PATIENCE = 60  # seconds

#: What a call may fail of when another thread closes, opens or uses the same object.
DOCUMENTED = (
    "no currently open connection",
    "no connection open",
    "the connection is lost, and one over a socket of the caller's cannot be made again",
    "connection closed during the call",
    "the connection was closed during the stream",
    "output of the previous command is pending",
    "the credentials are closed",
    "the pool is closed",
    "open() is not allowed on a pooled connection",
)


@contextlib.contextmanager
def documented() -> Iterator[None]:
    """Let pass what is no fault."""
    try:
        yield
    except RemctlError as error:
        if not str(error).startswith(DOCUMENTED):
            raise


def two(calls: Sequence[Callable[[], object]], rounds: int) -> None:
    """Make all the calls in two threads, in each in an order of its own, again and again."""
    start = threading.Barrier(2, timeout=PATIENCE)
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        order = random.Random(seed)
        try:
            for _ in range(rounds):
                start.wait()
                for call in order.sample(list(calls), len(calls)):
                    with documented():
                        call()
        except threading.BrokenBarrierError:
            pass  # the other one tells
        except BaseException as error:
            errors.append(error)
            start.abort()

    threads = [threading.Thread(target=work, args=(seed,), daemon=True) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads), "hangs"
    if errors:
        raise errors[0]
