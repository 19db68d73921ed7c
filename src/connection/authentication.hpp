// An open of the library's, with the tickets that it is to be made with.
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

/// What an open is made with.
struct Tickets {
    std::shared_ptr<Lease> lease;       ///< null: the default ones of the identity
    std::shared_ptr<Identity> identity; ///< whose they have to be
};

/// What has come of it.
struct Authentication {
    bool opened = false;
    std::string error;       ///< the library's, where it failed
    std::time_t expires = 0; ///< when the tickets end that it was made with; 0: not known
};

/// For a helper thread: chooses the tickets, opens with them and no others, and
/// looks again whose they are. Throws Error where they are, or have become,
/// another client's than before; the connection is to be dropped then.
Authentication authenticate(Handle &handle, const Tickets &tickets, const Attempt &attempt,
                            const std::function<bool(Handle &)> &open);

} // namespace pyremctl
