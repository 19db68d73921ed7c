// The handshake over one connected socket, as a task.
#pragma once

#include <ctime>
#include <memory>

#include "connection/authentication.hpp"
#include "connection/channel.hpp"
#include "credentials/explain.hpp"
#include "transport/call.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// How a handshake ended.
enum class Handshake {
    done,
    old_protocol, ///< the server speaks protocol 1
    stale_ticket, ///< the server could not decrypt the ticket, which is removed: try again
};

/// Its inputs and outputs.
struct Handshaking {
    std::shared_ptr<Channel> channel; ///< its handle is configured
    Tickets tickets;
    Attempt attempt;
    bool again = false;      ///< a stale ticket in a cache of ours may be removed
    std::time_t expires = 0; ///< when the tickets expire, after Handshake::done
};

/// Authenticates. Throws Error with a kind and a hint if that fails.
Task<Handshake> shake_hands(std::shared_ptr<Handshaking> work, Call &call);

} // namespace pyremctl
