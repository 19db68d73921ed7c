"""Install a wheel on a minimal Debian and run commands from there.

    scripts/dev wheel check                         # trixie, the fitting wheel in wheelhouse/
    scripts/dev wheel check --machine aarch64       # the same under qemu-user
    scripts/dev wheel check --suite bullseye --not-bare \\
        --python .cache/python-3.13.5-x86_64-linux-gnu.2.17

The chroot holds Python and nothing of Kerberos, no compiler, and no network but the
loopback. A real realm and remctld run outside, from `remctl.testing` (so this needs
pyremctl with its extra `testing` in the Python that runs it); krb5.conf and the ticket lie
in the chroot where a user has them, /etc/krb5.conf and /tmp/krb5cc_0.

All mounts are made in a mount namespace of its own and on top of the cached tree, which
stays as it was: nothing is left behind, however the run ends. Needs root and debootstrap,
and for another machine qemu-user-static.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from remctl.testing import Realm

from devkit import ROOT

from . import chroot

PACKAGES = ["python3-venv", "musl"]
# A name of each thing that must not be there.
UNWANTED = ["libkrb5.so*", "libgssapi*.so*", "libremctl.so*", "libkeyutils.so*", "krb5.conf"]
COMPILERS = ["cc", "gcc", "clang", "c++", "g++"]

# Runs in a mount namespace of its own: base tree, work folder, guest files, python.
ENTER = """
set -eu
base=$1 work=$2 guest=$3 python=$4 prefix=$5
mount -t tmpfs -o mode=755 tmpfs "$work"
mkdir "$work/upper" "$work/own" "$work/root"
mount -t overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/own" overlay "$work/root"
root=$work/root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
cp "$guest/krb5.conf" "$root/etc/krb5.conf"
cp "$guest/ccache" "$root/tmp/krb5cc_0"
mkdir "$root/guest"
mount --bind -o ro "$guest" "$root/guest"
if [ -n "$prefix" ]; then
    mkdir -p "$root$prefix"
    mount --bind -o ro "$prefix" "$root$prefix"
