#!/usr/bin/env python3
"""A nightly job: expire accounts on a host, with the key of a service instead of a ticket.

    cron_job.py HOST KEYTAB NAME...

In a crontab, with a keytab that only its user can read:

    15 3 * * *  expire  /usr/local/bin/cron_job.py host.example.com /etc/expire.keytab jdoe msmith

It says nothing when all is well, so that cron sends no mail.
"""

import sys
import time

import remctl

WHOLE_JOB = 600  # seconds


def expire(host: str, keytab: str, names: list[str]) -> list[str]:
    """Expire accounts; a line for each one that could not be."""
    problems = []
    end = time.monotonic() + WHOLE_JOB
    with remctl.Remctl(host, keytab=keytab, timeout=60) as connection:
        for name in names:
            try:
                left = end - time.monotonic()
                connection.run(["account", "expire", name], timeout=left).check()
            except remctl.RemctlCommandError as error:
                problems.append(f"{name}: {error}")
    return problems


if __name__ == "__main__":
    try:
        failed = expire(sys.argv[1], sys.argv[2], sys.argv[3:])
    except remctl.RemctlError as error:
        hint = f"\n{error.hint}" if error.hint else ""
        again = "something may have been done" if error.may_have_run else "nothing was done"
        sys.exit(f"{error}{hint}\n({again})")
    for line in failed:
        print(line, file=sys.stderr)
    sys.exit(1 if failed else 0)
