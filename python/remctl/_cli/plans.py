"""What is to be done on each host, as the options say it."""

from __future__ import annotations

from remctl import RemctlError
from remctl._cli.values import Misuse
from remctl._many.plan import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from remctl import RemctlSimpleResult, Target
    from remctl._arguments import Encoded
    from remctl._cli.parse import Options
    from remctl._cli.report import Writer
    from remctl._many.attempt import Attempt

#: Of many hosts one that does not answer must not hang the run: seconds to connect to it.
CONNECT_TIMEOUT = 10.0


class Check(Plan):
    """Opens the connection, and closes it: who can be reached, and authenticates."""

    async def carry_out(self, attempt: Attempt, arguments: list[Encoded]) -> RemctlSimpleResult:
        await attempt.open()
        return await attempt.say(b"ok\n")


def plan_for(
    options: Options,
    command: list[bytes] | Callable[[Target], list[bytes]],
    stdout: Callable[[Target], Writer] | None,
    stderr: Callable[[Target], Writer] | None,
) -> Plan:
    """The plan. Raises Misuse, before anything is sent."""
    connect_timeout = options.connect_timeout
    if connect_timeout is None and options.many:
        connect_timeout = CONNECT_TIMEOUT
    try:
        if options.keytab is not None:
            from remctl import Credentials

            with Credentials.from_keytab(options.keytab):
                pass  # it can be read
        return (Check if options.check else Plan)(
            command,
            timeout=options.timeout,
            port=options.port,
            principal=options.principal,
            ccache=options.ccache,
            keytab=options.keytab,
            source_ip=options.source_ip,
            retries=options.retries,
            stdout=stdout,
            stderr=stderr,
            silence=options.silence or None,
            connect_timeout=connect_timeout,
        )
    except (TypeError, ValueError, RemctlError) as error:
        raise Misuse(str(error)) from None
