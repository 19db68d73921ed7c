// What a keytab has keys of, and a ticket got with one of them.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>

#include "credentials/delay.hpp"
#include "credentials/lease.hpp"

namespace pyremctl {

/// A keytab and the principal in it that tickets are got for.
struct KeytabIdentity {
    std::string keytab;    ///< with its type, "FILE:/etc/krb5.keytab"
    std::string principal; ///< with its realm
};

/// Reads the keytab, or the default client keytab. Without a principal it is
/// the keytab's first. Throws Error.
KeytabIdentity read_keytab(const std::optional<std::string> &name,
                           const std::optional<std::string> &principal);

/// A ticket in a cache of its own.
struct Ticket {
    std::shared_ptr<Lease> lease;
    std::time_t starts = 0; ///< by this machine's clock, as the next one
    std::time_t expires = 0;
};

/// Asks the KDC for a ticket. It blocks, and says what for. Throws Error.
Ticket get_ticket(const KeytabIdentity &identity, Delay &delay);

} // namespace pyremctl
