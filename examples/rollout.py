#!/usr/bin/env python3
"""Restart a service on many hosts, some at a time. Nothing is restarted twice.

rollout.py SERVICE HOST...
"""

import sys

import remctl

AT_ONCE = 8


def restart(hosts: list[str], service: str) -> tuple[list[str], list[str]]:
    """Restart a service; the hosts where it failed, and those of which nobody knows.

    What cannot have run is tried again, here by `retries`. What may have run is not: the
    answer was lost, and a second restart may hurt.
    """
    failed: list[str] = []
    unknown: list[str] = []
    command = ["service", "restart", service]
    for outcome in remctl.run_many(hosts, command, limit=AT_ONCE, timeout=120, retries=3):
        host = outcome.target.host
        try:
            outcome.check()
        except remctl.RemctlCommandError as error:  # it ran, and said why not
            print(error, file=sys.stderr)
            failed.append(host)
        except remctl.RemctlError as error:
            print(f"{host}: {error} ({outcome.tries} tries)", file=sys.stderr)
            (unknown if error.may_have_run else failed).append(host)
        else:
            print(f"{host}: restarted in {outcome.seconds:.1f} s")
    return failed, unknown


def ask(hosts: list[str], service: str) -> None:
    """Ask the hosts of which nobody knows. To ask is harmless, as often as it takes."""
    for outcome in remctl.run_many(hosts, ["service", "status", service], timeout=30, retries=5):
        try:
            state = outcome.check().text.strip()
        except remctl.RemctlError as error:
            state = f"still unknown: {error}"
        print(f"{outcome.target.host}: {state}")


if __name__ == "__main__":
    name, *machines = sys.argv[1:]
    wrong, lost = restart(machines, name)
    ask(lost, name)
    sys.exit(1 if wrong or lost else 0)
