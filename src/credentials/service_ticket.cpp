#include "credentials/service_ticket.hpp"

#include <strings.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "credentials/cache_cursor.hpp"
#include "credentials/kerberos.hpp"
#include "handle/leaving.hpp"

namespace pyremctl {

namespace {

using namespace kerberos;

bool starts_with_ignoring_case(const std::string &text, const std::string &start) {
    return text.size() >= start.size() &&
           ::strncasecmp(text.c_str(), start.c_str(), start.size()) == 0;
}

/// Whether a ticket is for the attempt's server, judging by the name: the library may
/// have looked up another host name in DNS.
bool names_server(const std::string &name, const Attempt &attempt) {
    const std::string wanted = attempt.principal.value_or("host/" + attempt.host);
    return starts_with_ignoring_case(name, wanted) &&
           (name.size() == wanted.size() || name[wanted.size()] == '@' ||
            name[wanted.size()] == '.');
}

struct Found {
    std::string server;
    long starts = 0;
};

std::vector<Found> service_tickets(const Context &context, krb5_ccache cache) {
    std::vector<Found> found;
    Tickets tickets(context, cache);
    while (const krb5_creds *ticket = tickets.next()) {
        const krb5_ticket_times &times = ticket->times;
        std::string server = to_text(context, ticket->server);
        if (!server.starts_with("krbtgt/"))
            found.push_back({std::move(server),
                             to_seconds(times.starttime != 0 ? times.starttime : times.authtime)});
    }
    return found;
}

} // namespace

bool is_fresh(const Context &context, const std::string &name, const Attempt &attempt) {
    try {
        const auto cache = make<krb5_ccache>(context, krb5_cc_resolve, name.c_str());
        const auto found = service_tickets(context, cache.get());
        return std::ranges::any_of(found, [&](const Found &ticket) {
            return names_server(ticket.server, attempt) &&
                   ticket.starts - context.clock_offset() > attempt.started;
        });
    } catch (const Problem &) {
        return false;
    }
}

bool forget_service_ticket(const std::string &name, const Attempt &attempt) {
    const InLibrary call;
    try {
        const Context context;
        const auto cache = make<krb5_ccache>(context, krb5_cc_resolve, name.c_str());
        const auto found = service_tickets(context, cache.get());
        const bool known = std::ranges::any_of(
            found, [&](const Found &ticket) { return names_server(ticket.server, attempt); });
        for (const Found &ticket : found) {
            if (known && !names_server(ticket.server, attempt))
                continue;
            const auto server =
                make<krb5_principal>(context, krb5_parse_name, ticket.server.c_str());
            const auto client = make<krb5_principal>(context, krb5_cc_get_principal, cache.get());
            krb5_creds wanted{};
            wanted.server = server.get();
            wanted.client = client.get();
            context.check(krb5_cc_remove_cred(context.get(), cache.get(), 0, &wanted));
        }
        return true;
    } catch (const Problem &) {
        return false;
    }
}

} // namespace pyremctl
