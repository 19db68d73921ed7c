// Explains a failed open, within the time limit of its call.
#pragma once

#include <string>

#include "credentials/explain.hpp"
#include "transport/call.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// Runs explain() on a helper thread. If that takes too long, there is no hint, and the
/// kind is `authenticate`.
Task<Diagnosis> explain_in_time(std::string failure, Attempt attempt, Call &call);

/// True if the server could not decrypt the ticket and it was removed from a cache of
/// ours, so that another attempt gets a new one.
Task<bool> ticket_forgotten(std::string failure, Attempt attempt, Call &call);

} // namespace pyremctl
