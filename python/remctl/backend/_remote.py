"""The client, from remctld's environment variables."""

import os

from remctl.backend._errors import BackendError


class Remote:
    """The client of this command and its address: the type of `remctl.backend.remote`.

    Each attribute is read when it is used. If a variable is missing that remctld always sets,
    this raises `BackendError`: the process was not started by remctld, and must not assume any
    user. See ENVIRONMENT in remctld(8).
    """

    __slots__ = ()

    @property
    def user(self) -> str:
        """The principal that runs the command (`REMOTE_USER`): `alice@EXAMPLE.ORG`."""
        return _always("REMOTE_USER")

    @property
    def addr(self) -> str:
        """The client's IPv4 or IPv6 address (`REMOTE_ADDR`)."""
        return _always("REMOTE_ADDR")

    @property
    def host(self) -> str | None:
        """The host name from DNS for the address (`REMOTE_HOST`); None if there is none.

        The owner of the address controls this name: use it in logs only.
        """
        return os.environ.get("REMOTE_HOST")

    @property
    def expires(self) -> int | None:
        """When the authentication expires (`REMOTE_EXPIRES`), in seconds like `time.time()`.

        None if it is unknown: with remctld before 3.10, and with remctl-shell.
        """
        text = os.environ.get("REMOTE_EXPIRES", "")
        return (int(text) or None) if text.isdecimal() else None

    @property
    def command(self) -> str:
        """The command as the client called it (`REMCTL_COMMAND`), without its subcommand."""
        return _always("REMCTL_COMMAND")

    def __repr__(self) -> str:
        return f"<{os.environ.get('REMOTE_USER')} at {os.environ.get('REMOTE_ADDR')}>"


def called_by_remctld() -> bool:
    """Whether this process runs for a client."""
    return "REMCTL_COMMAND" in os.environ or "REMOTE_USER" in os.environ


def _always(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise BackendError(f"{name} is not set: remctld does that") from None


#: The client of this command.
remote: Remote = Remote()
