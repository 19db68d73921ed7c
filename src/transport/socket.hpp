// Non-blocking send and receive, on TCP and local sockets.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "transport/byte_queue.hpp"
#include "transport/descriptor.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// The result of one attempt to move bytes.
struct Transfer {
    std::size_t count = 0; ///< bytes moved
    bool blocked = false;  ///< the operation would block
    bool ended = false;    ///< the peer is gone: end of file, reset, broken pipe
    int error = 0;         ///< errno of any other failure
};

/// Sends from the front of the queue, without SIGPIPE and without waiting.
Transfer send_from(int socket, ByteQueue &queue) noexcept;

/// Receives once into the queue, up to `chunk` bytes or a little more, without waiting.
Transfer receive_into(int socket, ByteQueue &queue, std::size_t chunk);

/// Two connected local sockets. Throws Error.
std::pair<Descriptor, Descriptor> socket_pair();

/// How many bytes a socket accepts before a write blocks, from SO_SNDBUF.
std::size_t send_buffer_size(int socket) noexcept;

/// Bytes that have arrived and were not received yet.
std::size_t unread(int socket) noexcept;

/// The numeric address of the peer; "a local socket" if it has none.
std::string peer_in_digits(int socket);

/// Sends small tokens immediately (TCP_NODELAY). Without it, the two tokens of the
/// handshake cost an extra round trip. Does nothing on a socket that is not TCP.
void disable_nagle(int socket) noexcept;

/// Lets a library use it that waits by itself. Our own calls never wait all the same.
void make_blocking(int socket) noexcept;

/// How long nothing has arrived on a TCP socket; nothing if the kernel does not say.
std::optional<Duration> silence_of(int socket) noexcept;

/// Detects a peer that has vanished: after `idle` of silence the kernel sends four
/// probes, a third of that apart, in whole seconds rounded up. Unacknowledged data,
/// during which it sends no probes, times out after the same time.
void keep_alive(int socket, Duration idle) noexcept;

/// Acknowledges received data immediately, now and for a while (TCP_QUICKACK, which the
/// kernel resets when something is sent, and after some packets). A server with Nagle's
/// algorithm on, like remctld, holds back the last token of an answer until the
/// previous one is acknowledged, which by default may take the kernel up to 40 ms. Does
/// nothing on a socket that is not TCP.
void acknowledge_at_once(int socket) noexcept;

/// Keeps close() from waiting for unacknowledged data, if the owner of the socket has
/// set SO_LINGER: the kernel sends the data all the same. A linger time of zero (reset
/// on close) is left as it is.
void never_linger(int socket) noexcept;

} // namespace pyremctl
