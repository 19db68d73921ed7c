// What a ticket cache holds.
#pragma once

#include <ctime>
#include <optional>
#include <string>

#include "credentials/kerberos.hpp"

namespace pyremctl {

/// A look at a ticket cache. It asks nobody.
struct CacheFacts {
    enum class State {
        missing,    ///< there is no such cache, or nothing was ever put into it
        unreadable, ///< it is there, and cannot be read
        no_ticket,  ///< it is whose it says, and holds no ticket
        ticket      ///< it holds a ticket, good or expired
    };

    State state = State::missing;
    std::string name;    ///< with its type, "FILE:/tmp/krb5cc_1000"
    std::string problem; ///< libkrb5's words, where it cannot be read
    std::optional<std::string> principal;
    std::time_t starts = 0;  ///< by the KDC's clock, as the next one
    std::time_t expires = 0; ///< of the ticket that others are got with
    bool granting = false;   ///< that ticket is there; else they are of the one that lasts longest
    bool postdated = false;  ///< it has yet to be validated (kinit -v)
    bool impossible = false; ///< no cache can have that name
    long clock_offset = 0;   ///< seconds that the KDC's clock was ahead of this one

    /// Seconds until it expires, by the KDC's clock as far as it is known.
    long left() const noexcept {
        return static_cast<long>(expires - std::time(nullptr)) - clock_offset;
    }
    bool expired() const noexcept { return state == State::ticket && left() <= 0; }
    bool valid() const noexcept { return state == State::ticket && left() > 0 && !postdated; }
};

/// Looks at a cache that was resolved in a context of the caller's.
CacheFacts look_at(const kerberos::Context &context, krb5_ccache cache);

/// Looks at a cache, or at the default one of this process. If its name is
/// invalid it is `unreadable`.
CacheFacts look_at(const std::optional<std::string> &name);

} // namespace pyremctl
