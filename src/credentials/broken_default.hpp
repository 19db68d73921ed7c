// A default ticket cache that libkrb5 must not come upon by itself.
#pragma once

#include <optional>
#include <string>

namespace pyremctl {

/// The name of the default ticket cache where that is there and cannot say whose
/// it is: an empty or a cut file, one of somebody else's. libkrb5 before 1.21.3
/// that is not told which cache to use looks for one, and frees a pointer then
/// that it has never set (its ticket 9103). One that it is told by name is an
/// error like others. It looks at a file, or asks the service that keeps the
/// caches (KCM), but neither the KDC nor the name service.
std::optional<std::string> broken_default_cache();

} // namespace pyremctl
