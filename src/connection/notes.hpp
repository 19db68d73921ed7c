// The log entries of a connection.
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

/// Makes the journal's entries of one connection. They contain a command's name from
/// its Request, numbers and times, but no other arguments, and no output.
class Notes {
  public:
    Notes() noexcept;

    /// Sets the server of the entries that follow. Port 0: over a socket of the caller.
    void about(const Target &target, std::uint16_t port);

    void connected(int socket, Time begin) const noexcept;
    void authenticated(const Target &target, Time begin) const noexcept;
    void old_protocol() const noexcept;
    void reconnecting(std::string_view why) noexcept;

    /// Just before a command is sent.
    void asked(const Request &request);
    void answered(const Token &token) noexcept;
    void sign_of_life(bool given, Time begin) const noexcept;

    /// The connection was given up; the next entry says why.
    void lost() noexcept { lost_ = true; }

    /// Notes the error of a call; if the connection is lost(), also as the reason for
    /// that.
    void failed(const Error &error) noexcept;

    /// Notes why the connection is lost(), if it is and no reason was noted yet.
    void lost_for(const char *why) noexcept {
        if (lost_)
            ended(nullptr, why);
    }

    void closed() const noexcept;

  private:
    template <class Make> void say(Make make) const noexcept;
    void ended(const char *kind, const char *why) noexcept;

    const std::uint64_t number_; // unique in this process
    std::string where_ = "(not opened)";
    std::string host_;
    std::uint16_t port_ = 0;
    bool lost_ = false;
    // Of the last command, if the log was on when it was sent.
    std::optional<std::string> name_;
    Time asked_at_;
    std::size_t bytes_ = 0; // of output so far
};

} // namespace pyremctl
