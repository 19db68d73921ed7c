// The verbs of a remctl connection, each described once.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connection/admission.hpp"
#include "connection/authentication.hpp"
#include "connection/channel.hpp"
#include "connection/handshake.hpp"
#include "connection/notes.hpp"
#include "credentials/credentials.hpp"
#include "credentials/explain.hpp"
#include "credentials/identity.hpp"
#include "transport/address.hpp"
#include "transport/call.hpp"
#include "transport/pieces.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// The server to connect to, and its principal.
struct Target {
    std::string host;
    std::uint16_t port = 0; ///< 0: 4373, then 4444 if that fails
    std::optional<std::string> principal;
};

/// How to connect; see set_ccache and set_source_ip in the manual.
struct Settings {
    std::optional<std::string> ccache;
    std::shared_ptr<Credentials> credentials; ///< used instead of `ccache`
    unsigned tickets = 0;                     ///< counts changes of these two
    std::shared_ptr<Identity> identity;       ///< shared by many opens; null: each has its own
    std::string source;                       ///< empty: any
    /// After this much silence TCP probes the server; see keep_alive(). Nothing: never.
    std::optional<Duration> keepalive = std::chrono::seconds(60);
    /// The longest time from the name look-up to the end of the handshake.
    std::optional<Duration> connect_timeout;
    std::shared_ptr<Admission> admission; ///< limits concurrent opens; null: no limit
};

/// A command to send.
struct Request {
    Command arguments;
    std::optional<std::string> name; ///< its name in the log; nothing if the log is off
};

/// A command with shared ownership of its memory: a helper thread that was left behind
/// may use it for a moment longer.
using SharedCommand = std::shared_ptr<const Request>;

/// One token of output (manual, Remctl.output).
struct Token {
    enum class Type { output, status, error, done };

    Type type = Type::done;
    std::string_view data; ///< output, or the error's text; valid until the next call
    int stream = 0;        ///< 1 for standard output, 2 for standard error
    int status = 0;        ///< exit status, 0 to 255
    std::uint32_t error = 0;
};

/// The answer to a command, whole or as far as it has arrived.
struct Result {
    std::optional<Pieces> stdout_data; ///< nothing if there was no output
    std::optional<Pieces> stderr_data;
    std::optional<int> status;
    std::optional<std::uint32_t> error; ///< the code of an error token
    std::string error_text;

    void add(const Token &token);
};

/// Tokens that own their data.
struct OwnedTokens {
    struct One {
        Token token; ///< without its data
        std::string data;
    };

    std::vector<One> tokens;
    std::optional<Error> failure; ///< the error after these tokens

    void add(const Token &token) { tokens.push_back({token, std::string(token.data)}); }
};

/// A connection and the state of its commands.
///
/// Each verb is a task, run by any driver; destroying it early drops the connection. So
/// does an exception, except where a verb says otherwise. After a drop the next command
/// reconnects. Run one verb at a time.
class Connection {
  public:
    void set(std::shared_ptr<const Settings> settings) { settings_ = std::move(settings); }

    /// Connects and authenticates with the current settings. An older connection is
    /// closed first. The identity decides whose tickets are used, also when
    /// reconnecting; if it is null, this thread's default is used. (Manual,
    /// Remctl.open.)
    Task<void> open(Target target, Call &call, std::shared_ptr<Identity> identity = nullptr);

    /// The same over a connected socket, which this connection then owns. Such a
    /// connection cannot reconnect.
    Task<void> adopt(Descriptor socket, Target target, Call &call,
                     std::shared_ptr<Identity> identity = nullptr);

    /// The same to an address, without a look-up. Like remctl_open_sockaddr, such a
    /// connection does not reconnect.
    Task<void> open_address(Address address, Target target, Call &call,
                            std::shared_ptr<Identity> identity = nullptr);

    /// Replaces a connection that was closed: errors of output() refer to the command
    /// that was sent there. Another thread may still be using the closed one.
    void follow(const Connection &before) noexcept { may_have_run_ = before.may_have_run_.load(); }

    /// For the child of a fork: treats the connection as opened and lost, so that the
    /// next command reconnects, unless the parent's was opened over a socket.
    struct Origin {
        Target target;
        std::shared_ptr<Identity> identity;
        unsigned tickets = 0;
        std::uint16_t port = 0; // the port that was connected to
        bool reconnects = false;
    };
    void inherit(Origin origin);

    /// What the child of a fork inherits of an open connection.
    Origin origin() const {
        return {.target = target_,
                .identity = identity_,
                .tickets = tickets_,
                .port = port_.load(),
                .reconnects = reconnects_};
    }

    /// Whose tickets it was opened with last.
    const std::shared_ptr<Identity> &identity() const noexcept { return identity_; }

    /// Sets that in an origin of this connection.
    void pass_identity(Origin &origin) const noexcept {
        origin.identity = identity_;
        origin.tickets = tickets_;
    }

    /// Sends a command. Throws without sending or dropping anything while an earlier
    /// command has output pending. (Manual, Remctl.command.)
    Task<void> command(SharedCommand command, Call &call);

    /// The next token of the answer, or "done" if there is none. Its data is valid
    /// until the next call. (Manual, Remctl.output.)
    Task<Token> output(Call &call);

    /// The same if it needs no wait; else nothing.
    std::optional<Token> output_at_once(Call &call);

