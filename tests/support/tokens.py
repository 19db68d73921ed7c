"""The tokens and messages of the remctl protocol, for the servers that the tests make up."""

import socket
import struct
from collections.abc import Iterable
from enum import IntEnum, IntFlag


class Flag(IntFlag):
    """The flags byte of a token."""

    NOOP = 0x01
    CONTEXT = 0x02
    DATA = 0x04
    MIC = 0x08
    CONTEXT_NEXT = 0x10
    SEND_MIC = 0x20
    PROTOCOL = 0x40


class Message(IntEnum):
    """The type byte of a message in protocol 2 and 3."""

    COMMAND = 1
    QUIT = 2
    OUTPUT = 3
    STATUS = 4
    ERROR = 5
    VERSION = 6
    NOOP = 7


def receive_exactly(sock: socket.socket, length: int) -> bytes:
    """That many bytes; EOFError when the connection ends before."""
    data = bytearray()
    while len(data) < length:
        piece = sock.recv(length - len(data))
        if not piece:
            raise EOFError(f"end of file after {len(data)} of {length} bytes")
        data += piece
    return bytes(data)


def receive_token(sock: socket.socket) -> tuple[Flag, bytes]:
    """The next token: its flags and what it carries."""
    flags, length = struct.unpack("!BI", receive_exactly(sock, 5))
    return Flag(flags), receive_exactly(sock, length)


def token(flags: int, data: bytes) -> bytes:
    """A token as it travels."""
    return struct.pack("!BI", flags, len(data)) + data


def pack_arguments(arguments: Iterable[bytes]) -> bytes:
    """The arguments of a command: their number, then each with its length."""
    packed = [struct.pack("!I", len(argument)) + argument for argument in arguments]
    return struct.pack("!I", len(packed)) + b"".join(packed)


def unpack_arguments(data: bytes) -> list[bytes]:
    """The reverse of `pack_arguments`."""
    (count,) = struct.unpack_from("!I", data)
    arguments, start = [], 4
    for _ in range(count):
        (length,) = struct.unpack_from("!I", data, start)
        start += 4
        arguments.append(data[start : start + length])
        start += length
    assert start == len(data)
    return arguments
