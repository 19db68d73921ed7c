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
        "                return state.ticket.lease; // another thread got it meanwhile\n",
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
    Mistake(
        "a collection is named to the library as it is",
        "src/connection/authentication.cpp",
        "    const UsedByThread used(choice.cache);",
        "    const UsedByThread used(tickets.identity->default_cache().name);",
        "`.k5identity` has no say",
        ("credentials/test_choice.py",),
    ),
    Mistake(
        "another client's tickets are taken for new ones",
        "src/credentials/identity.cpp",
        "    if (before && before->principal != *choice.principal)\n        throw",
        "    if (false)\n        throw",
        "a service goes on as a user after a lost connection",
        ("credentials/test_identity.py",),
    ),
    Mistake(
        "the first client is forgotten",
        "src/credentials/identity.cpp",
        "        known_.try_emplace(where, first);",
        "        known_.insert_or_assign(where, first);",
        "a pool lends connections of two users at a time",
        ("credentials/test_identity.py",),
    ),
    Mistake(
        "tickets are not looked at again after the handshake",
        "src/connection/authentication.cpp",
        "    if (before.principal && now.principal != before.principal)\n        throw",
        "    if (false)\n        throw",
        "a command runs as the user who has filled the cache meanwhile",
        ("credentials/test_identity.py",),
    ),
    Mistake(
        "without a ticket in time the default cache's is used",
        "src/connection/opening.cpp",
        "        tickets.lease = co_await pyremctl::ready(settings->credentials, call);\n"
        "        if (!tickets.lease)",
        "        try {\n"
        "            tickets.lease = co_await pyremctl::ready(settings->credentials, call);\n"
        "        } catch (const Error &) {\n"
        "            tickets.lease = nullptr;\n"
        "        }\n"
        "        if (false)",
        "a service runs a command as root while the KDC is slow",
        ("credentials/test_identity.py",),
    ),
    Mistake(
        "FILE: before a relative path keeps it relative",
        "src/credentials/kerberos.cpp",
        '{"FILE:", "WRFILE:", "DIR::", "DIR:"}',
        '{"WRFILE:", "WRFILE:", "DIR::", "DIR:"}',
        "after a chdir() the keytab of another folder is used",
        ("credentials/test_names.py",),
    ),
]
