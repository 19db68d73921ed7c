"""Users of a realm, and whose a command was."""

from dataclasses import dataclass
from pathlib import Path

from remctl.testing import Realm

#: The command that says whose it is.
WHO = ["test", "env"]


@dataclass(frozen=True)
class Users:
    """Two users of the realm, and a cache of each."""

    realm: Realm
    folder: Path

    def cache(self, user: str) -> str:
        """The cache that holds the tickets of this user at first."""
        return f"FILE:{self.folder / user}"

    def get_ticket(self, user: str, cache: str) -> None:
        """Put a new ticket of the user into a cache, in place of anybody's."""
        self.realm.kinit(user, "secret", ccache=cache)

    def name(self, user: str) -> str:
        """The user's principal."""
        return f"{user}@{self.realm.name}"


def who(result: object) -> str:
    """Whose the command was, by what `test env` has printed."""
    (line,) = (one for one in result.text.splitlines() if one.startswith("REMOTE_USER="))  # type: ignore[attr-defined]
    return str(line.partition("=")[2].partition("@")[0])
