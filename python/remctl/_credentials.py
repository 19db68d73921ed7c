"""`Credentials`: tickets from a keytab, or from an existing cache."""

from __future__ import annotations

import os

from remctl import _remctl, _types
from remctl._arguments import absolute_name, file_or_name
from remctl._environ import TicketEnvironment
from remctl._waiting.greenlets import wait_for


class Credentials:
    """The client's credentials: a keytab to get tickets with, or a ticket cache.

    Create it with `from_keytab()` or `from_ccache()`. Any number of threads, event loops and
    connections may share one; pass it as ``ccache=``. It is a context manager that closes it.
    It cannot be copied or pickled. The child of a fork starts without a ticket.
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
        """Get tickets with a key from ``keytab``, into a private cache of this object.

        ``keytab`` is a path, or a name such as ``FILE:/etc/client.keytab``; None means the
        default client keytab (``KRB5_CLIENT_KTNAME``, or ``default_client_keytab_name`` in
        krb5.conf). ``principal`` is the client's; None means the first one in the keytab.

        This reads the keytab and contacts nobody. If another process has locked the keytab for
        more than a fifth of a second, `check()` or the first request reads it: `principal` is
        None until then. A ticket is requested before the first connection, and again before a
        new connection if less than a quarter of its lifetime, or less than five minutes, is
        left. If the KDC cannot be reached, a ticket that is still valid is used.

        Raises RemctlError if the keytab cannot be read or has no key of the principal.
        """
        path = None if keytab is None else file_or_name(keytab)
        return cls._of(_remctl.Credentials.from_keytab(path, principal))

    @classmethod
    def from_ccache(cls, name: str | os.PathLike[str] | None = None) -> _types.Self:
        """Use the tickets in a cache that something else fills: kinit, a login, a daemon.

        ``name`` is a path, or a name such as ``KEYRING:persistent:0``; None means the current
        default cache (``KRB5CCNAME``). The cache need not exist yet. It is read once, for at
        most a fifth of a second, and later by `check()`. Raises RemctlError if the name is
        invalid.
        """
        path = None if name is None else file_or_name(name)
        return cls._of(_remctl.Credentials.from_ccache(path))

    @property
    def principal(self) -> str | None:
        """The client's name, with its realm; None if the last check did not find it."""
        return self._shared.look()[1]

    @property
    def expires(self) -> _types.Datetime | None:
        """When the ticket expires, in UTC, as of the last check; None without a ticket."""
        seconds = self._shared.look()[2]
        if seconds is None:
            return None
        from datetime import datetime, timezone

        return datetime.fromtimestamp(seconds, timezone.utc)

    @property
    def valid(self) -> bool:
        """Whether there is a valid ticket, as of the last check.

        This reads nothing; use `check()`.
        """
        return self._shared.look()[3]

    @property
    def name(self) -> str | None:
        """The ticket cache's name, with its type; None if there is no cache yet.

        With a keytab it changes with every renewal, and the old cache is destroyed: pass on
        this object, not the name.
        """
        return self._shared.look()[0]

    def check(self, timeout: float | None = None) -> bool:
        """Check the ticket now; updates `valid`, `expires` and `principal`.

        ``timeout`` is the longest time that the check may take, in seconds. None means no
        limit; 0 or less raises RemctlTimeoutError immediately. It may have to wait if another
        process has locked the cache, or the service that holds it does not answer. With a
        keytab, it reads the keytab if nothing has read it before. It does not contact the KDC,
        and renews nothing.

        Returns `valid`. Raises RemctlTimeoutError, and RemctlError after `close()` or if the
        keytab cannot be read.
        """
        shared = self._shared
        return wait_for(
            lambda: shared.check(timeout), lambda reactor: shared.check_in(reactor, timeout)
        )

    async def acheck(self, timeout: float | None = None) -> bool:
        """Check the ticket now: `check()` for asyncio (uvloop too) and trio."""
        from remctl._waiting.loops import running_loop

        loop = running_loop()
        valid: bool = await loop.finish(self._shared.check_in(loop.reactor, timeout))
        return valid

    def renew(self, timeout: float | None = None) -> None:
        """Get a new ticket now; connections opened from now on use it.

        ``timeout`` is the longest time for the call, in seconds. None means no limit; 0 or less
        raises RemctlTimeoutError immediately. Calls that come while a renewal is in progress
        share its result.

        Raises RemctlTimeoutError, and RemctlError if the KDC issues no ticket (its ``hint``
        says what to do) or the object is from `from_ccache()`.
        """
        shared = self._shared
        wait_for(lambda: shared.renew(timeout), lambda reactor: shared.renew_in(reactor, timeout))

    async def arenew(self, timeout: float | None = None) -> None:
        """Get a new ticket now: `renew()` for asyncio (uvloop too) and trio."""
        from remctl._waiting.loops import running_loop

        loop = running_loop()
        await loop.checkpoint_if_cancelled()
        await loop.finish(self._shared.renew_in(loop.reactor, timeout))

    def environ(self, timeout: float | None = None) -> TicketEnvironment:
        """Lend the tickets to child processes: a context manager, for ``with`` and ``async with``.

            with credentials.environ() as env:
                subprocess.run(["ldapsearch", ...], env={**os.environ, **env})

        The block gets a mapping of environment variables. ``KRB5CCNAME`` names a private file
        with the tickets (mode 0600, in its own directory). ``KRB5_CLIENT_KTNAME`` names an
        empty keytab, so that the child does not use this process's keytab. During the block a
        helper thread renews the tickets in the file; at its end the file is removed. For a
        cache from `from_ccache()` that other processes can open, only its name is passed on,
        and it is not renewed.

        ``timeout`` is the longest time for getting the first ticket, in seconds. None means no
        limit; 0 or less raises RemctlTimeoutError immediately.

        Raises RemctlError and RemctlTimeoutError like `renew()`, and RemctlError if the file
        cannot be written. A failed renewal is logged. Its error is raised at the end of the
        block, unless a later renewal has succeeded or the block itself raises an exception.
        """
        return TicketEnvironment(self._shared, timeout)

    def close(self) -> None:
        """Allow no new connections with it, and discard the tickets.

        Open connections continue. A cache from `from_ccache()` is not changed. Closing it again
        does nothing.
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
    """The Credentials that every ``keytab=`` with this path shares in this process.

    The first open that needs a ticket reads the keytab, within its limit.
    """
    name = absolute_name(keytab, "keytab")
    key = f"FILE:{name}" if name.startswith("/") else name
    # setdefault, so that concurrent threads get the same one.
    return _shared_by_keytab.get(key) or _shared_by_keytab.setdefault(
        key, Credentials._of(_remctl.Credentials.from_unread_keytab(key))
    )
