"""A DNS server on the loopback that knows one realm's KDC; run in a namespace of its own.

    dns_server.py PORT-OF-KDC LOG

It answers for `_kerberos._udp.` and `_kerberos._tcp.REMCTL.TEST` (SRV) and for
`kdc.remctl.test` (A), says "no such name" to everything else, and logs each question.
"""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path

A, SRV, URI = 1, 33, 256
TYPES = {A: "A", SRV: "SRV", URI: "URI", 28: "AAAA", 16: "TXT"}
KDC = "kdc.remctl.test"


def encode(name: str) -> bytes:
    """A domain name as it is on the wire."""
    labels = [bytes([len(label)]) + label.encode() for label in name.split(".")]
    return b"".join(labels) + b"\0"


def decode(data: bytes, offset: int) -> tuple[str, int]:
    """The name at the offset of a question, and the offset behind it."""
    labels = []
    while length := data[offset]:
        labels.append(data[offset + 1 : offset + 1 + length].decode())
        offset += 1 + length
    return ".".join(labels), offset + 1


def answer(query: bytes, kdc_port: int, log: Path) -> bytes:
    """The reply to one query."""
    (identity,) = struct.unpack_from("!H", query)
    name, end = decode(query, 12)
    kind, _ = struct.unpack_from("!HH", query, end)
    with log.open("a") as out:
        out.write(f"{TYPES.get(kind, kind)} {name}\n")
    data = None
    if kind == SRV and name.lower() in ("_kerberos._udp.remctl.test", "_kerberos._tcp.remctl.test"):
        data = struct.pack("!HHH", 0, 0, kdc_port) + encode(KDC)
    elif kind == A and name.lower() == KDC:
        data = socket.inet_aton("127.0.0.1")
    known = data is not None or name.lower() == KDC
    flags = 0x8580 | (0 if known else 3)
    reply = struct.pack("!HHHHHH", identity, flags, 1, int(data is not None), 0, 0)
    reply += query[12 : end + 4]
    if data is not None:
        reply += struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data)) + data
    return reply


def main() -> None:
    """Serve until killed."""
    kdc_port, log = int(sys.argv[1]), Path(sys.argv[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        log.touch()
        while True:
            query, client = server.recvfrom(4096)
            server.sendto(answer(query, kdc_port, log), client)


if __name__ == "__main__":
    main()
