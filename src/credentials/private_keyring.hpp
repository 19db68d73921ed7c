// Ticket caches in the kernel keyrings of a thread or a process.
#pragma once

#include <memory>
#include <string>

#include "credentials/lease.hpp"

namespace pyremctl {

/// Whether the cache is in KEYRING:thread: or KEYRING:process:, which only some threads
/// can see. The helper threads that open connections cannot.
bool is_private_keyring(const std::string &name);

/// Copies such a cache of the calling thread into this process's memory. `is_default`:
/// the cache was not named, and the library would choose from the collection. It never
/// blocks. Throws Error if this thread sees no tickets there, or those of several
/// principals.
std::shared_ptr<Lease> copy_of_keyring(const std::string &name, bool is_default);

/// A lease of a cache that the user has named, or of a copy if it is in a private
/// keyring.
std::shared_ptr<Lease> lease_of(const std::string &name);

} // namespace pyremctl
