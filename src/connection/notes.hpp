// What a connection has to say for the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transport/error.hpp"
#include "transport/task.hpp"

namespace pyremctl {

struct Request;
struct Target;
struct Token;

/// Makes the journal's entries of one connection. Of a command they have the
/// words that its Request may be called by, numbers and times, and never more;
/// of the server's answer numbers.
class Notes {
  public:
    Notes() noexcept;

    /// What follows is about this server. Port 0: over a socket of the caller's.
    void about(const Target &target, std::uint16_t port);

    void connected(int socket, Time begin) const noexcept;
    void authenticated(const Target &target, Time begin) const noexcept;
    void old_protocol() const noexcept;
    void reconnecting(std::string_view why) noexcept;

    /// Just before a command is sent.
    void asked(const Request &request);
    void answered(const Token &token) noexcept;
    void sign_of_life(bool given, Time begin) const noexcept;

    /// The connection was given up; why is said by what follows.
    void lost() noexcept { lost_ = true; }

    /// What a call failed of, and the connection with it where it is lost().
    void failed(const Error &error) noexcept;

    /// Why the connection is lost(), where it is and nobody has said so.
    void lost_for(const char *why) noexcept {
        if (lost_)
            ended(nullptr, why);
    }

    void closed() const noexcept;

  private:
    template <class Make> void say(Make make) const noexcept;
    void ended(const char *kind, const char *why) noexcept;

    const std::uint64_t number_; // among the connections of this process
    std::string where_ = "(not opened)";
    std::string host_;
    std::uint16_t port_ = 0;
    bool lost_ = false;
    // Of the command that was sent last, where anybody listened then.
    std::optional<std::string> name_;
    Time asked_at_;
    std::size_t bytes_ = 0; // of output
};

} // namespace pyremctl
