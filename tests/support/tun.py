"""Network interfaces of our own (TUN): they vanish with the descriptor that made them."""

import fcntl
import os
import struct
import subprocess

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000


def available() -> bool:
    """Whether this process may make interfaces."""
    return os.geteuid() == 0 and os.access("/dev/net/tun", os.R_OK | os.W_OK)


def open_tun() -> tuple[int, str]:
    """A descriptor that packets are read from and written to, and the interface's name."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    # The kernel puts the first free number in the place of %d.
    request = struct.pack("16sH22x", b"remctl%d", IFF_TUN | IFF_NO_PI)
    name = fcntl.ioctl(descriptor, TUNSETIFF, request)[:16].rstrip(b"\0").decode()
    return descriptor, name


def ip(*words: str) -> None:
    """Run `ip` of iproute2."""
    subprocess.run(["ip", *words], check=True)


def subnet(name: str) -> str:
    """The first three numbers of an address range for an interface, no other's.

    It is taken from 198.18.0.0/15, which is set aside for measurements.
    """
    number = int(name.removeprefix("remctl"))
    return f"198.{18 + number // 256}.{number % 256}"