fi
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    chroot "$root" /bin/sh -eu /guest/inside.sh "$python"
"""

INSIDE = """
"$1" -m venv --without-pip /venv
site=$(/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
"$1" -m zipfile -e /guest/*.whl "$site"
. /etc/os-release
echo "on: $PRETTY_NAME, $(uname -m), $(ldd --version 2>/dev/null | head -1)"
/venv/bin/python -m remctl --version
/venv/bin/python /guest/commands.py
"""

# What a user does: a call, a connection with more output than fits a token, an error; from
# threads; and a server that cannot be reached.
COMMANDS = """
import concurrent.futures, hashlib
import remctl

host, port, principal = {host!r}, {port}, {principal!r}
result = remctl.remctl(host, port, principal, ["test", "hello"])
print("stdout:", result.stdout, "status:", result.status)
with remctl.Remctl(host, port, principal) as client:
    output = client.run(["test", "much"]).stdout
    print("much:", len(output), hashlib.sha256(output).hexdigest())
    try:
        client.run(["no", "such"])
    except remctl.RemctlError as error:
        print("error:", error)
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    calls = [pool.submit(remctl.remctl, host, port, principal, ["test", "hello"]) for _ in range(8)]
    print("threads:", {{call.result().stdout == result.stdout for call in calls}})
try:
    remctl.remctl(host, 1, principal, ["test", "hello"])
except remctl.RemctlError as error:
    print("refused:", error)
kerberos = {{line.split()[-1] for line in open("/proc/self/maps") if "krb5" in line}}
print("kerberos libraries in the process:", sorted(kerberos) or "none")
"""
MUCH = b"0123456789abcde\n" * 200_000


def check_bare(base: Path, needed: bool) -> None:
    """Nothing in the tree may help the wheel."""
    found = [str(path) for pattern in UNWANTED for path in base.rglob(pattern)]
    programs = [base / "usr" / "bin" / name for name in COMPILERS]
    found += [str(path) for path in programs if path.exists()]
    if found:
        names = ", ".join(sorted(Path(path).name for path in found))
        if needed:
            raise SystemExit(f"the chroot is not bare: {names}")
        print(f"not bare: {names}")
        return
    print("bare: no Kerberos, no libremctl, no compiler in it")


def python_in(base: Path, prefix: Path | None) -> tuple[str, str]:
    """The interpreter to use in the chroot, and the part of a wheel's name that fits it."""
    if prefix is None:
        found = sorted((base / "usr" / "bin").glob("python3.*[0-9]"))
        path = f"/usr/bin/{found[0].name}"
    else:
        found = sorted((prefix / "bin").glob("python3.*[0-9t]"))
        if not found:
            raise SystemExit(f"{prefix} holds no bin/python3.*")
        path = str(found[0])
    minor, threads = re.fullmatch(r"python3\.(\d+)(t?)", found[0].name).groups()  # type: ignore[union-attr]
    musl = b"/lib/ld-musl-" in found[0].read_bytes()
    return path, f"cp3{minor}{threads}-{'musl' if musl else 'many'}linux"


def wheel_for(tag: str, args: argparse.Namespace) -> Path:
    """The wheel named, or the one in the wheelhouse for that Python and machine."""
    if args.wheel:
        return Path(args.wheel)
    house: Path = args.wheelhouse
    found = sorted(house.glob(f"pyremctl-*-{tag}*_{args.machine}.whl"))
    if not found:
        raise SystemExit(
            f"{house} holds no wheel for {tag}, {args.machine}: scripts/dev wheel build"
        )
    return found[-1]


def run(base: Path, wheel: Path, python: str, prefix: Path | None) -> None:
    """Realm and server outside, wheel and commands inside."""
    with (
        tempfile.TemporaryDirectory(prefix="pyremctl-chroot.") as temporary,
        Realm() as realm,
    ):
        work, guest = Path(temporary, "work"), Path(temporary, "guest")
        work.mkdir()
        guest.mkdir()
        (guest / "much").write_bytes(MUCH)
        much = f"#!/bin/sh\nexec cat {guest / 'much'}\n"
        commands = {"test": {"hello": '#!/bin/sh\necho "hello $REMOTE_USER"\n', "much": much}}
        shutil.copy(wheel, guest)
        shutil.copy(realm.env["KRB5_CONFIG"], guest / "krb5.conf")
        shutil.copy(realm.ccache.removeprefix("FILE:"), guest / "ccache")
        (guest / "inside.sh").write_text(INSIDE)
        with realm.server(commands) as server:
            (guest / "commands.py").write_text(
                COMMANDS.format(host="127.0.0.1", port=server.port, principal=server.principal)
            )
            command = [*chroot.PRIVATE, "--pid", "--fork", "--kill-child"]
            command += ["/bin/sh", "-c", ENTER, "enter", str(base), str(work), str(guest)]
            command += [python, str(prefix or "")]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            print(done.stdout, end="")
            wanted = [
                f"stdout: b'hello {realm.user}\\n' status: 0",
                f"much: {len(MUCH)} {hashlib.sha256(MUCH).hexdigest()}",
                "error: ",
                "threads: {True}",
                "refused: ",
            ]
            missing = [line for line in wanted if line not in done.stdout]
            if done.returncode or missing:
                raise SystemExit(f"missing: {missing}; the server says:\n{server.log()}")


def main() -> None:
    """Check one wheel on one release."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", default="trixie", help="the Debian release (trixie)")
    parser.add_argument(
        "--machine", choices=sorted(chroot.DEBIAN), default=platform.machine(), help="(this one's)"
    )
    parser.add_argument("--wheel", help="the wheel (default: the one in the wheelhouse that fits)")
    parser.add_argument("--wheelhouse", type=Path, default=ROOT / "wheelhouse")
    parser.add_argument("--python", type=Path, metavar="PREFIX", help="a Python to lend the chroot")
    parser.add_argument(
        "--not-bare",
        action="store_true",
        help="go on if there are Kerberos libraries: before trixie the base system has some",
    )
    parser.add_argument("--mirror", help="the Debian mirror (default: the one apt is set up with)")
    args = parser.parse_args()
    chroot.need_root()
    base = chroot.tree(args.suite, args.machine, PACKAGES, args.mirror)
    check_bare(base, not args.not_bare)
    prefix = args.python.resolve() if args.python else None
    python, tag = python_in(base, prefix)
    wheel = wheel_for(tag, args)
    print(f"wheel: {wheel.name}")
    run(base, wheel, python, prefix)
    print("the commands ran")
