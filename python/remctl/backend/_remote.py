"""Who runs the command, as remctld says in the environment."""

import os

from remctl.backend._errors import BackendError


class Remote:
    """Who runs this command, and from where: the type of `remctl.backend.remote`.

    Each attribute is read when it is used. One that remctld always sets is a `BackendError`
    where it is missing: this process was not started by remctld then, and must not take
    anybody for its user. See ENVIRONMENT in remctld(8).
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
        """The name that DNS gives for the address (`REMOTE_HOST`); None without one.

        The owner of the address chooses the name: use it in logs only.
        """
        return os.environ.get("REMOTE_HOST")

    @property
    def expires(self) -> int | None:
        """When the authentication ends (`REMOTE_EXPIRES`), in seconds as of `time.time()`.

        None if nobody says so: remctld before 3.10, and remctl-shell.
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


#: Who runs this command.
remote: Remote = Remote()
