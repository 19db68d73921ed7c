// libremctl on one end of a socket pair, the server on the other side of ours.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>

#include "connection/gathering.hpp"
#include "handle/handle.hpp"
#include "transport/byte_queue.hpp"
#include "transport/descriptor.hpp"
#include "transport/socket.hpp"
#include "transport/token.hpp"

namespace pyremctl {

/// Carries bytes between a connected socket and a libremctl handle that
/// believes its end of the socket pair to be the server. Nothing here waits:
/// the caller pumps, waits for interests(), and pumps again.
///
///     server ── socket ── [incoming, outgoing] ── near ══ far ── libremctl
///
/// The pair's near end stays open for as long as libremctl may write to the
/// far one, so that no write of the library's raises SIGPIPE.
///
/// A channel is used by one thread, but that handle() may be busy on a helper
/// thread meanwhile.
class Channel {
  public:
    /// Throws Error if no socket pair can be made.
    explicit Channel(Descriptor socket) : Channel(std::move(socket), socket_pair()) {}
    Channel(const Channel &) = delete;
    Channel &operator=(const Channel &) = delete;
    Channel(Channel &&) = delete;
    Channel &operator=(Channel &&) = delete;
    ~Channel() = default;

    Handle &handle() noexcept { return handle_; }
    int socket() const noexcept { return socket_.get(); }
    int library_end() const noexcept { return lent_far_.number(); }

    /// The handshake, as libremctl does it (remctl_open_fd). It blocks until
    /// the other end of the pair has answered: call it on a helper thread.
    bool open(const std::string &host, const std::optional<std::string> &principal);

    /// Moves what can be moved, in all directions. True when the server sent
    /// or took anything.
    bool pump();

    /// Moves what libremctl has written, a megabyte at most. True when the
    /// server took anything.
    bool flush();

    /// Receives until a whole token lies in the pair, the server has no more
    /// for now, or the pair is full. True when the server sent anything. Once
    /// the server had no more it does nothing before await_server().
    bool receive();

    /// To be called before each wait for the server to send. The moment until
    /// which it is better to wait for nothing (Gathering), or none.
    std::optional<Time> await_server() noexcept;

    /// What has to happen for pump() to get on. `busy`: libremctl is reading
    /// or writing on a helper thread.
    std::vector<pollfd> interests(bool busy) const;

    /// True when libremctl can read a token, or the end of file, at once.
    bool token_ready() const noexcept { return scanner_.whole() > 0 || end_passed_; }
    void take_token() noexcept;

    /// The same, but that what was received may not have gone into the pair yet.
    bool read_ahead() const noexcept;

    /// True when the pair is full and yet holds no whole token: libremctl has
    /// to read while the rest is written.
    bool stuffed() const noexcept;

    /// True when libremctl can write this many bytes without anybody reading.
    bool takes_at_once(std::size_t bytes) const noexcept { return bytes <= inline_limit_; }

    /// True while anything that libremctl has written has not been taken by the
    /// server's socket. Nobody may take a call for sent before.
    bool outgoing() const noexcept { return !outgoing_.empty() || unread(near_.get()) != 0; }

    /// Bytes that the server's socket took so far.
    std::size_t sent() const noexcept { return sent_; }

    /// True when the server takes nothing any more.
    bool broken() const noexcept { return broken_; }

    /// Why the server sends or takes nothing any more, in libremctl's words.
    const std::string &problem() const noexcept { return problem_; }

    /// Flags of the first token, once it has begun to come.
    std::optional<unsigned char> first_flags() const noexcept { return first_flags_; }

    /// True unless a token lacked TOKEN_PROTOCOL.
    bool all_with_protocol() const noexcept { return scanner_.all_with_protocol(); }

    /// After the handshake: what libremctl has read counts no more. False when
    /// the server has said more than it had to.
    bool settle() noexcept;

    /// The server may yet say something that nobody waits for.
    void distrust() noexcept { distrusted_ = true; }

    /// For a connection on which nothing is expected: true when the server
    /// has hung up, has spoken out of turn, or may do so.
    bool stale();

    /// Gives the memory of empty buffers back.
    void trim() noexcept;

    /// Ends the connection at once, for the server too where the child of a
    /// fork has a copy; what libremctl waits for ends with it.
    void abort() noexcept;

    /// Says goodbye to the server and ends the connection. The handle must
    /// not be busy.
    void close() noexcept;

  private:
    Channel(Descriptor socket, std::pair<Descriptor, Descriptor> pair);

    bool collect();
    bool send();
    bool receive_some();
    void feed();
    void note(const Transfer &transfer);

    Descriptor socket_;
    Descriptor near_;
    Descriptor far_; // until libremctl owns it
    LentDescriptor lent_far_;
    std::size_t inline_limit_;
    ByteQueue incoming_;
    ByteQueue outgoing_;
    std::size_t chunk_;
    std::size_t sent_ = 0;
    TokenScanner scanner_; // of what has gone into the pair
    std::optional<unsigned char> first_flags_;
    bool pair_full_ = false;
    bool distrusted_ = false;
    bool aborted_ = false;
    bool drained_ = false;       // the server had no more when it was last looked at
    bool acknowledging_ = false; // at once, see acknowledge_at_once()
    Gathering gathering_;
    bool ended_ = false;      // the server sends no more
    bool end_passed_ = false; // and libremctl can see it
    bool broken_ = false;     // the server takes no more
    std::string problem_;
    unsigned generation_;
    Handle handle_; // the last member: closed while the pair is open
};

} // namespace pyremctl
