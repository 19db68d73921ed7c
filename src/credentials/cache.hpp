// Reads what a ticket cache contains.
#pragma once

#include <ctime>
#include <optional>
#include <string>

#include "credentials/kerberos.hpp"

namespace pyremctl {

/// The contents of a ticket cache, read without asking the KDC.
struct CacheFacts {
    enum class State {
        missing,    ///< there is no such cache, or it was never initialised
        unreadable, ///< it exists but cannot be read
        no_ticket,  ///< it has a principal but no ticket
        ticket      ///< it has a ticket, valid or expired
    };

    State state = State::missing;
    std::string name;    ///< with its type, "FILE:/tmp/krb5cc_1000"
    std::string problem; ///< libkrb5's text, if it cannot be read
    std::optional<std::string> principal;
    std::time_t starts = 0;  ///< by the KDC's clock, like `expires`
    std::time_t expires = 0; ///< of the ticket-granting ticket
    bool granting = false;   ///< there is such a ticket; else the one that lasts longest counts
    bool postdated = false;  ///< it must still be validated (kinit -v)
    bool impossible = false; ///< the name is invalid
    long clock_offset = 0;   ///< how many seconds the KDC's clock was ahead of this machine's

    /// Seconds until it expires, by the KDC's clock if that is known.
    long left() const noexcept {
        return static_cast<long>(expires - std::time(nullptr)) - clock_offset;
    }
    bool expired() const noexcept { return state == State::ticket && left() <= 0; }
    bool valid() const noexcept { return state == State::ticket && left() > 0 && !postdated; }
};

/// Reads a cache that was resolved in the caller's context.
CacheFacts look_at(const kerberos::Context &context, krb5_ccache cache);

/// Reads a cache by its name. An invalid name gives `unreadable`.
CacheFacts look_at(const kerberos::Context &context, const std::string &name);

/// Reads the named cache, or the default one of this process. An invalid name gives
/// `unreadable`.
CacheFacts look_at(const std::optional<std::string> &name);

} // namespace pyremctl
