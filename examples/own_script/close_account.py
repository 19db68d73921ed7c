#!/usr/bin/env python3
"""Close an account: lock it, then move its files away.

close_account.py HOST[:PORT] NAME
"""

import sys

import remctl


def close_account(host: str, port: int | None, name: str) -> str:
    """Close an account, and say where its files are now.

    A command that fails raises a RemctlCommandError: the files of an account that could not be
    locked are left alone.
    """
    with remctl.Remctl(host, port) as connection:
        connection.run(["account", "lock", name]).check()
        result = connection.run(["account", "archive", name]).check()
        return result.text.strip()


if __name__ == "__main__":
    place, user = sys.argv[1:]
    address, _, number = place.partition(":")
    try:
        print(close_account(address, int(number) if number else None, user))
    except remctl.RemctlError as problem:
        sys.exit(f"{user}: {problem}")
