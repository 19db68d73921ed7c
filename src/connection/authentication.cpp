#include "connection/authentication.hpp"

#include "credentials/choice.hpp"
#include "credentials/default_cache.hpp"
#include "handle/leaving.hpp"
#include "transport/error.hpp"

namespace pyremctl {

namespace {

Choice choice_of(const Tickets &tickets, const Attempt &attempt) {
    const Identity &identity = *tickets.identity;
    if (!tickets.lease)
        return identity.keep(choose(identity.default_cache(), attempt.host, attempt.principal));
    const Lease &lease = *tickets.lease;
    Choice choice(lease.name());
    if (lease.principal()) {
        choice.principal = lease.principal();
        choice.expires = lease.expires();
    } else {
        choice = look_into(lease.name());
    }
    identity.require(choice);
    return choice;
}

bool open_with(Handle &handle, const Tickets &tickets, const Choice &choice,
               const std::function<bool(Handle &)> &open) {
    if (tickets.lease)
        handle.set_ccache(choice.cache);
    if (tickets.lease || choice.cache.empty())
        return open(handle);
    const UsedByThread used(choice.cache);
    return open(handle);
}

/// The library's text for "no cache named and none found", made the same whether or not
/// this thread has a cache.
std::string told(const std::string &error, const Choice &choice) {
    const bool about_that = !choice.no_tickets.empty() && error.starts_with(without_tickets(""));
    return about_that ? without_tickets(choice.no_tickets) : error;
}

/// Checks the cache's principal after the open. A client keytab may have filled the
/// cache meanwhile.
Choice after(const Tickets &tickets, const Choice &before) {
    if (before.cache.empty() || (tickets.lease && tickets.lease->principal()))
        return before;
    Choice now = read_again(before);
    if (before.principal && now.principal != before.principal)
        throw Error(ErrorKind::ticket, "the tickets in " + before.cache +
                                           " changed during authentication: they were " +
                                           *before.principal + "'s, and are now " +
                                           now.principal.value_or("nobody") + "'s");
    return now;
}

} // namespace

Authentication authenticate(Handle &handle, const Tickets &tickets, const Attempt &attempt,
                            const std::function<bool(Handle &)> &open) {
    const InLibrary call; // for the choice's context, too
    Authentication result;
    const Choice choice = choice_of(tickets, attempt);
    if (!tickets.lease)
        attempt.chosen->set(choice.cache);
    if (!choice.failure.empty()) {
        result.error = choice.failure;
        return result;
    }
    result.opened = open_with(handle, tickets, choice, open);
    if (result.opened) {
        const Choice now = after(tickets, choice);
        tickets.identity->settle(now);
        result.expires = now.expires;
    } else {
        result.error = told(handle.error(), choice);
    }
    return result;
}

} // namespace pyremctl
