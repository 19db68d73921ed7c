// Which tickets an open is made with, where the caller named none.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <utility>

#include "credentials/default_cache.hpp"

namespace pyremctl {

/// A ticket cache, and whose it is.
struct Choice {
    explicit Choice(std::string name) : cache(std::move(name)) {}

    std::string cache;                    ///< to be named to the library
    std::optional<std::string> principal; ///< nothing while nobody's tickets are in it
    std::time_t expires = 0;              ///< by this machine's clock; 0 without a ticket
    bool for_server = false;              ///< it was chosen for this server, from several
    std::string no_tickets; ///< the library's words where nothing is there at all, or empty
    std::string failure;    ///< where no tickets can be had: what the library says to an open
};

/// Chooses as libgssapi does where no cache is named: what .k5identity or the
/// server's realm say, from a collection; the default one; one that a client
/// keytab will fill. It looks at files, or asks the service that keeps the
/// caches, and where there is something to choose from, the name service; never
/// the KDC.
///
/// libkrb5 before 1.21.3 that looks for a cache by itself frees junk where the
/// default one is broken (its ticket 9103). To be told which to use keeps it
/// from that.
Choice choose(const DefaultCache &from, const std::string &host,
              const std::optional<std::string> &server);

/// The same, but nothing is made where a client keytab will fill a new cache:
/// for one that opens nothing.
Choice foresee(const DefaultCache &from, const std::string &host,
               const std::optional<std::string> &server);

/// The same for a cache that the caller has named.
Choice look_into(const std::string &cache);

/// The text of a failure to find tickets, as libremctl has it.
std::string without_tickets(const std::string &words);

} // namespace pyremctl
