// Ticket caches in the kernel's keyrings of a thread or a process.
#pragma once

#include <memory>
#include <string>

#include "credentials/lease.hpp"

namespace pyremctl {

/// Whether a cache belongs to a thread, or to the threads that were started
/// since it is there: KEYRING:thread: and KEYRING:process:. The helper thread
/// that opens does not see it.
bool is_private_keyring(const std::string &name);

/// A copy of what the calling thread has in such a cache, in this process's
/// memory. `is_default`: nobody has named it, and the library would choose from
/// what is in there. It makes system calls that never wait. Throws Error where
/// this thread sees no tickets there, or several users'.
std::shared_ptr<Lease> copy_of_keyring(const std::string &name, bool is_default);

/// A lease of a cache that the user has named: of a copy where it has to be one.
std::shared_ptr<Lease> lease_of(const std::string &name);

} // namespace pyremctl
