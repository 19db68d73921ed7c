// Makes sure that there is a valid ticket, for any driver.
#pragma once

#include <memory>

#include "credentials/credentials.hpp"
#include "transport/call.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// The lease to open with. If needed, it first gets a ticket, on a helper thread. If
/// the KDC fails or is slow, a ticket that expires soon is good enough. Throws Error,
/// with a hint.
Task<std::shared_ptr<Lease>> ready(std::shared_ptr<Credentials> credentials, Call &call);

/// Checks the ticket on a helper thread; Credentials::look() returns the result. Throws
/// Error if the call times out.
Task<void> look_now(std::shared_ptr<Credentials> credentials, Call &call);

/// Gets a new ticket on a helper thread, even if the current one is valid. Throws Error
/// like look_now().
Task<void> renew_now(std::shared_ptr<Credentials> credentials, Call &call);

} // namespace pyremctl
