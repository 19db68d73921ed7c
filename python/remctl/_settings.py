"""What connections are made with that one function makes many of."""

from __future__ import annotations

import os
from math import inf

from remctl import _remctl
from remctl._arguments import path_or_name


class Settings:
    """``ccache=``, ``keytab=`` and ``source_ip=``, as `Remctl` takes them.

    Raises TypeError or ValueError for an invalid argument, RemctlError where the Kerberos
    library cannot do it.
    """

    def __init__(
        self,
        ccache: str | os.PathLike[str] | None,
        keytab: str | os.PathLike[str] | None,
        source_ip: str | None,
    ) -> None:
        if keytab is not None and ccache is not None:
            raise ValueError("give ccache or keytab, not both")
        self.ccache, self.keytab, self.source_ip = ccache, keytab, source_ip
        self.connection()  # what is wrong is known now

    def connection(self) -> _remctl.Connection:
        """A connection with these settings, not open."""
        connection = _remctl.Connection()
        if self.ccache is not None:
            connection.set_ccache(path_or_name(self.ccache))
        if self.source_ip is not None:
            connection.set_source_ip(self.source_ip)
        return connection

    def ticket_end(self) -> float:
        """The moment, on the monotonic clock, that the ticket ends at; infinite where unknown."""
        return inf
