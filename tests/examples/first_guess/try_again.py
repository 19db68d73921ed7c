"""Try again what may succeed later, and nothing else."""

import sys

import remctl

host, port = sys.argv[1], int(sys.argv[2])


def tries(port: int, *command: str) -> int:
    """How often it was tried."""
    for number in range(1, 4):
        try:
            remctl.remctl(host, port, command=command)
        except remctl.RemctlError as error:
            if error.retryable:
                continue
        return number
    return 3


print("nobody listens:", tries(1, "test", "hello"))
print("unknown command:", tries(port, "no", "such"))
print("it works:", tries(port, "test", "hello"))
