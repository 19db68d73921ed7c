// Chooses the ticket cache of an open if the caller has not named one.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "credentials/default_cache.hpp"

namespace pyremctl {

namespace kerberos {
class Context;
}

/// A ticket cache and its principal.
struct Choice {
    explicit Choice(std::string name) : cache(std::move(name)) {}

    std::string cache;                    ///< the name to give to the library
    std::optional<std::string> principal; ///< nothing while it is empty
    std::time_t expires = 0;              ///< by this machine's clock; 0 without a ticket
    bool for_server = false;              ///< it was chosen from several for this server
    std::string no_tickets; ///< the library's text if there are no credentials at all; else empty
    std::string failure;    ///< the library's error for an open without tickets; else empty
    std::shared_ptr<const kerberos::Context> context; ///< that it was made in; may be null
};

/// Chooses like libgssapi if no cache is named: from a collection, by .k5identity or
/// the server's realm; the default cache; a cache that a client keytab will fill. It
/// reads files, or asks the service that holds the caches, and, if there are several
/// caches, the name service; never the KDC.
///
/// libkrb5 before 1.21.3 frees invalid memory if it looks for a cache itself and the
/// default one is broken (its ticket 9103). Naming the cache avoids that.
Choice choose(const DefaultCache &from, const std::string &host,
              const std::optional<std::string> &server);

/// The same, but creates no cache for a client keytab: for a caller that opens nothing.
Choice foresee(const DefaultCache &from, const std::string &host,
               const std::optional<std::string> &server);

/// The same for a cache that the caller has named.
Choice look_into(const std::string &cache);

/// Reads the chosen cache again, in the same context: to make one takes longer than to
/// read a cache.
Choice read_again(const Choice &choice);

/// libremctl's error text for missing tickets.
std::string without_tickets(const std::string &words);

} // namespace pyremctl
