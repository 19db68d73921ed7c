"""Tickets and identities."""

from devkit.mistakes import Mistake

KEYTAB = "src/credentials/keytab_credentials.cpp"
INQUIRY = "src/credentials/inquiry.cpp"

MISTAKES = [
    Mistake(
        "a quarter of what is left, in place of a quarter of the ticket's life",
        "src/credentials/keytab.hpp",
        "    const std::time_t margin = (expires - starts) / 4;",
        "    const std::time_t margin = (expires - now) / 4;",
        "tickets are renewed at the last moment",
        ("credentials",),
    ),
    Mistake(
        "a ticket that was just got is asked for again",
        KEYTAB,
        "            if (good(state) && state.ticket.lease != old)\n"
        "                return state.ticket.lease; // got while this thread was on its way here\n",
        "",
        "a thousand opens ask the KDC a thousand times",
        ("credentials",),
    ),
    Mistake(
        "a KDC that is down is asked at every open",
        KEYTAB,
        "            state.next_try = Clock::now() + retry_after;\n",
        "",
        "every open waits for the KDC while the old ticket is good",
        ("credentials",),
    ),
    Mistake(
        "an expired ticket is used",
        KEYTAB,
        "        return state.ticket.lease && std::time(nullptr) < state.ticket.expires;",
        "        return state.ticket.lease != nullptr;",
        "a service fails when its first ticket ends",
        ("credentials",),
    ),
    Mistake(
        "closed credentials go on",
        KEYTAB,
        "        require_open();\n        const State &state = state_.get();\n"
        "        const std::scoped_lock lock(state.mutex);\n"
        "        return good(state) ? state.ticket.lease : nullptr;",
        "        const State &state = state_.get();\n"
        "        const std::scoped_lock lock(state.mutex);\n"
        "        return good(state) ? state.ticket.lease : nullptr;",
        "connections are opened after close()",
        ("credentials",),
    ),
]
