"""The wheel on a CPython without the global interpreter lock, the lock staying off."""

from __future__ import annotations

from pathlib import Path

import pytest
from remctl.testing import Realm, Server

from tests.wheels.conftest import Bundled, build_wheel, dev_wheel, need, unpack

THREADS = """
    import concurrent.futures, sys, time
    assert not sys._is_gil_enabled()
    import remctl
    assert not sys._is_gil_enabled(), "the extension turned the lock on"
    port, principal = int(sys.argv[1]), sys.argv[2]

    def work(number):
        with remctl.Remctl("127.0.0.1", port, principal) as client:
            for turn in range(10):
                name = f"{number}-{turn}"
                result = client.run(["test", "hello", name])
                assert result.stdout == f"hello {name}\\n".encode(), result
        return number

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(16))) == list(range(16))
    assert not sys._is_gil_enabled()
    print("ok", remctl.build_info().flavour)
"""


@pytest.fixture(scope="module")
def free_threaded(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundled:
    """The wheel for a free-threaded CPython that is built for the purpose."""
    need("make", "gcc")
    python = dev_wheel("python", "--free-threaded").strip().splitlines()[-1]
    return unpack(build_wheel(cache, python), tmp_path_factory.mktemp("threads"), python)


def test_threads_without_the_lock(free_threaded: Bundled, realm: Realm, server: Server) -> None:
    output = free_threaded.output(THREADS, str(server.port), server.principal)
    assert output == "ok bundled"


def test_says_that_it_is_free_threaded(free_threaded: Bundled) -> None:
    code = "from remctl._cli.version import version_text; print(version_text())"
    output = free_threaded.output(code)
    assert "free-threaded" in output
