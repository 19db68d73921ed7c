"""Channels and verbs: bytes, tokens, and what may have run."""

from devkit.mistakes import Mistake

CHANNEL = "src/connection/channel.cpp"
CONNECTION = "src/connection/connection.cpp"
DIRECT = "src/connection/direct.cpp"
NOOP = "src/connection/noop.cpp"

MISTAKES = [
    Mistake(
        "the end is passed on before the last bytes",
        CHANNEL,
        "    if (ended_ && incoming_.empty() && !end_passed_) {",
        "    if (ended_ && !end_passed_) {",
        "large answers are lost if the server closes after them",
        ("interface", "faults"),
    ),
    Mistake(
        "no room is asked for after a full pair",
        CHANNEL,
        "    if (busy && pair_full_)\n        near_events |= POLLOUT;",
        "",
        "a large token hangs",
        ("interface", "faults"),
    ),
    Mistake(
        "the server's end is waited for again and again",
        CHANNEL,
        "    if (busy && !ended_ && incoming_.size() < incoming_limit)",
        "    if (busy && incoming_.size() < incoming_limit)",
        "a processor at 100 % after the server has hung up",
        ("faults",),
    ),
    Mistake(
        "a server that floods is read without end",
        CHANNEL,
        "    if (ended_ || incoming_.size() >= incoming_limit)\n        return false;",
        "    if (ended_)\n        return false;",
        "memory grows while a command is being sent",
        ("faults",),
    ),
    Mistake(
        "what lies in the pair is forgotten",
        CHANNEL,
        "(busy || unread(near_.get()) != 0))",
        "busy)",
        "a large command hangs, or goes out in part",
        ("interface", "faults"),
    ),
    Mistake(
        "a stale connection is used",
        CHANNEL,
        "    return spoken || distrusted_ || receive_some() || ended_;",
        "    return distrusted_ || receive_some() || ended_;",
        "the answer to an earlier command is taken for this one's",
        ("faults",),
    ),
    Mistake(
        "a command that was sent in part is sent again",
        CONNECTION,
        "        if (channel->broken() && channel->sent() == before)\n"
        "            co_return false;\n",
        "        if (channel->broken())\n            co_return false;\n",
        "a command runs twice",
        ("faults", "trust/test_may_have_run.py"),
    ),
    Mistake(
        "a command that was sent cannot have run",
        CONNECTION,
        "    may_have_run_ = true;\n    pending_ = true;\n",
        "    pending_ = true;\n",
        "retries repeat what has run",
        ("faults", "trust/test_may_have_run.py"),
    ),
    Mistake(
        "every refusal says that the command cannot have run",
        CONNECTION,
        "        may_have_run_ = !refuses(token.error);",
        "        may_have_run_ = false;",
        "an error in the middle of a command is retried",
        ("faults", "trust/test_may_have_run.py", "interface"),
    ),
    Mistake(
        "the limit is not looked at while tokens lie ready",
        CONNECTION,
        "    if (call.overdue())\n"
        '        throw timed_out("receiving token");\n    if (!channel_->token_ready()',
        "    if (call.overdue() && !channel_->token_ready())\n"
        '        throw timed_out("receiving token");\n    if (!channel_->token_ready()',
        "timeout=1 never ends a command that prints all the time",
        ("faults/test_deadline.py",),
    ),
    Mistake(
        "a busy call never looks around",
        CONNECTION,
        "        if (pending() && Clock::now() >= next_breath) {",
        "        if (false) {",
        "Ctrl-C waits for the end of a command that prints all the time",
        ("concurrency", "asynchronous"),
    ),
    Mistake(
        "the failure behind tokens is lost",
        CONNECTION,
        "            tokens.failure = Error(error).with_may_have_run(may_have_run_);\n",
        "",
        '"no connection open" in place of the reason',
        ("asynchronous",),
    ),
    Mistake(
        "output(timeout=0) gives a token",
        CONNECTION,
        "    DropGuard guard(*this);\n    if (call.overdue())\n"
        '        throw timed_out("receiving token");\n    if (!channel_->token_ready()',
        "    DropGuard guard(*this);\n    if (!channel_->token_ready()",
        "a limit that has passed is not one",
        ("interface", "faults/test_deadline.py"),
    ),
    Mistake(
        "the status is a signed char",
        CONNECTION,
        "        token.status = output.status & 0xff;",
        "        token.status = output.status;",
        "a command that exits with 200 has status -56",
        ("interface",),
    ),
    Mistake(
        "libremctl's pieces after an error are believed",
        CONNECTION,
        "        channel_->distrust();",
        "        (void)channel_;",
        "after a command that was too large the next one gets its errors",
        ("faults",),
    ),
    Mistake(
        "a noop's answer lies in the way of the next one",
        NOOP,
        "        channel->take_token();",
        "        (void)channel;",
        "the command after a noop over the caller's socket reconnects, or fails",
        ("faults/test_direct_noop.py",),
    ),
    Mistake(
        "libremctl keeps the server's socket after a noop",
        NOOP,
        "        direct.end();",
        "        (void)direct;",
        "the command after a noop is never answered",
        ("faults/test_direct_noop.py",),
    ),
    Mistake(
        "a noop takes over the caller's socket",
        DIRECT,
        "channel.whose_ == Socket::ours && !carrying",
        "!carrying",
        "a noop over a non-blocking socket fails",
        ("faults/test_direct_noop.py",),
    ),
    Mistake(
        "what comes during a noop is not seen",
        NOOP,
        "                call.touch(Clock::now() - *silence);",
        "                (void)silence;",
        "an answer in pieces is taken for silence",
        ("faults/test_direct_noop.py",),
    ),
    Mistake(
        "a dead connection is a noop's timeout",
        DIRECT,
        'if (reason == "timed out")',
        "if (false)",
        "the error says that the server was slow, not that it is gone",
        ("faults/test_keepalive.py",),
    ),
]
