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
        ("credentials/test_identity_kept.py",),
    ),
    Mistake(
        "the first client is forgotten",
        "src/credentials/identity.cpp",
        "        known_.try_emplace(where, first);",
        "        known_.insert_or_assign(where, first);",
        "a pool lends connections of two users at a time",
        ("credentials/test_identity_kept.py",),
    ),
    Mistake(
        "tickets are not looked at again after the handshake",
        "src/connection/authentication.cpp",
        "    if (before.principal && now.principal != before.principal)\n        throw",
        "    if (false)\n        throw",
        "a command runs as the user who has filled the cache meanwhile",
        ("credentials/test_identity_kept.py",),
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
    Mistake(
        "a name of one letter and a colon has a type",
        "src/credentials/kerberos.cpp",
        "    return colon != std::string::npos && !drive;",
        "    return colon != std::string::npos && (drive || true);",
        "after a chdir() the cache of another folder is used",
        ("credentials/test_names.py",),
    ),
    Mistake(
        "a variable that was changed while a name was loaded is used",
        "python/remctl/__init__.py",
        " and not _as_before(ccache):",
        " and False:",
        "the first call of a thread is another thread's user's",
        ("credentials/test_identity.py",),
    ),
    Mistake(
        "the child of a fork does not know of a reconnect's identity",
        "src/drivers/client.hpp",
        "            if (body_.identity != body_.connection.identity())",
        "            if (false)",
        "a child runs as another client, where its parent refuses",
        ("credentials/test_identity_kept.py",),
    ),
    Mistake(
        "a hint is looked for on the loop's thread",
        "src/connection/hint_in_time.cpp",
        "    const bool done = co_await done_in_time(std::move(work), call);\n    if (!done)\n"
        "        co_return Diagnosis",
        "    work();\n    const bool done = call.waker() != nullptr;\n    if (!done)\n        co_return Diagnosis",
        "all tasks stand still while another process has a cache locked",
        ("credentials/test_limits.py",),
    ),
    Mistake(
        "a hint is waited for however long it takes",
        "src/connection/hint_in_time.cpp",
        "        if (call.expired() || Clock::now() >= until)",
        "        if (false)",
        "a call whose ticket cache is locked hangs after it has failed",
        ("credentials/test_limits.py",),
    ),
    Mistake(
        "`valid` looks at the cache",
        "python/remctl/_credentials.py",
        "        return self._shared.look()[3]",
        "        return self._shared.check(None)",
        "a property waits for a lock",
        ("credentials/test_limits.py",),
    ),
    Mistake(
        "from_ccache() waits for a locked cache",
        "src/bindings/bind_credentials.cpp",
        ".deadline = Clock::now() + first_look}",
        ".deadline = std::nullopt}",
        "an object's making hangs",
        ("credentials/test_limits.py",),
    ),
    Mistake(
        "keytab= reads the keytab at once",
        "python/remctl/_credentials.py",
        "_remctl.Credentials.from_unread_keytab(key)",
        "_remctl.Credentials.from_keytab(key)",
        "a call with a limit waits for a locked keytab",
        ("credentials/test_limits.py",),
    ),
    Mistake(
        "any number of calls wait for a silent KDC",
        "src/connection/kdc_gate.cpp",
        "constexpr std::size_t most_stuck = 8;\nconstexpr std::size_t most = 32;",
        "constexpr std::size_t most_stuck = 800;\nconstexpr std::size_t most = 3200;",
        "a service runs out of descriptors while the KDC is silent",
        ("credentials/test_limits.py",),
    ),
    Mistake(
        "a good ticket waits for the silent KDC of others",
        "src/connection/kdc_gate.cpp",
        "           (!entry.counts || (stuck(entry.realm)",
        "           ((stuck(entry.realm)",
        "calls that need no KDC time out",
        ("credentials/test_limits.py",),
    ),
    Mistake(
        "a silent KDC holds up other realms",
        "src/connection/kdc_gate.cpp",
        "        return entry.counts && (realm.empty() || entry.realm.empty() || entry.realm == realm);",
        "        return entry.counts && (realm.empty() || true);",
        "calls in one realm time out because another's KDC is down",
        ("credentials/test_limits.py",),
    ),
    Mistake(
        "who waits for the KDC's gate has no limit",
        "src/connection/kdc_gate.cpp",
        "        if (call.expired())\n            throw kdc_silent",
        "        if (false)\n            throw kdc_silent",
        "the ninth call to a silent realm hangs",
        ("credentials/test_limits.py",),
    ),
    Mistake(
        "a stale ticket is removed from the user's own cache",
        "src/connection/handshake.cpp",
        "    if (work.again && ours && work.attempt.answered) {",
        "    if (work.again && work.attempt.answered) {",
        "a call writes to a cache that is not the package's",
        ("credentials/test_limits.py",),
    ),
    Mistake(
        "a server that cannot decrypt any ticket is tried again and again",
        "src/connection/opening.cpp",
        "        outcome = co_await handshake(channel, held, first, call);",
        "        outcome = co_await handshake(channel, held, first || true, call);",
        "a call to a server with a wrong keytab never ends",
        ("credentials/test_limits.py",),
    ),
    Mistake(
        "the stale ticket stays in the cache",
        "src/connection/hint_in_time.cpp",
        "            is_about_key(failure) && forget_service_ticket(",
        "            is_about_key(failure) || forget_service_ticket(",
        "after its key was changed a server is refused until the cache is renewed",
        ("credentials/test_limits.py",),
    ),
    Mistake(
        "a KDC whose name is unknown counts as one that is down",
        "src/credentials/hints.cpp",
        "    if (only_unknown_names(configured_kdcs(context, realm)))",
        "    if (only_unknown_names(configured_kdcs(context, realm)) && false)",
        "the hint blames the network for a mistyped name",
        ("credentials/test_causes.py",),
    ),
    Mistake(
        "a socket that was never connected has lost its connection",
        "src/connection/opening.cpp",
        "&length) != 0 && errno == ENOTCONN)",
        "&length) != 0 && false)",
        "the error blames the server",
        ("credentials/test_causes.py",),
    ),
    Mistake(
        "a client that .k5identity chooses is not spoken of",
        "src/credentials/explain.cpp",
        "        if (std::string hint = about_chosen_client(); !hint.empty())",
        "        if (std::string hint = about_chosen_client(); false)",
        "no tickets, says the error, beside a cache with good ones",
        ("credentials/test_causes.py",),
    ),
]
