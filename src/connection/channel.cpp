#include "connection/channel.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "handle/leaving.hpp"
#include "transport/process.hpp"

namespace pyremctl {

namespace {

constexpr std::size_t small_chunk = 16UL * 1024;
constexpr std::size_t large_chunk = 256UL * 1024;

// Enough for any token, so that we can read from a server that answers while we send,
// but a flood of data cannot fill our memory.
constexpr std::size_t incoming_limit = token_max_length + large_chunk;
constexpr std::size_t outgoing_limit = large_chunk;
constexpr std::size_t flush_limit = 1024UL * 1024;

// libremctl starts with an empty token, followed by the first real one. Both are sent
// in one packet.
constexpr std::size_t opening_size = token_header_size;

} // namespace

Channel::Channel(Descriptor socket, Socket whose, std::pair<Descriptor, Descriptor> pair)
    : socket_(std::move(socket)), whose_(whose), near_(std::move(pair.first)),
      far_(std::move(pair.second)), lent_far_(far_.get()),
      // The kernel counts its own overhead against the buffer; a quarter is safe.
      inline_limit_(send_buffer_size(far_.get()) / 4), chunk_(small_chunk),
      generation_(fork_generation()) {}

bool Channel::open(const std::string &host, const std::optional<std::string> &principal) {
    return handle_.open_fd(host, far_, principal);
}

void Channel::note(const Transfer &transfer) {
    if (!problem_.empty())
        return;
    if (transfer.ended)
        problem_ = "unexpected end of file";
    else
        problem_ = std::strerror(transfer.error);
}

/// Reads from libremctl. True if there may be more.
bool Channel::collect() {
    if (outgoing_.size() >= outgoing_limit)
        return false;
    return receive_into(near_.get(), outgoing_, small_chunk * 4).count >= small_chunk * 4;
}

/// Writes to the server.
bool Channel::send() {
    if (broken_ || outgoing_.empty() || (sent_ == 0 && outgoing_.size() <= opening_size))
        return false;
    const Transfer transfer = send_from(socket_.get(), outgoing_);
    sent_ += transfer.count;
    if (transfer.count != 0)
        acknowledging_ = false;
    if (transfer.ended || transfer.error != 0) {
        note(transfer);
        broken_ = true;
    }
    return transfer.count != 0;
}

/// Reads from the server.
bool Channel::receive_some() {
    if (ended_ || incoming_.size() >= incoming_limit)
        return false;
    const Transfer transfer = receive_into(socket_.get(), incoming_, chunk_);
    gathering_.came(transfer.count);
    drained_ = transfer.count < chunk_;
    if (transfer.count != 0)
        acknowledging_ = false;
    if (transfer.ended || transfer.error != 0) {
        note(transfer);
        ended_ = true;
    }
    // The server filled the whole chunk, so it probably has more to send.
    if (transfer.count >= chunk_)
        chunk_ = std::min(chunk_ * 2, large_chunk);
    if (!first_flags_ && transfer.count != 0)
        first_flags_ = static_cast<unsigned char>(incoming_.bytes().front());
    return transfer.count != 0;
}

/// Writes to libremctl.
void Channel::feed() {
    stay_if_leaving(); // the data would wake libremctl
    pair_full_ = false;
    if (!incoming_.empty()) {
        const auto bytes = incoming_.bytes();
        const auto fed =
            ::send(near_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (fed > 0) {
            scanner_.advance(bytes.first(static_cast<std::size_t>(fed)));
            incoming_.consume(static_cast<std::size_t>(fed));
        }
        pair_full_ = !incoming_.empty();
    }
    if (ended_ && incoming_.empty() && !end_passed_) {
        ::shutdown(near_.get(), SHUT_WR);
        end_passed_ = true;
    }
}

bool Channel::flush() {
    // Without a limit this might not end while a long command is sent to a fast server.
    const std::size_t enough = sent_ + flush_limit;
    const std::size_t before = sent_;
    for (;;) {
        const bool more = collect();
        const bool moved = send();
        // Sending has made room in the queue, even if collect() could not read anything
        // before.
        const bool room = moved && outgoing_.size() < outgoing_limit;
        if (sent_ >= enough || (!more && (!room || unread(near_.get()) == 0)))
            return sent_ != before;
    }
}

bool Channel::pump() {
    bool moved = flush();
    moved |= receive_some();
    feed();
    return moved;
}

bool Channel::receive() {
    bool moved = false;
    feed();
    while (!token_ready() && !pair_full_ && !drained_ && receive_some()) {
        moved = true;
        feed();
    }
    if (ended_)
        feed();
    return moved;
}

std::optional<Time> Channel::await_server() noexcept {
    drained_ = false;
    if (!std::exchange(acknowledging_, true))
        acknowledge_at_once(socket_.get());
    return gathering_.until();
}

std::vector<pollfd> Channel::interests(bool busy) const {
    short socket_events = 0;
    if (busy && !ended_ && incoming_.size() < incoming_limit)
        socket_events |= POLLIN;
    if (!broken_ && outgoing_.size() > (sent_ == 0 ? opening_size : 0))
        socket_events |= POLLOUT;
    short near_events = 0;
    if (outgoing_.size() < outgoing_limit && (busy || unread(near_.get()) != 0))
        near_events |= POLLIN;
    if (busy && pair_full_)
        near_events |= POLLOUT;
    std::vector<pollfd> interests;
    if (socket_events != 0)
        interests.push_back({socket_.get(), socket_events, 0});
    if (near_events != 0)
        interests.push_back({near_.get(), near_events, 0});
    return interests;
}

void Channel::take_token() noexcept {
    if (scanner_.whole() > 0)
        scanner_.take();
}

bool Channel::read_ahead() const noexcept {
    if (token_ready())
        return true;
    TokenScanner scanner = scanner_;
    scanner.advance(incoming_.bytes());
    return scanner.whole() > 0 || ended_;
}

bool Channel::stuffed() const noexcept { return pair_full_ && !token_ready(); }

bool Channel::settle() noexcept {
    scanner_.take_all();
    trim(); // many connections may be open and idle
    return incoming_.empty() && unread(lent_far_.number()) == 0;
}

bool Channel::stale() {
    const bool spoken = !incoming_.empty() || scanner_.whole() > 0 || scanner_.inside();
    return spoken || distrusted_ || receive_some() || ended_;
}

void Channel::trim() noexcept {
    incoming_.trim();
    outgoing_.trim();
    chunk_ = small_chunk;
    gathering_.start_over();
}

void Channel::abort() noexcept {
    if (std::exchange(aborted_, true))
        return;
    if (generation_ == fork_generation()) {
        ::shutdown(near_.get(), SHUT_RDWR);
        // A child process may hold a copy of the socket; shutdown() tells the server
        // all the same.
        ::shutdown(socket_.get(), SHUT_RDWR);
        never_linger(socket_.get());
    }
    socket_.reset();
}

void Channel::close() noexcept {
    handle_.close();
    try {
        flush();
    } catch (const std::bad_alloc &) { // NOLINT(bugprone-empty-catch)
        // Out of memory: close without a QUIT message.
    }
    abort();
}

} // namespace pyremctl
