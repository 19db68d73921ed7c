// The failures of a call, and the exception that carries them.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>

namespace pyremctl {

/// What a call failed of, said where the failure is found. (A refusal by the
/// server is no failure of the call: its kind is told by its code.)
enum class ErrorKind {
    resolve,      ///< the name of the host
    connect,      ///< the server's address: refused, unreachable
    ticket,       ///< the client's credentials: none, expired, the keytab
    kdc,          ///< no KDC has answered
    authenticate, ///< the server's side: unknown principal, key, clocks
    timeout,      ///< a limit of the caller's has passed
    lost,         ///< the connection broke
    protocol,     ///< the server sent what it must not
    not_opened,   ///< misuse: there is no connection to use
    misuse,       ///< a call that is invalid in the connection's current state
    local,        ///< this machine: descriptors, threads, its configuration
};

/// Its value in Python's ErrorKind.
const char *name_of(ErrorKind kind) noexcept;

/// True for kinds that may pass without anybody's doing.
constexpr bool passes(ErrorKind kind) noexcept {
    switch (kind) {
    case ErrorKind::resolve:
    case ErrorKind::connect:
    case ErrorKind::kdc:
    case ErrorKind::timeout:
    case ErrorKind::lost:
        return true;
    case ErrorKind::ticket:
    case ErrorKind::authenticate:
    case ErrorKind::protocol:
    case ErrorKind::not_opened:
    case ErrorKind::misuse:
    case ErrorKind::local:
        return false;
    }
    return false;
}

/// What a call failed of. The text is libremctl's own, or reads like it.
class Error : public std::runtime_error {
  public:
    Error(ErrorKind kind, const std::string &text) : std::runtime_error(text), kind_(kind) {}

    ErrorKind kind() const noexcept { return kind_; }

    /// One sentence on what to do, or empty.
    const std::string &hint() const noexcept { return hint_; }
    Error &&with_hint(std::string hint) && {
        hint_ = std::move(hint);
        return std::move(*this);
    }

    /// True when the same call cannot succeed later by itself.
    bool lasting() const noexcept { return lasting_ || !passes(kind_); }

    /// Of a kind that passes, but not this time.
    Error &&for_good() && {
        lasting_ = true;
        return std::move(*this);
    }

    /// False when the server cannot have started the command. The first to say it
    /// knows it best; if nobody says it, it is false.
    bool may_have_run() const noexcept { return may_have_run_.value_or(false); }
    Error &&with_may_have_run(bool may_have_run) && {
        if (!may_have_run_)
            may_have_run_ = may_have_run;
        return std::move(*this);
    }

  private:
    ErrorKind kind_;
    bool lasting_ = false;
    std::optional<bool> may_have_run_;
    std::string hint_;
};

/// How many descriptors are in use when they have run out, and what limits them.
std::string descriptors_used_up();

/// What an errno means; where descriptors have run out with the above.
std::string problem_of(int error);

/// That a system call gave no descriptor, by errno.
Error no_descriptor(const std::string &what);

} // namespace pyremctl
