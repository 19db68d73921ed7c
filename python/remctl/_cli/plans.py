"""Makes the plan, what to do on each host, from the options."""

from __future__ import annotations

import os
from functools import partial

from remctl import RemctlError
from remctl._cli.values import Misuse
from remctl._cli.words import command_words, read_inserted, with_inserted
from remctl._many.command import CommandPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from remctl import RemctlSimpleResult, Target
    from remctl._arguments import Encoded
    from remctl._cli.parse import Options
    from remctl._cli.report import Writer
    from remctl._many.attempt import Attempt

#: The default of --connect-timeout with many hosts, in seconds: one silent host must not block
#: the run.
CONNECT_TIMEOUT = 10.0


class Check(CommandPlan):
    """The plan of --check: opens and closes the connection."""

    async def carry_out(self, attempt: Attempt, arguments: list[Encoded]) -> RemctlSimpleResult:
        await attempt.open()
        result = await attempt.say(b"ok\n")
        result.unsent = True  # type: ignore[attr-defined]  # no command was
        return result


def plan_for(
    options: Options,
    hosts: Sequence[Target],
    stdout: Callable[[Target], Writer] | None,
    stderr: Callable[[Target], Writer] | None,
) -> CommandPlan:
    """The plan. Raises Misuse, before anything is sent."""
    make = _maker(options, hosts)
    connect_timeout = options.connect_timeout
    if connect_timeout is None and options.many:
        connect_timeout = CONNECT_TIMEOUT
    try:
        if options.keytab is not None:
            from remctl import Credentials

            with Credentials.from_keytab(options.keytab):
                pass  # the host name is valid
        return make(
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
            max_output=options.max_output,
        )
    except (TypeError, ValueError, RemctlError) as error:
        raise Misuse(str(error)) from None


def _maker(options: Options, hosts: Sequence[Target]) -> Callable[..., CommandPlan]:
    """A function that makes the plan from the settings. Raises Misuse."""
    if options.check:
        return partial(Check, [b"check"])  # for errors only; it is not sent
    words_for = _fixed
    if options.expand:
        from remctl._cli.expand import Expander

        words_for = Expander(hosts, options.port).words_for
    if options.script is not None:
        from remctl._cli.script import Script, read_script

        lines = [(number, words_for(words)) for number, words in read_script(options.script)]
        return partial(Script, lines, options.keep_going)
    if not options.expand:
        return partial(CommandPlan, command_words(options))
    words, inserted = words_for(options.words), read_inserted(options)
    return partial(CommandPlan, lambda target: with_inserted(words(target), inserted))


def _fixed(words: list[str]) -> Callable[[Target], list[bytes]]:
    """The same words for every host."""
    encoded = [os.fsencode(word) for word in words]
    return lambda _: encoded
