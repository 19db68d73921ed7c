// libremctl's open, with the tickets chosen for it.
#pragma once

#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "credentials/explain.hpp"
#include "credentials/identity.hpp"
#include "credentials/lease.hpp"
#include "handle/handle.hpp"

namespace pyremctl {

/// The tickets for an open.
struct Tickets {
    std::shared_ptr<Lease> lease;       ///< null: use the identity's default cache
    std::shared_ptr<Identity> identity; ///< the principal that they must belong to
};

/// The result.
struct Authentication {
    bool opened = false;
    std::string error;       ///< the library's text, if it failed
    std::time_t expires = 0; ///< when its tickets expire; 0 if unknown
};

/// For a helper thread: chooses the tickets, opens with only these, and checks
/// afterwards whose they are. Throws Error if they belong to another client than
/// before; the caller must then drop the connection.
Authentication authenticate(Handle &handle, const Tickets &tickets, const Attempt &attempt,
                            const std::function<bool(Handle &)> &open);

} // namespace pyremctl
