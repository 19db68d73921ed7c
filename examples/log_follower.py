#!/usr/bin/env python3
"""Follow a log of a remote host; go on after a lost connection. Ctrl-C ends it.

log_follower.py HOST [COMMAND...]
"""

import sys
import time

import remctl

LONGEST_PAUSE = 60
AGAIN = (remctl.ErrorKind.LOST, remctl.ErrorKind.TIMEOUT)


def follow(host: str, command: list[str]) -> int:
    """Write what the command writes until it ends; its exit status."""
    pause = 1
    while True:
        try:
            # A log may be quiet for days. If the host vanishes, the connection's probes find out.
            with remctl.Remctl(host, connect_timeout=30) as connection:
                for token in connection.stream(command):
                    pause = 1
                    if token.type == "output":
                        stream = sys.stdout if token.stream == 1 else sys.stderr
                        stream.buffer.write(token.output or b"")
                        stream.flush()
                    else:
                        return token.status or 0
        except remctl.RemctlError as error:
            # Reading a log twice does no harm: a lost connection is followed by another. What the
            # server refuses, or a ticket that is not there, does not mend itself.
            if not error.retryable and error.kind not in AGAIN:
                print(error, file=sys.stderr)
                return 1
            print(f"{error}; again in {pause} s", file=sys.stderr)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        sys.exit(follow(sys.argv[1], sys.argv[2:] or ["log", "follow"]))
    except KeyboardInterrupt:
        sys.exit(130)
