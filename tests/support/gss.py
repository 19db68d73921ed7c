"""The server's side of a GSS-API handshake, with the `gssapi` package."""

import socket

import gssapi
from remctl.testing import Realm

from tests.support.tokens import Flag, receive_token, token


def accept_context(sock: socket.socket, realm: Realm, protocol: Flag) -> gssapi.SecurityContext:
    """Read the client's opening tokens and answer them; `protocol` is added to the flags."""
    opening, _ = receive_token(sock)
    assert opening & ~Flag.PROTOCOL == Flag.NOOP | Flag.CONTEXT_NEXT, opening
    credentials = gssapi.Credentials(usage="accept", store={"keytab": str(realm.keytab)})
    context = gssapi.SecurityContext(creds=credentials, usage="accept")
    while not context.complete:
        flags, data = receive_token(sock)
        assert flags & ~Flag.PROTOCOL == Flag.CONTEXT, flags
        answer = context.step(data)
        if answer:
            sock.sendall(token(Flag.CONTEXT | protocol, answer))
    return context