    /// Reads the next token and those that can be read after it without waiting, up to
    /// `bytes` bytes. Returns the last one.
    Task<Token> outputs(OwnedTokens &tokens, std::size_t bytes, Call &call);

    /// command(), then output() to its end. `result` has what has arrived, even after a
    /// failure.
    Task<void> run(SharedCommand command, Result &result, Call &call);

    /// open() and run() in one call.
    Task<void> simple(Target target, SharedCommand command, Result &result, Call &call,
                      std::shared_ptr<Identity> identity = nullptr);

    /// True if the server answered; false, without a drop, if it does not know the
    /// message. (Manual, Remctl.noop.)
    Task<bool> noop(Call &call);

    /// Ends the connection; the next command opens a new one.
    void drop() noexcept;

    /// Records for the log why a call failed and why a connection was dropped.
    Notes &notes() noexcept { return notes_; }

    /// Sends QUIT and ends the connection for good. (Manual, Remctl.close.)
    void close() noexcept;

    bool opened() const noexcept { return opened_.load(); }

    /// True while the answer to the last command has not been read to its end.
    bool pending() const noexcept { return pending_.load(); }

    /// For a verb that failed. False if it was not about a command, or if the server
    /// cannot have started the command: no socket accepted its last byte, or the server
    /// refused it.
    bool may_have_run() const noexcept { return about_command_ && may_have_run_; }

    /// True if output() can return a token without waiting, as far as is known.
    /// (Watching the descriptor is not enough: tokens may have been read ahead.)
    bool ready() const noexcept { return ready_.load(); }

    /// The connected socket's descriptor; -1 if there is none, or if it is libremctl's.
    int descriptor() const noexcept { return descriptor_.load(); }

    /// True on a connection to a server of protocol 1, whose socket is libremctl's.
    bool protocol1() const noexcept { return protocol1_.load(); }

    /// How often it was opened or sent a command.
    unsigned asked() const noexcept { return asked_.load(); }

    /// When the tickets expire that it was opened with; 0 if unknown.
    std::time_t expires() const noexcept { return expires_.load(); }

  private:
    class DropGuard;
    class Opening;

    /// A call that a helper thread makes. Always give it a name: GCC before version 13
    /// destroys a lambda with captures inside a co_await expression twice.
    using LibraryCall = std::function<bool(Handle &)>;

    /// The same for a server of protocol 1; returns its error, if it failed.
    using LegacyCall = std::function<std::optional<Error>(Handle &)>;

    void require_idle() const;
    Task<Tickets> tickets(Call &call);
    Attempt attempt_with(const Tickets &tickets) const;
    void configure(Handle &handle) const;
    bool connected() const noexcept { return channel_ || legacy_; }
    void use(std::shared_ptr<Channel> channel) noexcept;
    void forget() noexcept;
    void take_leave() noexcept;

    Task<void> establish(Call &call);
    Task<void> authenticate_over(Descriptor socket, Channel::Socket whose, Call &call);
    Task<Descriptor> connect(std::uint16_t &port, Admission::Permit &permit, Call &call);
    Task<Handshake> handshake(std::shared_ptr<Channel> channel, Tickets tickets, bool again,
                              Call &call);
    Task<bool> send(SharedCommand command, Call &call);
    Task<void> send_in_pieces(SharedCommand command, Call &call);
    void connected_to(const Descriptor &socket, Time begin) noexcept;
    static Task<bool> call_on_thread(std::shared_ptr<Channel> channel, LibraryCall library_call,
                                     const char *doing, Call &call);
    static Task<bool> call_directly(std::shared_ptr<Channel> channel, LibraryCall library_call,
                                    const char *doing, Call &call);

    Task<void> open_legacy(Tickets tickets, Call &call);
    Task<void> command_legacy(SharedCommand command, Call &call);
    Task<const struct remctl_output *> output_legacy(Call &call);
    Task<void> call_legacy(std::shared_ptr<Handle> handle, LegacyCall library_call,
                           const char *doing, Call &call) const;
    Token take(const struct remctl_output &output);

    std::shared_ptr<const Settings> settings_ = std::make_shared<Settings>();
    Target target_;
    std::shared_ptr<Identity> identity_; // of the last open
    unsigned tickets_ = 0;               // Settings::tickets at that time
    Notes notes_;
    bool in_pieces_ = false;     // the last command was sent in several tokens
    bool reconnects_ = false;    // false over a socket of the caller
    bool about_command_ = false; // the last verb was about a command
    const char *lost_ = "the connection is lost";
    ErrorKind lost_kind_ = ErrorKind::lost;
    std::shared_ptr<Channel> channel_;
    // For a protocol-1 server: libremctl itself connects for each command.
    std::shared_ptr<Handle> legacy_;
    std::uint16_t legacy_port_ = 0;
    bool legacy_fresh_ = false; // legacy_ is connected and unused
    std::atomic<unsigned> asked_{0};
    std::atomic<bool> opened_{false};
    std::atomic<bool> pending_{false};
    // Whether the last command may have run, even if its connection is lost.
    std::atomic<bool> may_have_run_{false};
    std::atomic<bool> ready_{false};
    std::atomic<std::time_t> expires_{0};
    std::atomic<int> descriptor_{-1};
    std::atomic<bool> protocol1_{false};
    std::atomic<std::uint16_t> port_{0};
};

} // namespace pyremctl
