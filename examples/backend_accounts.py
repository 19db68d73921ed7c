#!/opt/remctl-commands/bin/python3 -I
"""The remctl command `accounts`: accounts that are kept as a folder each.

The first line names the Python that has pyremctl. Installed as /usr/local/sbin/accounts, the
program prints the lines for remctld:

    # accounts --conf > /etc/remctl/conf.d/accounts
"""

import os
import shutil

from remctl.backend import (
    Annotated,
    Backend,
    BackendError,
    Literal,
    Match,
    Secret,
    Short,
    Stdin,
    remote,
)

FOLDER = "/var/lib/accounts"

Name = Annotated[str, Match("[a-z][a-z0-9]{1,15}")]
Shell = Literal["/bin/sh", "/bin/bash"]

accounts = Backend("accounts", "Accounts of this machine:", acl="file:/etc/remctl/acl/helpdesk")
quota = accounts.group("quota")


def path(name: str, *more: str) -> str:
    """The folder of an account, or a file in it."""
    folder = os.path.join(FOLDER, name)
    if not os.path.isdir(folder):
        raise BackendError(f"there is no account {name}")
    return os.path.join(folder, *more)


def write(name: str, what: str, data: bytes) -> None:
    """Write a file of an account, which only its owner can read."""
    file = os.open(path(name, what), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(file, "wb") as stream:
        stream.write(data)


@accounts.command
def create(
    name: Name,
    gigabytes: int = 10,
    *,
    shell: Shell = "/bin/sh",
    force: Annotated[bool, Short("f")] = False,
) -> None:
    """Make an account.

    It gets 10 GB, or as much as is given. With --force one that exists loses what it has.
    """
    folder = os.path.join(FOLDER, name)
    if force:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        os.mkdir(folder)
    except FileExistsError:
        raise BackendError(f"there is an account {name}; --force replaces it") from None
    write(name, "shell", shell.encode())
    write(name, "quota", str(gigabytes).encode())
    write(name, "creator", remote.user.encode())
    print(f"made {name}")


@accounts.command(acl="ANYUSER")
def show(*names: Name) -> int:
    """Show accounts, or all; status 1 if there are none."""
    shown = names or sorted(os.listdir(FOLDER))
    for name in shown:
        with open(path(name, "shell")) as shell, open(path(name, "creator")) as creator:
            print(f"{name}: {shell.read()}, by {creator.read()}")
    return 0 if shown else 1


@accounts.command
def token(name: Name, token: Annotated[str, Secret]) -> None:
    """Set the token that an account signs in with."""
    write(name, "token", token.encode())


@accounts.command
def photo(name: Name, image: Annotated[bytes, Stdin]) -> None:
    """Keep a picture of the owner, a PNG."""
    if not image.startswith(b"\x89PNG"):
        raise BackendError("this is not a PNG")
    write(name, "photo", image)


@quota.command("get")
def get_quota(name: Name) -> None:
    """Show the quota of an account."""
    with open(path(name, "quota")) as file:
        print(file.read(), "GB")


@quota.command("set")
def set_quota(name: Name, gigabytes: int) -> None:
    """Set the quota of an account."""
    write(name, "quota", str(gigabytes).encode())


if __name__ == "__main__":
    accounts.main()
