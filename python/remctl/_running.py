"""A command run to its end, on a connection that is open."""

from remctl import _remctl
from remctl._arguments import Encoded, first_words
from remctl._errors import RemctlSimpleResult, refusal


def run_on(
    connection: _remctl.Connection, command: list[Encoded], host: str | None, port: int | None
) -> RemctlSimpleResult:
    """Run a command to its end; RemctlProtocolError where the server refuses it.

    The host and the port are for the texts and fields of exceptions.
    """
    stdout, stderr, status, code, text = connection.run(command)
    words = first_words(command)
    if code is not None:
        raise refusal(text, code, stdout, stderr, host=host, port=port, command=words)
    result = RemctlSimpleResult(stdout, stderr, status)
    result._origin = (host, words)
    return result
