#!/usr/bin/env python3
"""Watch a service on many hosts, on one connection each, and tell what changes.

monitor.py SERVICE HOST...
"""

import asyncio
import sys

import remctl

EVERY = 10.0  # seconds
PATIENCE = 5.0


async def look(connection: remctl.AsyncRemctl, host: str, service: str) -> str:
    """How a service is doing, in a few words."""
    try:
        if not connection.opened:
            await connection.open(host, timeout=PATIENCE)
        result = await connection.run(["service", "status", service], timeout=PATIENCE)
    except remctl.RemctlTimeoutError:
        return "no answer"
    except remctl.RemctlError as error:
        return f"not reached: {error}"
    return result.text.strip() if result.status == 0 else f"down (status {result.status})"


async def watch(host: str, service: str) -> None:
    """Tell how a service is doing whenever that changes, for ever."""
    before = None
    async with remctl.AsyncRemctl() as connection:
        while True:
            now = await look(connection, host, service)
            if now != before:
                print(f"{host}: {now}", flush=True)
                before = now
            await asyncio.sleep(EVERY)


async def main(service: str, hosts: list[str]) -> None:
    """Watch all hosts at the same time."""
    await asyncio.gather(*(watch(host, service) for host in hosts))


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], sys.argv[2:]))
    except KeyboardInterrupt:
        sys.exit(130)
