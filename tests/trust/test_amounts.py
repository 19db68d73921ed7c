"""Any amount arrives whole, in either direction, however the peer reads and writes."""

import contextlib
import hashlib
import random
import threading
from collections.abc import Callable

import pytest
from remctl import Remctl
from remctl.testing import Server

from tests.support.load import busy_processors
from tests.support.relay import MANNERS, MEBIBYTE, relay

LARGEST = 16 * MEBIBYTE
EDGES = [0, 1, 65_535, 65_536, 65_537, MEBIBYTE, LARGEST]
PATTERN = b"0123456789abcde\n"
# How many of each manner and direction; fewer beside busy processors, where each takes ten times as
# long. Some five hundred in all.
COUNT = {False: 64, True: 16}
THREADS = 4

# What a peer of these manners needs for the largest on a busy machine. A hang becomes an error.
SILENCE = 20.0

pytestmark = pytest.mark.timeout(600)


def size(source: random.Random) -> int:
    """Large ones, small ones, and where the old faults were: between 4 and 5 MB."""
    return source.choice(
        [
            source.randint(0, LARGEST),
            int(LARGEST ** source.random()),
            source.randint(4_000_000, 5_000_000),
            source.choice(EDGES),
        ]
    )


def give(remctl: Remctl, source: random.Random) -> None:
    """Send a command of a random size."""
    data = source.randbytes(size(source))
    answer = remctl.run([b"test", b"stdin", data]).stdout
    assert answer == b"%d %s\n" % (len(data), hashlib.sha256(data).hexdigest().encode())


def take(remctl: Remctl, source: random.Random) -> None:
    """Have a random amount of output sent, and read it in one way or another."""
    length = size(source)
    command = ["test", "bytes", str(length)]
    way = source.randrange(3)
    if way == 0:
        got = remctl.run(command).stdout or b""
    elif way == 1:
        with remctl.stream(command) as stream:
            got = b"".join(token.output or b"" for token in stream)
    else:
        remctl.command(command)
        got = b"".join(token.output or b"" for token in remctl)
    assert len(got) == length
    assert got == (PATTERN * (length // len(PATTERN) + 1))[:length]


@pytest.mark.parametrize(
    "busy",
    [
        pytest.param(False, id="calm"),
        pytest.param(True, id="busy", marks=pytest.mark.measures),
    ],
)
@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("direction", [give, take])
def test_every_byte_arrives(
    server: Server, direction: Callable[[Remctl, random.Random], None], manner: str, busy: bool
) -> None:
    failures: list[str] = []
    numbers = iter(range(COUNT[busy]))
    lock = threading.Lock()

    def work(port: int) -> None:
        remctl = Remctl()
        remctl.set_timeout(SILENCE)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            source = random.Random(f"{manner} {direction.__name__} {number}")
            try:
                if not remctl.opened or source.random() < 0.5:
                    remctl.open("127.0.0.1", port, server.principal)
                direction(remctl, source)
            except Exception as error:
                failures.append(f"number {number}: {type(error).__name__}: {error}"[:300])
        remctl.close()

    with (
        busy_processors() if busy else contextlib.nullcontext(),
        relay(server.port, manner, seed=1) as port,
    ):
        threads = [threading.Thread(target=work, args=(port,)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures
