// From a host's name to a connected TCP socket.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "transport/address.hpp"
#include "transport/call.hpp"
#include "transport/descriptor.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// The server to connect to, for look-ups and messages.
struct Endpoint {
    std::string host;
    std::uint16_t port;
};

/// Looks up the host. For a name it calls the system's resolver on a helper thread,
/// which is left behind if the call ends early. Throws Error "unknown host HOST: ...".
Task<std::vector<Address>> resolve(Endpoint endpoint, Call &call);

/// Connects to the first address that answers. All are tried, alternating between
/// families, each a quarter of a second after the previous one or as soon as that has
/// failed (RFC 8305). With a source address, only its family is tried. The socket is
/// blocking, for libremctl (Channel::Direct), and has TCP_NODELAY. It gives up at the call's limit,
/// or at `until` if that is earlier. Throws Error "cannot connect to HOST (port N): ...".
Task<Descriptor> dial(Endpoint endpoint, std::vector<Address> addresses, std::string source,
                      Call &call, std::optional<Time> until = std::nullopt);

} // namespace pyremctl
