"""What connections are made with that one function makes many of."""

from __future__ import annotations

import os
from math import inf
from time import monotonic, time

from remctl import _remctl
from remctl._verbs import set_tickets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl._credentials import Credentials
else:
    Credentials = object


class Settings:
    """``ccache=``, ``keytab=`` and ``source_ip=``, as `Remctl` takes them.

    Raises TypeError or ValueError for an invalid argument, RemctlError where the Kerberos
    library cannot do it.
    """

    def __init__(
        self,
        ccache: str | os.PathLike[str] | Credentials | None,
        keytab: str | os.PathLike[str] | None,
        source_ip: str | None,
    ) -> None:
        self.ccache, self.keytab, self.source_ip = ccache, keytab, source_ip
        self.connection()  # what is wrong is known now

    def connection(self) -> _remctl.Connection:
        """A connection with these settings, not open."""
        connection = _remctl.Connection()
        set_tickets(connection, self.ccache, self.keytab)
        if self.source_ip is not None:
            connection.set_source_ip(self.source_ip)
        return connection

    def ticket_end(self) -> float:
        """The moment, on the monotonic clock, that the ticket ends at; infinite where unknown."""
        from remctl._credentials import Credentials, of_keytab

        if self.keytab is not None:
            tickets = of_keytab(self.keytab)
        elif isinstance(self.ccache, Credentials):
            tickets = self.ccache
        else:
            tickets = Credentials.from_ccache(self.ccache)
        end = tickets._shared.look()[2]
        return inf if end is None else monotonic() + end - time()
