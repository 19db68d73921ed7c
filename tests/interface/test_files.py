"""Files that output is to go into: what cannot take it is refused before anything is sent."""

import codecs
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
from remctl import AsyncRemctl, ConnectionPool, Remctl
from remctl.testing import Server

from tests.fix_pools import InLoop

TEXT = "must be a binary file, not a text file"

REFUSED: dict[str, tuple[Callable[[Path], Any], type[Exception], str]] = {
    "text": (lambda path: path.open("w"), TypeError, TEXT),
    "text in memory": (lambda _: io.StringIO(), TypeError, TEXT),
    "temporary text": (lambda _: tempfile.NamedTemporaryFile("w"), TypeError, TEXT),  # noqa: SIM115
    "spooled text": (lambda _: tempfile.SpooledTemporaryFile(mode="w"), TypeError, TEXT),  # noqa: SIM115
    "codecs": (lambda path: with_codecs(path), TypeError, TEXT),
    "read only": (lambda path: path.open("rb"), ValueError, "must be open for writing"),
    "memory that is closed": (lambda _: closed(io.BytesIO()), ValueError, "is a closed file"),
    "closed": (lambda path: closed(path.open("wb")), ValueError, "is a closed file"),
}


def with_codecs(path: Path) -> codecs.StreamReaderWriter:
    """What `codecs.open()` makes, which is deprecated."""
    utf8 = codecs.lookup("utf-8")
    return codecs.StreamReaderWriter(path.open("wb"), utf8.streamreader, utf8.streamwriter)


def closed(file: IO[bytes]) -> IO[bytes]:
    file.close()
    return file


@pytest.mark.parametrize("argument", ["stdout", "stderr"])
@pytest.mark.parametrize("kind", list(REFUSED))
def test_what_cannot_take_bytes_is_refused_before_anything_is_sent(
    server: Server, in_loop: InLoop, tmp_path: Path, kind: str, argument: str
) -> None:
    make, error, text = REFUSED[kind]
    mark, path = tmp_path / "mark", tmp_path / "file"
    path.touch()
    opened = make(path)
    file = {argument: opened}
    command = ["test", "record", str(mark), "ran"]

    async def asynchronous() -> None:
        async with AsyncRemctl(server.host, server.port) as client:
            with pytest.raises(error, match=f"^{argument} {text}"):
                await client.run(command, **file)
            assert (await client.run(["test", "hello"])).status == 0

    with Remctl(server.host, server.port) as client:
        with pytest.raises(error, match=f"^{argument} {text}"):
            client.run(command, **file)
        assert client.run(["test", "hello"]).status == 0
    with (
        ConnectionPool(server.host, server.port) as pool,
        pytest.raises(error, match=f"^{argument} {text}"),
    ):
        pool.run(command, **file)
    in_loop(asynchronous)
    opened.close()
    assert not mark.exists()


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.open("wb"),
        lambda path: path.open("wb", buffering=0),
        lambda path: path.open("w+b"),
        lambda _: tempfile.NamedTemporaryFile(),  # noqa: SIM115
        lambda _: tempfile.SpooledTemporaryFile(),  # noqa: SIM115
        lambda _: io.BytesIO(),
    ],
)
def test_what_can_is_written_to(
    server: Server, tmp_path: Path, make: Callable[[Path], Any]
) -> None:
    with Remctl(server.host, server.port) as client, make(tmp_path / "file") as file:
        result = client.run(["test", "hello"], stdout=file)
        assert (result.stdout, result.status) == (None, 0)
        assert file.tell() == len("hello world\n")
