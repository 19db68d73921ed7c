"""The common base of the plans for a command and for a job: what to do on each host."""

from __future__ import annotations

import os
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, SupportsIndex

from remctl import _own_types, _remctl
from remctl._arguments import Port, Seconds, c_string, count, output_limit, port_number, seconds
from remctl._client_base import KEEPALIVE, Settings
from remctl._many.outcome import Outcome, Target
from remctl._many.tries import Work, with_retries

if TYPE_CHECKING:
    from remctl._many.crew import HostCrew


class Plan:
    """How to connect to each host, and for how long and how often to try.

    ``silence`` is the longest silence of a server, as for `Remctl.set_timeout()`; the other
    arguments are those of `run_many`. Raises TypeError or ValueError that names an invalid
    argument.
    """

    def __init__(
        self,
        *,
        timeout: Seconds | None,
        port: Port,
        principal: str | None,
        ccache: str | os.PathLike[str] | _own_types.Credentials | None,
        keytab: str | os.PathLike[str] | None,
        source_ip: str | None,
        retries: SupportsIndex,
        silence: Seconds | None = None,
        keepalive: Seconds | None = KEEPALIVE,
        connect_timeout: Seconds | None = None,
        max_output: SupportsIndex | None = None,
    ) -> None:
        self.timeout: float | None = None if timeout is None else seconds(timeout)
        self.port: int | None = None if port is None else port_number(port)
        if principal is not None:
            c_string(principal, "principal")
        self.principal = principal
        self.settings: Settings = Settings(
            ccache, keytab, source_ip, keepalive, connect_timeout, many=True
        )
        self.retries: int = count(retries, "retries", 0)
        self.silence = silence
        self.max_output: int | None = output_limit(max_output)
        self._admission = _remctl.Admission()

    def connection(self) -> _remctl.Connection:
        """A new, unopened connection with all the settings."""
        connection = self.settings.connection()
        connection.set_admission(self._admission)
        if self.silence is not None:
            connection.set_timeout(self.silence)
        return connection

    def port_of(self, target: Target) -> int:
        """The port of a host; 0 for the default."""
        return (self.port if target.port is None else target.port) or 0

    def where(self, target: Target) -> str:
        """A host as named in the log."""
        port = self.port_of(target)
        return f"{target.host} (port {port})" if port else target.host

    def steps(self, target: Target, crew: HostCrew) -> Coroutine[Any, Any, Outcome]:
        """The steps on one host. Exceptions of the caller's functions are raised here."""
        return with_retries(self, target, self._work(target, crew), crew)

    def _work(self, target: Target, crew: HostCrew) -> Work:
        raise NotImplementedError

    def sent(self) -> dict[str, Any]:
        """The caller's own objects, by name, to send to a worker in another process."""
        raise NotImplementedError
