"""Tickets for child processes: `Credentials.environ()`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from remctl import _remctl, _types
from remctl._waiting.greenlets import wait_for

# An empty keytab, which replaces the parent's client keytab.
_NO_KEYTAB = "FILE:/dev/null"


class TicketVariables(Mapping[str, str]):
    """Environment variables for a child process: ``KRB5CCNAME`` and ``KRB5_CLIENT_KTNAME``."""

    def __init__(self, loan: _remctl.TicketLoan) -> None:
        self._loan = loan
        self._variables = {"KRB5CCNAME": loan.name, "KRB5_CLIENT_KTNAME": _NO_KEYTAB}

    def __getitem__(self, name: str) -> str:
        self._loan.tell()
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._variables!r})"


class TicketEnvironment:
    """The context manager of `Credentials.environ()`, for ``with`` and ``async with``."""

    def __init__(self, shared: _remctl.Credentials, timeout: float | None) -> None:
        self._shared = shared
        self._timeout = timeout
        self._loan: _remctl.TicketLoan | None = None

    def __enter__(self) -> TicketVariables:
        self._require_unused()
        shared, timeout = self._shared, self._timeout
        loan = wait_for(
            lambda: _remctl.lend_tickets(shared, timeout),
            lambda reactor: _remctl.lend_tickets_in(reactor, shared, timeout),
        )
        return self._begin(loan)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: _types.TracebackType | None,
    ) -> None:
        loan, self._loan = self._loan, None
        if loan is None:
            return
        try:
            loan.end()
        except Exception:
            if error is None:
                raise  # otherwise the block's own exception takes precedence

    async def __aenter__(self) -> TicketVariables:
        self._require_unused()
        from remctl._waiting.loops import running_loop

        loop = running_loop()
        await loop.checkpoint_if_cancelled()
        operation = _remctl.lend_tickets_in(loop.reactor, self._shared, self._timeout)
        return self._begin(await loop.finish(operation))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: _types.TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _require_unused(self) -> None:
        if self._loan is not None:
            raise RuntimeError("environ() is in use already: call it again for another block")

    def _begin(self, loan: _remctl.TicketLoan) -> TicketVariables:
        self._loan = loan
        return TicketVariables(loan)
