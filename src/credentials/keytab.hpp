// Reads a keytab, and gets a ticket with one of its keys.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>

#include "credentials/delay.hpp"
#include "credentials/lease.hpp"

namespace pyremctl {

/// A keytab and the principal in it to get tickets for.
struct KeytabIdentity {
    std::string keytab;    ///< with its type, "FILE:/etc/krb5.keytab"
    std::string principal; ///< with its realm
};

/// The name of a keytab, or of the default client keytab, with its type. Reads no
/// keytab. Throws Error.
std::string keytab_name(const std::optional<std::string> &name);

/// Reads the keytab, or the default client keytab. It blocks while the keytab is
/// locked. The default principal is the keytab's first. Throws Error.
KeytabIdentity read_keytab(const std::optional<std::string> &name,
                           const std::optional<std::string> &principal);

/// A ticket in its own cache.
struct Ticket {
    std::shared_ptr<Lease> lease;
    std::time_t starts = 0; ///< by this machine's clock, like `expires`
    std::time_t expires = 0;
};

/// Whether a ticket must be renewed before the next open: less than a quarter of its
/// lifetime, or less than five minutes, is left. The times are of this machine's clock.
constexpr bool is_due(std::time_t starts, std::time_t expires, std::time_t now) noexcept {
    constexpr std::time_t soon = 300; // seconds
    const std::time_t margin = (expires - starts) / 4;
    return expires - now < (margin > soon ? margin : soon);
}

/// Asks the KDC for a ticket. It blocks, and reports each step in `delay`. Throws
/// Error.
Ticket get_ticket(const KeytabIdentity &identity, Delay &delay);

} // namespace pyremctl
