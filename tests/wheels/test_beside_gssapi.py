"""The bundled krb5 and the system's, through PyPI's gssapi, in one process."""

from __future__ import annotations

from pathlib import Path

import pytest
from remctl.testing import Realm, Server

from tests.wheels.conftest import Bundled

PROGRAM = """
    import importlib, sys
    port, principal, *order = sys.argv[1:]
    for name in order:
        importlib.import_module(name)
    import gssapi, remctl

    def hello():
        result = remctl.remctl("127.0.0.1", int(port), principal, ["test", "hello"])
        assert result.stdout == b"hello world\\n", result

    def token():
        name = gssapi.Name(principal, gssapi.NameType.kerberos_principal)
        context = gssapi.SecurityContext(name=name, usage="initiate")
        assert len(context.step()) > 100

    hello(); token(); hello(); token()
    # Failures, too, are each library's own.
    try:
        remctl.remctl("127.0.0.1", int(port), "host/nobody@REMCTL.TEST", ["test", "hello"])
    except remctl.RemctlError as error:
        assert "not found in Kerberos database" in str(error), error
    else:
        raise AssertionError("no such principal, and no error")
    token(); hello()

    maps = open("/proc/self/maps").read()
    assert "libgssapi_krb5.so" in maps, "gssapi does not use the system's library"
    print(remctl.build_info().flavour)
"""
MEMORY = """
    import sys
    import gssapi, remctl
    port, principal = sys.argv[1:]
    credentials = gssapi.Credentials(usage="initiate")
    credentials.store({"ccache": "MEMORY:shared"}, overwrite=True)
    assert gssapi.Credentials(store={"ccache": "MEMORY:shared"}, usage="initiate").name
    try:
        remctl.remctl("127.0.0.1", int(port), principal, ["test", "hello"], ccache="MEMORY:shared")
    except remctl.RemctlError as error:
        print(error)
"""
THREAD_S_OWN = """
    import ctypes, sys, remctl
    port, principal, cache = sys.argv[1:]
    gssapi, minor = ctypes.CDLL("libgssapi_krb5.so.2"), ctypes.c_uint32()
    assert gssapi.gss_krb5_ccache_name(ctypes.byref(minor), cache.encode(), None) == 0
    print(remctl.remctl("127.0.0.1", int(port), principal, ["test", "env"]).text)
"""


@pytest.mark.parametrize("order", [("gssapi", "remctl"), ("remctl", "gssapi")])
def test_both_work(bundled: Bundled, realm: Realm, server: Server, order: tuple[str, str]) -> None:
    output = bundled.output(PROGRAM, str(server.port), server.principal, *order)
    assert output == "bundled"


def test_memory_caches_are_not_shared(bundled: Bundled, realm: Realm, server: Server) -> None:
    """MEMORY: is the memory of one library: what gssapi keeps there the bundle cannot see."""
    output = bundled.output(MEMORY, str(server.port), server.principal)
    assert "No credentials cache found" in output


def test_a_cache_that_the_system_s_library_was_told_is_not_used(
    bundled: Bundled, realm: Realm, server: Server, tmp_path: Path
) -> None:
    """With the system's libraries it is that thread's (credentials/test_choice.py)."""
    realm.add_principal("others", "secret")
    cache = realm.kinit("others", "secret", ccache=f"FILE:{tmp_path / 'others'}")
    output = bundled.output(THREAD_S_OWN, str(server.port), server.principal, cache)
    assert f"REMOTE_USER={realm.user}" in output.splitlines()
