"""Two threads that open the object they share, and use it."""

import threading

from remctl import Remctl
from remctl.testing import Server


def test_neither_is_told_that_it_is_not_open(server: Server) -> None:
    """A call waits while the other thread opens the object again."""
    remctl = Remctl("localhost", server.port)
    failures: list[object] = []
    ready = threading.Barrier(2)

    def work(name: str) -> None:
        ready.wait()
        try:
            for _ in range(10):
                remctl.open("localhost", server.port)
                for number in range(2):
                    word = f"{name}-{number}"
                    assert remctl.run(["test", "hello", word]).stdout == f"hello {word}\n".encode()
                assert remctl.noop()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    remctl.close()
    assert failures == []
