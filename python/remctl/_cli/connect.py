"""Opens a connection with the options of the command line."""

from __future__ import annotations

import os

from remctl import Remctl
from remctl._cli.parse import Options
from remctl._cli.values import Misuse


class Unreachable(Exception):
    """The host cannot be looked up; the text is that of the program `remctl`."""


def canonical_name(host: str, timeout: float | None = None) -> str:
    """The canonical name of a host, from the name service. Raises Unreachable.

    Like `remctl` does it: if the name stands for several machines, the connection and the
    principal then belong to the same one.
    """
    # Not the module socket, which takes longer to load than the whole call.
    from _socket import AI_CANONNAME, gaierror, getaddrinfo

    def look_up() -> list[str]:
        try:
            # As bytes: Python would encode a str with IDNA, or fail.
            return [getaddrinfo(os.fsencode(host), None, flags=AI_CANONNAME)[0][3] or host]
        except gaierror as error:
            return [f"cannot resolve host {host}: {error.strerror}", ""]

    found: list[str] = []
    if timeout is None:
        found = look_up()
    else:
        import threading

        thread = threading.Thread(target=lambda: found.extend(look_up()), daemon=True)
        thread.start()
        thread.join(min(timeout, threading.TIMEOUT_MAX))
    if len(found) != 1:
        raise Unreachable(found[0] if found else f"cannot resolve host {host}: timed out")
    return found[0]


def new_client(options: Options) -> Remctl:
    """A client with all settings, not yet open. Raises RemctlError and Misuse."""
    try:
        return Remctl(
            timeout=options.silence or None,
            ccache=options.ccache,
            keytab=options.keytab,
            source_ip=options.source_ip,
            connect_timeout=options.connect_timeout,
        )
    except (TypeError, ValueError) as error:
        raise Misuse(str(error)) from None


def open_client(remote: Remctl, options: Options) -> None:
    """Open the connection. Raises Unreachable, RemctlError and Misuse."""
    host = options.host
    if options.principal is None and not options.no_canonicalize:
        host = canonical_name(host, options.connect_timeout or None)
    try:
        remote.open(host, options.port, options.principal)
    except (TypeError, ValueError) as error:
        raise Misuse(str(error)) from None
