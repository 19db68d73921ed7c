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
#include "connection/notes.hpp"
#include "credentials/credentials.hpp"
#include "credentials/explain.hpp"
#include "credentials/identity.hpp"
#include "transport/address.hpp"
#include "transport/call.hpp"
#include "transport/pieces.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// The server to connect to and who it has to be.
struct Target {
    std::string host;
    std::uint16_t port = 0; ///< 0: 4373, and 4444 when that fails
    std::optional<std::string> principal;
};

/// How to connect; see set_ccache and set_source_ip in the manual.
struct Settings {
    std::optional<std::string> ccache;
    std::shared_ptr<Credentials> credentials; ///< in its place
    unsigned tickets = 0;                     ///< how often one of the two was set
    std::shared_ptr<Identity> identity;       ///< one for many opens; null: each has its own
    std::string source;                       ///< empty: any
    /// The silence after which the server is probed; see keep_alive(). Nothing: never.
    std::optional<Duration> keepalive = std::chrono::seconds(60);
    /// The longest from look-up to the end of the handshake.
    std::optional<Duration> connect_timeout;
    std::shared_ptr<Admission> admission; ///< whether it is this one's turn to open; null: always
};

/// A command that is to be sent.
struct Request {
    Command arguments;
    std::optional<std::string> name; ///< what a log may call it; nothing where nobody keeps one
};

/// A command, and a share of the memory that it lies in: a helper thread that
/// was left behind may look at it for a moment longer.
using SharedCommand = std::shared_ptr<const Request>;

/// One token of output (manual, Remctl.output).
struct Token {
    enum class Type { output, status, error, done };

    Type type = Type::done;
    std::string_view data; ///< output, or the error's text; good until the next call
    int stream = 0;        ///< 1 for standard output, 2 for standard error
    int status = 0;        ///< exit status, 0 to 255
    std::uint32_t error = 0;
};

/// The whole answer to a command, or what has come of it.
struct Result {
    std::optional<Pieces> stdout_data; ///< nothing when nothing came
    std::optional<Pieces> stderr_data;
    std::optional<int> status;
    std::optional<std::uint32_t> error; ///< the protocol's code, when the server refused
    std::string error_text;

    void add(const Token &token);
};

/// Tokens that own what they hold.
struct OwnedTokens {
    struct One {
        Token token; ///< but for its data
        std::string data;
    };

    std::vector<One> tokens;
    std::optional<Error> failure; ///< what came after them

    void add(const Token &token) { tokens.push_back({token, std::string(token.data)}); }
};

/// A connection and what has been asked on it.
///
/// Each verb is a task: a driver decides how its waits are waited for, and
/// one that is destroyed early leaves the connection dropped. A verb that
/// throws leaves it dropped too, save where it says otherwise. After a drop
/// the next command connects again by itself. One verb at a time.
class Connection {
  public:
    void set(std::shared_ptr<const Settings> settings) { settings_ = std::move(settings); }

    /// Connects and authenticates, with the settings of now. An older
    /// connection is closed first. Whose tickets are used is settled by the
    /// identity, also when it connects again; without one, by a new one of this
    /// thread's. (Manual, Remctl.open.)
    Task<void> open(Target target, Call &call, std::shared_ptr<Identity> identity = nullptr);

    /// The same over a connected socket, which this connection owns from now
    /// on. It cannot connect again by itself.
    Task<void> adopt(Descriptor socket, Target target, Call &call,
                     std::shared_ptr<Identity> identity = nullptr);

    /// The same to an address, without a look-up. It does not connect again by
    /// itself either, as remctl_open_sockaddr does not.
    Task<void> open_address(Address address, Target target, Call &call,
                            std::shared_ptr<Identity> identity = nullptr);

    /// Takes the place of a connection that was closed: output() speaks of the
    /// command that was sent there. Another thread may be using that one.
    void follow(const Connection &before) noexcept { may_have_run_ = before.may_have_run_.load(); }

    /// Takes it as opened, and lost since: the next command connects. For the
    /// child of a fork. `reconnects`: the parent had not been given a socket.
    struct Origin {
        Target target;
        std::shared_ptr<Identity> identity;
        unsigned tickets = 0;
        std::uint16_t port = 0; // that it was connected to
        bool reconnects = false;
    };
    void inherit(Origin origin);

    /// What the child of a fork inherits. For one that is open.
    Origin origin() const {
        return {.target = target_,
                .identity = identity_,
                .tickets = tickets_,
                .port = port_.load(),
                .reconnects = reconnects_};
    }

    /// Sends a command. Nothing is sent, and nothing dropped, while an earlier
    /// command has output pending. (Manual, Remctl.command.)
    Task<void> command(SharedCommand command, Call &call);

