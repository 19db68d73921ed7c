// The tickets for servers in a cache, which are kept there and used again.
#pragma once

#include <string>

#include "credentials/explain.hpp"

namespace pyremctl {

namespace kerberos {
class Context;
}

/// Whether the ticket that an attempt was made with was issued during it, so
/// that it is of the key that the KDC has now. False where that is not certain.
// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name)
bool is_fresh(const kerberos::Context &context, const std::string &cache, const Attempt &attempt);

/// Removes the tickets for the attempt's server from a cache of ours, so that
/// the next attempt gets a new one; those for all servers where its own cannot
/// be told from others'. False where the library cannot do that.
// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name)
bool forget_service_ticket(const std::string &cache, const Attempt &attempt);

} // namespace pyremctl
