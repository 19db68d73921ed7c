// Connects libremctl, through a socket pair, with the server's socket.
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

/// Carries bytes between the server's socket and a libremctl handle that uses its end
/// of the socket pair as if it were the server. Nothing here waits: the caller pumps,
/// waits for interests(), and pumps again.
///
///     server ── socket ── [incoming, outgoing] ── near ══ far ── libremctl
///
/// The near end stays open for as long as libremctl may write to the far end, so that
/// the library never gets SIGPIPE.
///
/// One thread uses a channel; only handle() may be in use on a helper thread meanwhile.
class Channel {
  public:
    /// Lets libremctl use the server's socket itself.
    class Direct;

    /// Whether somebody else can change the socket.
    enum class Socket : bool { ours, shared };

    /// Throws Error if no socket pair can be made.
    explicit Channel(Descriptor socket, Socket whose = Socket::shared)
        : Channel(std::move(socket), whose, socket_pair()) {}
    Channel(const Channel &) = delete;
    Channel &operator=(const Channel &) = delete;
    Channel(Channel &&) = delete;
    Channel &operator=(Channel &&) = delete;
    ~Channel() = default;

    Handle &handle() noexcept { return handle_; }
    int socket() const noexcept { return socket_.get(); }
    int library_end() const noexcept { return lent_far_.number(); }

    /// Does the handshake with remctl_open_fd(). It blocks until the server has
    /// answered: call it on a helper thread.
    bool open(const std::string &host, const std::optional<std::string> &principal);

    /// Moves bytes in all directions, as far as possible without waiting. True if the
    /// server sent or accepted anything.
    bool pump();

    /// Sends what libremctl has written, at most a megabyte. True if the server
    /// accepted anything.
    bool flush();

    /// Receives until a whole token is in the pair, the server has sent no more, or the
    /// pair is full. True if the server sent anything. Once the server had no more,
    /// this does nothing until await_server() is called.
    bool receive();

    /// Call this before each wait for the server. Returns the time until which it is
    /// better not to watch the socket (see Gathering), or nothing.
    std::optional<Time> await_server() noexcept;

    /// The events to wait for before the next pump(). `busy`: libremctl is reading or
    /// writing on a helper thread.
    std::vector<pollfd> interests(bool busy) const;

    /// True if libremctl can read a token, or the end of file, without blocking.
    bool token_ready() const noexcept { return scanner_.whole() > 0 || end_passed_; }
    void take_token() noexcept;

    /// The same, counting also data that was received but is not yet in the pair.
    bool read_ahead() const noexcept;

    /// True if the pair is full without a whole token in it: libremctl must read while
    /// the rest is written.
    bool stuffed() const noexcept;

    /// True if libremctl can write this many bytes without blocking.
    bool takes_at_once(std::size_t bytes) const noexcept { return bytes <= inline_limit_; }

    /// True while the server's socket has not accepted everything that libremctl has
    /// written. A command counts as sent only when this is false.
    bool outgoing() const noexcept { return !outgoing_.empty() || unread(near_.get()) != 0; }

    /// Bytes that the server's socket has accepted so far.
    std::size_t sent() const noexcept { return sent_; }

    /// True if the server accepts no more data.
    bool broken() const noexcept { return broken_; }

    /// Why the connection is broken, in libremctl's words.
    const std::string &problem() const noexcept { return problem_; }

    /// Flags of the first token, once its first byte has arrived.
    std::optional<unsigned char> first_flags() const noexcept { return first_flags_; }

    /// True unless a token lacked TOKEN_PROTOCOL.
    bool all_with_protocol() const noexcept { return scanner_.all_with_protocol(); }

    /// After the handshake: forgets the tokens that libremctl has read. False if the
    /// server has sent more than the handshake.
    bool settle() noexcept;

    /// Notes that the server may still send something that no call waits for.
    void distrust() noexcept { distrusted_ = true; }

    /// For a connection on which no data is expected: true if the server has closed it,
    /// has sent data, or may do so.
    bool stale();

    /// Frees the memory of empty buffers.
    void trim() noexcept;

    /// Ends the connection immediately, even if the child of a fork has a copy of the
    /// socket; a call of libremctl that is waiting returns.
    void abort() noexcept;

    /// Sends QUIT to the server and ends the connection. The handle must not be busy.
    void close() noexcept;

  private:
    Channel(Descriptor socket, Socket whose, std::pair<Descriptor, Descriptor> pair);

    bool collect();
    bool send();
    bool receive_some();
    void feed();
    void note(const Transfer &transfer);

    Descriptor socket_;
    Socket whose_;
    Descriptor near_;
    Descriptor far_; // until libremctl owns it
    LentDescriptor lent_far_;
    std::size_t inline_limit_;
    ByteQueue incoming_;
    ByteQueue outgoing_;
    std::size_t chunk_;
    std::size_t sent_ = 0;
    TokenScanner scanner_; // scans what was written to the pair
    std::optional<unsigned char> first_flags_;
    bool pair_full_ = false;
    bool distrusted_ = false;
    bool aborted_ = false;
    bool drained_ = false;       // the server had sent no more at the last check
    bool acknowledging_ = false; // see acknowledge_at_once()
    Gathering gathering_;
    bool ended_ = false;      // the server has ended its side
    bool end_passed_ = false; // libremctl can see that
    bool broken_ = false;     // the server accepts no more data
    std::string problem_;
    unsigned generation_;
    Handle handle_; // the last member: destroyed before the pair
};

} // namespace pyremctl
