"""An example of every name, for the type checkers: mypy and pyright accept all of it."""

from __future__ import annotations

import remctl.backend
from remctl.backend import (
    Annotated,
    Backend,
    BackendError,
    Count,
    Group,
    Literal,
    Match,
    Remote,
    Secret,
    Short,
    Stdin,
    UsageError,
    remote,
)

Name = Annotated[str, Match("[a-z]+")]
Size = Literal["small", "large"]

accounts = Backend("accounts", "Accounts:", acl=["file:/acl/a", "princ:b@C"], user="nobody", sudo=0)
quota: Group = accounts.group("quota", acl="ANYUSER", user=0, sudo="root")


@accounts.command
def create(name: Name, size: Size = "small", *, force: Annotated[bool, Short("f")] = False) -> int:
    """Make an account."""
    if remote.user == name:
        raise BackendError("it is yours", 3)
    if force and not name:
        raise UsageError("which one?")
    return len(size)


@accounts.command
def sync(*, verbose: Annotated[int, Count, Short("v")] = 0, keep: bool = True) -> None:
    """Compare all with the directory."""
    print(verbose + 1)


@accounts.command("set-token", acl="ANYUSER", user="root", sudo="root")
def token(name: Name, token: Annotated[bytes, Match(b"[a-z]+"), Secret, Stdin]) -> None:
    """Set a token."""


@quota.command()
def show(*names: Name) -> None:
    """Show quotas."""


@quota.default
def alone() -> int | None:
    """Show all quotas."""
    return None


@remctl.backend.Backend("other").command
def unannotated(name="", *, size=0):  # type: ignore[no-untyped-def]
    """Annotations need not be there."""


# The functions are what they were.
status: int = create("alice", "large", force=True)
token("alice", b"abc")
show("a", "b")

who: Remote = remote
user: str = remote.user
addr: str = remote.addr
host: str | None = remote.host
expires: int | None = remote.expires
command: str = remote.command

error = BackendError("message")
code: int = error.status
text: str = error.message
pattern: str | bytes = Match("a").pattern
letter: str = Short("a").letter


def main() -> None:
    """Run it, and go on."""
    ended: int = accounts.run(["create", "alice"])
    print(ended)
    accounts.main()
