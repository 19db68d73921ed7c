"""A default ticket cache that cannot say whose it is: libkrb5 before 1.21.3 frees junk there.

Its ticket 9103. What is on the stack decides whether that is a crash.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from remctl.testing import Realm, Server

from tests.fix_protocol1 import Protocol1Server
from tests.support.compiled import compile_program

OPEN = """
import sys, remctl
try:
    remctl.Remctl("localhost", int(sys.argv[1]))
except remctl.RemctlError as error:
    print(error)
"""

IN_A_LOOP = """
import asyncio, sys, remctl
async def main():
    try:
        await remctl.AsyncRemctl().open("localhost", int(sys.argv[1]))
    except remctl.RemctlError as error:
        print(error)
asyncio.run(main())
"""

# It reconnects for each command.
PROTOCOL_1 = """
import os, sys, remctl
client = remctl.Remctl("127.0.0.1", int(sys.argv[1]), sys.argv[2])
client.run(["one"])
os.truncate(os.environ["KRB5CCNAME"].removeprefix("FILE:"), int(sys.argv[3]))
try:
    client.run(["two"])
except remctl.RemctlError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def unset_principal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unset")
    return compile_program(folder, "unset_principal", "-shared", "-fPIC", "-ldl")


def run(script: str, unset_principal: Path, ccache: Path, *arguments: str) -> str:
    preload = f"{os.environ.get('LD_PRELOAD', '')} {unset_principal}"
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=os.environ | {"LD_PRELOAD": preload, "KRB5CCNAME": f"FILE:{ccache}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 0
    return done.stdout


@pytest.mark.parametrize("script", [OPEN, IN_A_LOOP])
@pytest.mark.parametrize("content", [b"", b"\5\4", b"no tickets", b"\5\4\0\0\0\0\0\1\xff\xff"])
def test_it_is_an_error(
    server: Server, unset_principal: Path, tmp_path: Path, script: str, content: bytes
) -> None:
    ccache = tmp_path / "ccache"
    ccache.write_bytes(content)
    said = run(script, unset_principal, ccache, str(server.port))
    assert "GSS-API error" in said
    assert str(ccache) in said


def test_so_it_is_over_protocol_1(
    realm: Realm, protocol1: Protocol1Server, unset_principal: Path, tmp_path: Path
) -> None:
    for length in (0, 2):
        ccache = tmp_path / f"ccache{length}"
        realm.kinit(ccache=ccache)
        arguments = (str(protocol1.port), protocol1.principal, str(length))
        said = run(PROTOCOL_1, unset_principal, ccache, *arguments)
        assert "GSS-API error" in said
        assert str(ccache) in said


def test_one_that_is_in_order_is_used(server: Server, unset_principal: Path, realm: Realm) -> None:
    ccache = Path(realm.env["KRB5CCNAME"].removeprefix("FILE:"))
    assert run(OPEN, unset_principal, ccache, str(server.port)) == ""
