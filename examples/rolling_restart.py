#!/usr/bin/env python3
"""Restart a service on many hosts, five at a time: drain, restart, wait, check.

rolling_restart.py SERVICE HOST...
"""

import sys
from functools import partial

import remctl

AT_ONCE = 5


async def restart(service: str, r: remctl.JobRemctl) -> str:
    """What is done on each host."""
    # The balancer sends no more requests to a host that is drained.
    (await r.run(["web", "drain", service])).check()
    (await r.run(["service", "restart", service])).check()
    while (await r.run(["service", "status", service])).check().text.strip() != "running":
        await r.sleep(0.5)
    answer = (await r.run(["web", "check", service])).check().text.strip()
    (await r.run(["web", "fill", service])).check()
    return answer


def main(service: str, *hosts: str) -> int:
    """Stop at the first host that fails: it stays drained, and the others stay as they are."""
    failed = 0
    job = partial(restart, service)
    for outcome in remctl.for_each(hosts, job, limit=AT_ONCE, timeout=120, max_failures=0):
        if outcome.error is None:
            print(f"{outcome.target.host}: {outcome.value}, after {outcome.seconds:.1f} s")
        elif outcome.error.kind == "not_started":
            print(f"{outcome.target.host}: left alone", file=sys.stderr)
        else:
            print(f"{outcome.target.host}: {outcome.error}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
