// The failures of a call, and the exception that carries them.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>

namespace pyremctl {

/// The kinds of errors. (An error token from the server is not an Error: its code gives
/// the kind.)
enum class ErrorKind {
    resolve,      ///< the host name cannot be resolved
    connect,      ///< the server refuses the connection or is unreachable
    ticket,       ///< the client's credentials: missing, expired, a bad keytab
    kdc,          ///< no KDC has answered
    authenticate, ///< the server's side: unknown principal, wrong key, clocks apart
    timeout,      ///< a time limit of the caller has passed
    lost,         ///< the connection broke
    protocol,     ///< the server has violated the protocol
    not_opened,   ///< misuse: there is no open connection
    misuse,       ///< a call that is invalid in the connection's current state
    local,        ///< this machine: descriptors, threads, its configuration
};

/// Its value in Python's ErrorKind.
const char *name_of(ErrorKind kind) noexcept;

/// True for kinds that may go away by themselves.
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

/// The error of a call. The text is libremctl's, or in its style.
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

    /// True if the same call will not succeed later by itself.
    bool lasting() const noexcept { return lasting_ || !passes(kind_); }

    /// Marks an error as lasting although its kind may go away by itself.
    Error &&for_good() && {
        lasting_ = true;
        return std::move(*this);
    }

    /// False if the server cannot have started the command. The first value set is
    /// kept; the default is false.
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

/// How many descriptors are in use, and their limit; for when they have run out.
std::string descriptors_used_up();

/// The text for an errno; for EMFILE with descriptors_used_up().
std::string problem_of(int error);

/// The error for a system call that could not create a descriptor, from errno.
Error no_descriptor(const std::string &what);

} // namespace pyremctl
