"""How keyutils, krb5 and libremctl are built: static, hidden, without plugins."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devkit import ROOT

from .pins import Pin
from .tarball import extract
from .toolchain import Toolchain, find_yasm

LICENSES = ROOT / "licenses"

FLAGS = "-O2 -g0 -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections"

# The prefix that krb5 believes in: it is compiled in as the folder of plugins and
# programs, so it must be one that only root can write to, on every machine.
NEUTRAL_PREFIX = "/usr"

KRB5_LIBRARIES = ["gssapi_krb5", "krb5", "k5crypto", "com_err", "krb5support"]
KRB5_OPTIONS = [
    f"--prefix={NEUTRAL_PREFIX}",
    "--sysconfdir=/etc",
    "--localstatedir=/var",
    "--enable-static",
    "--disable-shared",
    # Without this the defaults of the build machine's own Kerberos are taken over.
    "--with-krb5-config=no",
    "DEFCCNAME=FILE:/tmp/krb5cc_%{uid}",
    "DEFKTNAME=FILE:/etc/krb5.keytab",
    "krb5_cv_sys_rcdir=/var/tmp",
    "--with-crypto-impl=builtin",
    "--with-tls-impl=no",
    "--with-spake-openssl=no",
    "--disable-pkinit",
    "--with-keyutils",
    "--with-lmdb=no",
    "--without-libedit",
    "--without-system-verto",
    "--disable-nls",
    "--disable-rpath",
    # No plugins: nothing outside the wheel is ever loaded into it.
    "ac_cv_search_dlopen=no",
]
# What configure finds out by running programs, which a cross build cannot.
KRB5_CROSS = [
    "krb5_cv_attr_constructor_destructor=yes,yes",
    "ac_cv_func_regcomp=yes",
    "ac_cv_printf_positional=yes",
]
# Only what the client libraries are made of; in this order.
KRB5_FOLDERS = [
    "util/support", "util/et", "util/profile", "include",
    "lib/crypto", "lib/krb5", "lib/gssapi",
]  # fmt: skip


@dataclass
class Workshop:
    """Where to build, with what, and where the result goes."""

    work: Path
    prefix: Path
    tools: Toolchain
    jobs: int

    def run(self, command: list[str], cwd: Path, env: Mapping[str, str] | None = None) -> None:
        """Run one step; its output goes to a log that is shown when it fails."""
        log = self.work / "build.log"
        full = {**os.environ, **self.tools.env, "LC_ALL": "C", "TZ": "UTC", **(env or {})}
        with log.open("ab") as out:
            out.write(f"\n$ {' '.join(command)}\n".encode())
            out.flush()
            done = subprocess.run(
                command,
                cwd=cwd,
                env=full,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                check=False,
            )
        if done.returncode:
            tail = log.read_text(errors="replace").splitlines()[-40:]
            raise SystemExit("\n".join([*tail, f"failed: {command[0]} (all of it in {log})"]))

    def unpack(self, pin: Pin, tarball: Path) -> Path:
        """A fresh source tree, patched."""
        with tarfile.open(tarball) as archive:
            extract(archive, self.work)
            top = archive.getnames()[0].split("/")[0]
        source = self.work / top
        for patch in pin.patch_files:
            self.run(["patch", "-p1", "--input", str(patch)], source)
        return source

    def cflags(self, source: Path, name: str) -> str:
        """The compiler's flags; the build folder leaves no trace in the result."""
        return f"{FLAGS} -ffile-prefix-map={source}={name} -I{self.prefix}/include"

    def host_options(self) -> list[str]:
        """What configure must be told when building for another machine or libc."""
        if not self.tools.cross:
            return []
        return [f"--host={self.tools.host}", f"--build={os.uname().machine}-linux-gnu"]

    def check_licenses(self, pin: Pin, source: Path) -> None:
        """The licence texts that travel with the wheel must be this release's."""
        for inside, name in pin.license_files.items():
            if (source / inside).read_bytes() != (LICENSES / name).read_bytes():
                raise SystemExit(
                    f"licenses/{name} is not what {pin.name} {pin.version} has in {inside}: "
                    "read what changed, then copy it"
                )


