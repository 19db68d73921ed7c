// Sending and receiving that never wait, on sockets of either kind.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "transport/byte_queue.hpp"
#include "transport/descriptor.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// What became of one attempt to move bytes.
struct Transfer {
    std::size_t count = 0; ///< bytes moved
    bool blocked = false;  ///< the socket can take or give no more for now
    bool ended = false;    ///< the peer is gone: end of file, reset, broken pipe
    int error = 0;         ///< errno of any other failure
};

/// Sends from the front of the queue. No SIGPIPE, no wait.
Transfer send_from(int socket, ByteQueue &queue) noexcept;

/// Receives once into the queue, `chunk` bytes or a little more. No wait.
Transfer receive_into(int socket, ByteQueue &queue, std::size_t chunk);

/// Two connected local sockets. Throws Error.
std::pair<Descriptor, Descriptor> socket_pair();

/// Bytes that a socket takes before a write to it waits, by SO_SNDBUF.
std::size_t send_buffer_size(int socket) noexcept;

/// Bytes that have come and were not received yet.
std::size_t unread(int socket) noexcept;

/// The address at the other end, in digits; "a local socket" where there are none.
std::string peer_in_digits(int socket);

/// Sends small tokens at once (TCP_NODELAY). Without it the two tokens of the
/// handshake cost a round trip more. A socket that is not TCP has no need.
void disable_nagle(int socket) noexcept;

/// Ends a connection whose other end has vanished: after so long a silence come
/// four probes, a third of that apart, in whole seconds rounded up. Data that are
/// not acknowledged, while which the kernel sends no probes, have as long.
void keep_alive(int socket, Duration idle) noexcept;

/// Acknowledges what has come at once, and for a while what comes next
/// (TCP_QUICKACK, which the kernel takes back when something is sent, and after
/// some packets). A server that leaves Nagle's algorithm on, as remctld does,
/// holds the last token of an answer back until the one before it is
/// acknowledged, and the kernel takes up to 40 ms over that by itself. A socket
/// that is not TCP has no need.
void acknowledge_at_once(int socket) noexcept;

/// Has close() not wait for what the peer has not acknowledged, where the user
/// of the socket wanted that (SO_LINGER): the kernel goes on sending it all the
/// same. One that is to be reset when it is closed stays so.
void never_linger(int socket) noexcept;

} // namespace pyremctl
