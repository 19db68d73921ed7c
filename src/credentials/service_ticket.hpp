// The service tickets in a cache, which are used for later opens too.
#pragma once

#include <string>

#include "credentials/explain.hpp"

namespace pyremctl {

namespace kerberos {
class Context;
}

/// Whether the attempt's ticket was issued during the attempt, and so with the KDC's
/// current key. False if that is not certain.
// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name)
bool is_fresh(const kerberos::Context &context, const std::string &cache, const Attempt &attempt);

/// Removes the tickets for the attempt's server from a cache of ours, so that the next
/// attempt gets a new one. If they cannot be told apart, it removes those for all
/// servers. False if the library does not support this.
// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name)
bool forget_service_ticket(const std::string &cache, const Attempt &attempt);

} // namespace pyremctl
