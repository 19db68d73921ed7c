"""Tickets: from a keytab, or from a cache that is there."""

from __future__ import annotations

import os

from remctl import _remctl, _types
from remctl._arguments import absolute_name, file_or_name
from remctl._environ import TicketEnvironment
from remctl._greenlets import wait_for


class Credentials:
    """Who the client is: a keytab that tickets are got with, or a cache that has some.

    Made by `from_keytab()` or `from_ccache()`. Any number of threads, event
    loops and connections share one; give it as ``ccache=``, wherever a ticket
    cache can be given. It is a context manager that closes it. It can be
    neither copied nor pickled. The child of a fork starts with no ticket.
    """

    __module__ = "remctl"
    __slots__ = ("_shared",)

    _shared: _remctl.Credentials

    def __init__(self) -> None:
        raise TypeError("use Credentials.from_keytab() or Credentials.from_ccache()")

    @classmethod
    def _of(cls, shared: _remctl.Credentials) -> _types.Self:
        self = cls.__new__(cls)
        self._shared = shared
        return self

    @classmethod
    def from_keytab(
        cls, keytab: str | os.PathLike[str] | None = None, principal: str | None = None
    ) -> _types.Self:
        """Get tickets with a key from ``keytab``, into a cache that is this object's own.

        ``keytab`` is a path, or a name such as ``FILE:/etc/client.keytab``;
        None is the default client keytab (``KRB5_CLIENT_KTNAME``, or
        ``default_client_keytab_name`` in krb5.conf). ``principal`` is the
        client's; None is the first in the keytab.

        The keytab is read, and nobody is contacted: a ticket is got before the
        first connection, and again before a new connection when less than a
        quarter of its life or less than five minutes is left. A ticket that is
        still good is used when the KDC cannot be reached.

        Raises RemctlError where the keytab cannot be read or has no key of the
        principal.
        """
        path = None if keytab is None else file_or_name(keytab)
        return cls._of(_remctl.Credentials.from_keytab(path, principal))

    @classmethod
    def from_ccache(cls, name: str | os.PathLike[str] | None = None) -> _types.Self:
        """Use the tickets in a cache that something else fills: kinit, a login, a daemon.

        ``name`` is a path, or a name such as ``KEYRING:persistent:0``; None is
        the default cache of this moment (``KRB5CCNAME``). It need not be there
        yet. The cache is read once, for a fifth of a second at most, and after
        that by `check()`. Raises RemctlError if no cache can have that name.
        """
        path = None if name is None else file_or_name(name)
        return cls._of(_remctl.Credentials.from_ccache(path))

    @property
    def principal(self) -> str | None:
        """The client's name, with its realm; None if the last look did not show it."""
        return self._shared.look()[1]

    @property
    def expires(self) -> _types.Datetime | None:
        """When the ticket expires, in UTC; None without a ticket. As of the last look."""
        seconds = self._shared.look()[2]
        if seconds is None:
            return None
        from datetime import datetime, timezone

        return datetime.fromtimestamp(seconds, timezone.utc)

    @property
    def valid(self) -> bool:
        """Whether there is a ticket that is valid now, as of the last look.

        It reads nothing: `check()` looks.
        """
        return self._shared.look()[3]

    @property
    def name(self) -> str | None:
        """The ticket cache's, with its type; None as long as there is none.

        With a keytab it changes with every renewal, and the cache of the old
        name goes: hand over this object rather than the name.
        """
        return self._shared.look()[0]

    def check(self, timeout: float | None = None) -> bool:
        """Look at the ticket now; `valid`, `expires` and `principal` tell what was seen.

        ``timeout`` is the longest that the look may take, in seconds: None for
        no limit; 0 or less raises RemctlTimeoutError immediately. A cache that
        another process has locked, or whose service does not answer, takes
        time. Nobody is contacted, and nothing is renewed.

        Returns `valid`. Raises RemctlTimeoutError, and RemctlError after
        `close()`.
        """
        shared = self._shared
        return wait_for(
            lambda: shared.check(timeout), lambda reactor: shared.check_in(reactor, timeout)
        )

    async def acheck(self, timeout: float | None = None) -> bool:
        """Look at the ticket now: `check()` for asyncio (uvloop too) and trio."""
        from remctl._loops import running_loop

        loop = running_loop()
        valid: bool = await loop.finish(self._shared.check_in(loop.reactor, timeout))
        return valid

    def renew(self, timeout: float | None = None) -> None:
        """Get a new ticket now; connections made from now on use it.

        ``timeout`` is the most that it may take, in seconds: None for no
        limit; 0 or less is too late at once. Callers who come while one waits
        for the KDC share in its ticket.

        Raises RemctlError where the KDC gives none (its ``hint`` says what to
        do) or the cache is from `from_ccache()`, and RemctlTimeoutError.
        """
        shared = self._shared
        wait_for(lambda: shared.renew(timeout), lambda reactor: shared.renew_in(reactor, timeout))

    async def arenew(self, timeout: float | None = None) -> None:
        """Get a new ticket now: `renew()` for asyncio (uvloop too) and trio."""
        from remctl._loops import running_loop

        loop = running_loop()
        await loop.checkpoint_if_cancelled()
        await loop.finish(self._shared.renew_in(loop.reactor, timeout))

    def environ(self, timeout: float | None = None) -> TicketEnvironment:
        """Lend the tickets to child processes: a context manager, for ``with`` and ``async with``.

            with credentials.environ() as env:
                subprocess.run(["ldapsearch", ...], env={**os.environ, **env})

        It gives a mapping of environment variables. ``KRB5CCNAME`` names a private file with the
        tickets (mode 0600, in a folder of its own). ``KRB5_CLIENT_KTNAME`` names an empty keytab:
        the child does not use this process's. While the block lasts a helper thread renews the
        tickets in the file. After the block the file is gone. A cache of `from_ccache()` that other
        processes can open is only named, and not renewed.

        ``timeout`` is the longest that getting the first ticket may take, in seconds: None for no
        limit, 0 or less raises RemctlTimeoutError immediately.

        Raises RemctlError and RemctlTimeoutError as `renew()` does, or if the file cannot be
        written. A renewal that fails is logged, and raised at the end of the block unless a later
        one succeeded or the block raises an exception of its own.
        """
        return TicketEnvironment(self._shared, timeout)

    def close(self) -> None:
        """Let no connection be opened with it from now on, and forget the tickets.

        Connections that are open go on. A cache from `from_ccache()` is left
        as it is. Closing it again does nothing.
        """
        self._shared.close()

    def __enter__(self) -> _types.Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: _types.TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = " closed" if self._shared.closed else ""
        return f"<{type(self).__module__}.{type(self).__qualname__} {self._shared.source}{state}>"

    def __reduce__(self) -> _types.NoReturn:
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")


_shared_by_keytab: dict[str, Credentials] = {}


def shared_credentials(keytab: str | os.PathLike[str]) -> Credentials:
    """The Credentials that all ``keytab=`` of one path share in this process.

    The first open that needs a ticket reads the keytab, within its limit.
    """
    name = absolute_name(keytab, "keytab")
    key = f"FILE:{name}" if name.startswith("/") else name
    # setdefault, so that threads that come at once get the same one.
    return _shared_by_keytab.get(key) or _shared_by_keytab.setdefault(
        key, Credentials._of(_remctl.Credentials.from_unread_keytab(key))
    )
