// What is found out after an open has failed, within the limit of its call.
#pragma once

#include <string>

#include "credentials/explain.hpp"
#include "transport/call.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// explain(), on a helper thread. Where that takes too long there is no hint,
/// and authentication is taken for what failed.
Task<Diagnosis> explain_in_time(std::string failure, Attempt attempt, Call &call);

/// True where the server could not decrypt the ticket and it was removed from
/// the cache, which is ours, so that another try gets a new one.
Task<bool> ticket_forgotten(std::string failure, Attempt attempt, Call &call);

} // namespace pyremctl
