// The verbs of a remctl connection, each described once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connection/channel.hpp"
#include "transport/address.hpp"
#include "transport/task.hpp"
#include "transport/waiter.hpp"

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
    std::string source; ///< empty: any
};

/// One token of output (manual, Remctl.output).
struct Token {
    enum class Type { output, status, error, done };

    Type type = Type::done;
    std::string_view data; ///< output, or the error's text; good until the next call
    int stream = 0;        ///< 1 for standard output, 2 for standard error
    int status = 0;        ///< exit status, 0 to 255
    std::uint32_t error = 0;
};

/// The whole answer to a command.
struct Result {
    std::optional<std::string> stdout_data; ///< nothing when nothing came
    std::optional<std::string> stderr_data;
    int status = 0;
    std::optional<std::uint32_t> error; ///< the protocol's code, when the server refused
    std::string error_text;
};

/// A connection and what has been asked on it.
///
/// Each verb is a task: a driver decides how its waits are waited for, and
/// one that is destroyed early leaves the connection dropped. A verb that
/// throws leaves it dropped too, save where it says otherwise. After a drop
/// the next command connects again by itself. One verb at a time.
class Connection {
  public:
    void set(Settings settings) { settings_ = std::move(settings); }

    /// Connects and authenticates, with the settings of now. An older
    /// connection is closed first. (Manual, Remctl.open.)
    Task<void> open(Target target, Waiter &waiter);

    /// The same over a connected socket, which this connection owns from now
    /// on. It cannot connect again by itself.
    Task<void> adopt(Descriptor socket, Target target, Waiter &waiter);

    /// The same to an address, without a look-up. It does not connect again by
    /// itself either, as remctl_open_sockaddr does not.
    Task<void> open_address(Address address, Target target, Waiter &waiter);

    /// Sends a command, whose memory has to last as long as the task. Nothing
    /// is sent, and nothing dropped, while an earlier command has output
    /// pending. (Manual, Remctl.command.)
    Task<void> command(const Command &command, Waiter &waiter);

    /// The next token of the answer, or "done" where none is due. The view
    /// in it is good until the next call. (Manual, Remctl.output.)
    Task<Token> output(Waiter &waiter);

    /// command(), and output() to its end.
    Task<Result> run(const Command &command, Waiter &waiter);

    /// True when the server answered; false, and nothing dropped, when it
    /// does not know the message. (Manual, Remctl.noop.)
    Task<bool> noop(Waiter &waiter);

    /// Ends the connection; the next command makes a new one.
    void drop() noexcept;

    /// Says goodbye and ends the connection for good. (Manual, Remctl.close.)
    void close();

    /// In the child of a fork: forgets the parent's connection.
    void abandon() noexcept;

    bool opened() const noexcept { return opened_.load(); }

    /// True while the answer to the last command has not been read to its end.
    bool pending() const noexcept { return pending_.load(); }

    /// The connected socket's descriptor, or -1.
    int descriptor() const noexcept { return descriptor_.load(); }

  private:
    class DropGuard;

    /// What a helper thread does. Always a variable: a lambda with captures
    /// inside a co_await expression is destroyed twice by GCC before version 13.
    using Call = std::function<bool(Handle &)>;

    void require_idle() const;
    void configure(Handle &handle) const;
    bool connected() const noexcept { return channel_ || legacy_; }
    void use(std::shared_ptr<Channel> channel) noexcept;

    Task<void> establish(Waiter &waiter);
    Task<bool> handshake(std::shared_ptr<Channel> channel, Waiter &waiter);
    Task<bool> send(const Command &command, Waiter &waiter);
    static Task<bool> call_on_thread(std::shared_ptr<Channel> channel, Call call, const char *doing,
                                     Waiter &waiter);

    Task<void> open_legacy(Waiter &waiter);
    Task<void> command_legacy(const Command &command, Waiter &waiter);
    static Task<void> call_legacy(std::shared_ptr<Handle> handle, Call call, const char *doing,
                                  Waiter &waiter);
    Token take(const struct remctl_output &output);

    Settings settings_;
    Target target_;
    bool in_pieces_ = false;  // the last command took several tokens
    bool reconnects_ = false; // not over a socket of the caller's
    std::shared_ptr<Channel> channel_;
    // A protocol-1 server: libremctl connects by itself, for each command anew.
    std::shared_ptr<Handle> legacy_;
    std::uint16_t legacy_port_ = 0;
    bool legacy_fresh_ = false; // legacy_ is connected and unused
    std::atomic<bool> opened_{false};
    std::atomic<bool> pending_{false};
    std::atomic<int> descriptor_{-1};
};

} // namespace pyremctl
