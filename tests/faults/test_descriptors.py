"""When descriptors run out the error says so: how many are in use, and what the limit is."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from remctl.testing import Realm, Server

from tests.support import hosts

LIMIT = 64
ENOUGH = 8
WORLDS = ["blocking", "a loop's first", "a loop's second"]

# Opens a connection when so many descriptors are left, and prints what it says.
CODE = f"""
import asyncio, contextlib, os, resource, socket, sys
import remctl

port, left, world, how = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
keytab = sys.argv[5] if len(sys.argv) > 5 else None
remctl.ErrorKind
remctl.remctl("localhost", port, command=["test", "hello"])  # all is loaded now
resource.setrlimit(resource.RLIMIT_NOFILE, ({LIMIT}, {LIMIT}))

@contextlib.contextmanager
def with_so_many_left():
    sock = socket.create_connection(("localhost", port)) if how == "open_socket" else None
    taken = []
    with contextlib.suppress(OSError):
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    for number in taken[len(taken) - left:]:
        os.close(number)
    try:
        yield (sock, "localhost") if sock else ("localhost", port)
    except remctl.RemctlError as error:
        print(error.kind, error, error.hint or "")
    finally:
        for number in taken[:len(taken) - left]:
            os.close(number)
        if sock:
            sock.close()

def blocking():
    with remctl.Remctl(keytab=keytab) as client:
        with with_so_many_left() as where:
            getattr(client, how)(*where)
            print(client.run(["test", "hello"]).text.strip())

async def asynchronous():
    async with remctl.AsyncRemctl(keytab=keytab) as client:
        if world == "a loop's second":
            await client.open("localhost", port)
            await client.close()
        with with_so_many_left() as where:
            await getattr(client, how)(*where)
            print((await client.run(["test", "hello"])).text.strip())

blocking() if world == "blocking" else asyncio.run(asynchronous())
"""


def said(server: Server, *arguments: object, launcher: Sequence[str] = ()) -> str:
    """What the program above prints; all it says, for it has nothing to warn of."""
    words = map(str, (server.port, *arguments))
    command = [*launcher, sys.executable, "-W", "error", "-c", CODE, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


@pytest.mark.parametrize("how", ["open", "open_socket"])
@pytest.mark.parametrize("world", WORLDS)
def test_the_error_says_how_many_are_in_use_and_what_limits_them(
    server: Server, world: str, how: str
) -> None:
    reason = f"{LIMIT} descriptors are in use, which is this process's limit: ulimit -n"
    texts = [said(server, left, world, how) for left in range(ENOUGH + 1)]
    failures = [text for text in texts if text != "hello world"]
    assert len(failures) >= 3  # a socket or a copy of it, and both ends of a pair
    for text in failures:
        assert text.startswith("local ")
        assert "Too many open files" in text
        assert reason in text
    assert texts[-1] == "hello world"


def test_the_kdc_is_not_blamed_where_no_socket_is_left_for_it(realm: Realm, server: Server) -> None:
    realm.add_principal("sparing", "secret")
    keytab = realm.make_keytab("sparing")
    for world in WORLDS:
        texts = [said(server, left, world, "open", keytab) for left in range(ENOUGH + 1)]
        assert texts[-1] == "hello world"
        for text in texts:
            if text != "hello world":
                assert text.startswith("local ")
                assert "descriptors are in use, which is this process's limit" in text


@pytest.mark.skipif(not hosts.available(), reason="another nsswitch.conf takes root")
@pytest.mark.parametrize("lookups", ["files", "files dns", "files myhostname", "files no-such dns"])
def test_the_error_says_so_whatever_the_resolver_makes_of_it(
    server: Server, tmp_path: Path, lookups: str
) -> None:
    # With "files" alone the resolver takes the name for unknown; a module that it cannot
    # load leaves an errno of its own.
    settings = tmp_path / "nsswitch.conf"
    settings.write_text(f"hosts: {lookups}\n")
    mount = 'mount --bind "$0" /etc/nsswitch.conf && exec "$@"'
    launcher = ["unshare", "--mount", "sh", "-c", mount, str(settings)]
    text = said(server, 0, "blocking", "open", launcher=launcher)
    reason = "Too many open files (64 descriptors are in use"
    assert text.startswith(f"local unknown host localhost: {reason}")