    /// The next token of the answer, or "done" where none is due. The view
    /// in it is good until the next call. (Manual, Remctl.output.)
    Task<Token> output(Call &call);

    /// The same where no wait is needed; else nothing.
    std::optional<Token> output_at_once(Call &call);

    /// The next token, and those that lie ready behind it, until they are so
    /// many bytes; the last of them.
    Task<Token> outputs(OwnedTokens &tokens, std::size_t bytes, Call &call);

    /// command(), and output() to its end. What has come is in `result`, also
    /// after a failure.
    Task<void> run(SharedCommand command, Result &result, Call &call);

    /// open() and run(): the simple call.
    Task<void> simple(Target target, SharedCommand command, Result &result, Call &call,
                      std::shared_ptr<Identity> identity = nullptr);

    /// True when the server answered; false, and nothing dropped, when it
    /// does not know the message. (Manual, Remctl.noop.)
    Task<bool> noop(Call &call);

    /// Ends the connection; the next command makes a new one.
    void drop() noexcept;

    /// For the log: what the call failed of, where one failed. A connection that
    /// was dropped was dropped for that.
    Notes &notes() noexcept { return notes_; }

    /// Says goodbye and ends the connection for good. (Manual, Remctl.close.)
    void close() noexcept;

    bool opened() const noexcept { return opened_.load(); }

    /// True while the answer to the last command has not been read to its end.
    bool pending() const noexcept { return pending_.load(); }

    /// For a verb that failed. False when it is not about a command, or when
    /// the server cannot have begun the last one: its last byte was never taken
    /// by a socket, or the server refused it.
    bool may_have_run() const noexcept { return about_command_ && may_have_run_; }

    /// True when output() has something to give without a wait, as far as is
    /// known: a descriptor that is watched does not tell of what was read ahead.
    bool ready() const noexcept { return ready_.load(); }

    /// The connected socket's descriptor, or -1.
    int descriptor() const noexcept { return descriptor_.load(); }

    /// How often it was opened, or asked for a command.
    unsigned asked() const noexcept { return asked_.load(); }

    /// When the tickets end that it was opened with; 0 where that is not known.
    std::time_t expires() const noexcept { return expires_.load(); }

  private:
    class DropGuard;
    class Opening;
    enum class Handshake { done, old_protocol, stale_ticket };

    /// What a helper thread does. Always a variable: a lambda with captures
    /// inside a co_await expression is destroyed twice by GCC before version 13.
    using LibraryCall = std::function<bool(Handle &)>;

    /// The same with a server of protocol 1; gives what it failed of, if it did.
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
    Task<Descriptor> connect(std::uint16_t &port, Admission::Permit &permit, Call &call);
    Task<Handshake> handshake(std::shared_ptr<Channel> channel, Tickets tickets, bool again,
                              Call &call);
    Task<bool> send(SharedCommand command, Call &call);
    Task<void> send_in_pieces(SharedCommand command, Call &call);
    void connected_to(const Descriptor &socket, Time begin) noexcept;
    static Task<bool> call_on_thread(std::shared_ptr<Channel> channel, LibraryCall library_call,
                                     const char *doing, Call &call);

    Task<void> open_legacy(Tickets tickets, Call &call);
    Task<void> command_legacy(SharedCommand command, Call &call);
    Task<const struct remctl_output *> output_legacy(Call &call);
    Task<void> call_legacy(std::shared_ptr<Handle> handle, LegacyCall library_call,
                           const char *doing, Call &call) const;
    Token take(const struct remctl_output &output);

    std::shared_ptr<const Settings> settings_ = std::make_shared<Settings>();
    Target target_;
    std::shared_ptr<Identity> identity_; // of the open that was last
    unsigned tickets_ = 0;               // the settings' then
    Notes notes_;
    bool in_pieces_ = false;     // the last command took several tokens
    bool reconnects_ = false;    // not over a socket of the caller's
    bool about_command_ = false; // the verb that was begun last is
    const char *lost_ = "the connection is lost";
    ErrorKind lost_kind_ = ErrorKind::lost;
    std::shared_ptr<Channel> channel_;
    // A protocol-1 server: libremctl connects by itself, for each command.
    std::shared_ptr<Handle> legacy_;
    std::uint16_t legacy_port_ = 0;
    bool legacy_fresh_ = false; // legacy_ is connected and unused
    std::atomic<unsigned> asked_{0};
    std::atomic<bool> opened_{false};
    std::atomic<bool> pending_{false};
    // The command that was sent last, whatever became of its connection.
    std::atomic<bool> may_have_run_{false};
    std::atomic<bool> ready_{false};
    std::atomic<std::time_t> expires_{0};
    std::atomic<int> descriptor_{-1};
    std::atomic<std::uint16_t> port_{0};
};

} // namespace pyremctl
