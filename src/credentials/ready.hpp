// A ticket in time, for any driver.
#pragma once

#include <memory>

#include "credentials/credentials.hpp"
#include "transport/call.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// The lease to open with. Gets a ticket first, on a helper thread, where the
/// present one is used up. One that is about to end is good enough when the
/// KDC fails or is slow. Throws Error, with a hint.
Task<std::shared_ptr<Lease>> ready(std::shared_ptr<Credentials> credentials, Call &call);

/// Looks at the ticket on a helper thread, for Credentials::look() to tell.
/// Throws Error where that takes longer than the call may.
Task<void> look_now(std::shared_ptr<Credentials> credentials, Call &call);

/// Gets a ticket on a helper thread, whatever the present one is. Throws alike.
Task<void> renew_now(std::shared_ptr<Credentials> credentials, Call &call);

} // namespace pyremctl
