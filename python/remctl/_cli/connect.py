"""A connection as the command line asks for it."""

from __future__ import annotations

import os

from remctl import Remctl
from remctl._cli.parse import Misuse, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Unreachable(Exception):
    """The host cannot be looked up; the text says why, in the words of `remctl`."""


def canonical_name(host: str) -> str:
    """The canonical name of a host, as the name service gives it. Raises Unreachable.

    As for `remctl`: so the connection and the principal are for the same machine where the
    name stands for several.
    """
    # The core of the module socket, which would take longer to load than the call takes.
    from _socket import AI_CANONNAME, gaierror, getaddrinfo

    try:
        # As bytes: Python would encode a str as an internationalised name, or fail.
        found = getaddrinfo(os.fsencode(host), None, flags=AI_CANONNAME)
    except gaierror as error:
        raise Unreachable(f"cannot resolve host {host}: {error.strerror}") from None
    return found[0][3] or host


def new_client(settings: Settings) -> Remctl:
    """A client with all that is set before it opens. Raises RemctlError."""
    keytab: dict[str, Any] = {} if settings.keytab is None else {"keytab": settings.keytab}
    remote = Remctl(**keytab)
    if settings.silence:
        # As many seconds as there are: the extension's clock has an end that a long has not.
        remote.set_timeout(min(settings.silence, 10**9))
    if settings.ccache is not None:
        remote.set_ccache(settings.ccache)
    if settings.source_ip is not None:
        remote.set_source_ip(settings.source_ip)
    return remote


def open_client(remote: Remctl, settings: Settings) -> None:
    """Open the connection. Raises Unreachable, RemctlError, and Misuse."""
    host = settings.host
    if settings.principal is None and not settings.no_canonicalize:
        host = canonical_name(host)
    try:
        remote.open(host, settings.port, settings.principal)
    except (TypeError, ValueError) as error:
        raise Misuse(str(error)) from None
