"""What was it: the network, a ticket, the server's no, or the command itself?"""

import sys

import remctl

host, port = sys.argv[1], int(sys.argv[2])


def ask(*command: str, **settings: str) -> str:
    """A word for what has come of a command."""
    try:
        remctl.remctl(host, port, command=command, ccache=settings.get("ccache")).check()
    except remctl.RemctlCommandError as error:
        return f"status {error.result.status}"
    except remctl.RemctlError as error:
        if error.kind is remctl.ErrorKind.TICKET:
            return "run kinit"
        return f"{error.kind}, {'later' if error.retryable else 'never'}"
    return "done"


print(ask("test", "hello"))
print(ask("test", "status", "3"))
print(ask("test", "denied"))
print(ask("no", "such"))
print(ask("test", "hello", ccache="/nonexistent/cache"))
port = 1
print(ask("test", "hello"))