def keyutils(shop: Workshop, pin: Pin, tarball: Path) -> None:
    """One source file; compiled by hand, for its makefile writes the date into it."""
    source = shop.unpack(pin, tarball)
    include, lib = shop.prefix / "include", shop.prefix / "lib"
    defines = [
        f'-DPKGVERSION="keyutils-{pin.version}"',
        '-DPKGBUILD=""',
        '-DAPIVERSION="libkeyutils"',
    ]
    flags = shop.cflags(source, "keyutils").split()
    compiler = shop.tools.cc.split()
    shop.run([*compiler, *flags, *defines, "-I.", "-c", "keyutils.c", "-o", "keyutils.o"], source)
    shop.run([shop.tools.ar, "rcs", str(lib / "libkeyutils.a"), "keyutils.o"], source)
    shutil.copy(source / "keyutils.h", include)
    shop.check_licenses(pin, source)


def krb5(shop: Workshop, pin: Pin, tarball: Path) -> None:
    """The client half of MIT krb5: no KDC, no programs, no plugins, its own crypto."""
    source = shop.unpack(pin, tarball)
    src = source / "src"
    options = KRB5_OPTIONS + shop.host_options() + (KRB5_CROSS if shop.tools.cross else [])
    if shop.tools.machine == "x86_64":
        # AES by the processor's instructions where it has them: krb5 looks when it runs. It
        # has no such code for other machines.
        options += ["--enable-aesni", f"YASM={find_yasm()}"]
    env = {"CFLAGS": f"{shop.cflags(source, 'krb5')} -std=gnu17", "LDFLAGS": f"-L{shop.prefix}/lib"}
    shop.run(["./configure", *options], src, env)
    # In place of its own warnings, some of which are errors with compilers newer than it.
    warnings = "WARN_CFLAGS=-Wno-incompatible-pointer-types-discards-qualifiers"
    for folder in KRB5_FOLDERS:
        shop.run(["make", f"-j{shop.jobs}", "-C", folder, warnings], src)
    for name in KRB5_LIBRARIES:
        shutil.copy(src / "lib" / f"lib{name}.a", shop.prefix / "lib")
    include = src / "include"
    for name in ("krb5", "gssapi"):
        shutil.copytree(include / name, shop.prefix / "include" / name, dirs_exist_ok=True)
    for name in ("krb5.h", "com_err.h", "profile.h"):
        shutil.copy(include / name, shop.prefix / "include")
    shop.check_licenses(pin, source)


def remctl(shop: Workshop, pin: Pin, tarball: Path) -> None:
    """Only the client library; configure asks for libevent, which only the server uses."""
    source = shop.unpack(pin, tarball)
    options = [
        f"--prefix={NEUTRAL_PREFIX}",
        "--disable-shared",
        "--with-pic",
        "ac_cv_search_event_base_free=none required",
        "ac_cv_header_event_h=yes",
        "ac_cv_header_event2_event_h=yes",
        "PATH_KRB5_CONFIG=/nonexistent",
        "LIBS=-lkrb5support -lkeyutils -lresolv -ldl -lpthread",
        *shop.host_options(),
    ]
    flags = {"CFLAGS": shop.cflags(source, "remctl"), "LDFLAGS": f"-L{shop.prefix}/lib"}
    shop.run(["./configure", *options], source, flags)
    shop.run(["make", f"-j{shop.jobs}", "client/libremctl.la"], source)
    shutil.copy(source / "client" / ".libs" / "libremctl.a", shop.prefix / "lib")
    shutil.copy(source / "client" / "remctl.h", shop.prefix / "include")
    shop.check_licenses(pin, source)


RECIPES = {"keyutils": keyutils, "krb5": krb5, "remctl": remctl}
