// The failures of a call, and the exception that carries them.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>

namespace pyremctl {

enum class Failure {
    general,    ///< network, authentication, protocol, misuse
    timeout,    ///< nothing came in time
    not_opened, ///< there is no connection to use
};

/// What a call failed of. The text is libremctl's own, or reads like it.
class Error : public std::runtime_error {
  public:
    explicit Error(const std::string &text, Failure failure = Failure::general)
        : std::runtime_error(text), failure_(failure) {}

    Failure failure() const noexcept { return failure_; }

    /// One sentence on what to do, or empty.
    const std::string &hint() const noexcept { return hint_; }
    Error &&with_hint(std::string hint) && {
        hint_ = std::move(hint);
        return std::move(*this);
    }

    /// False when another try may help: looking up, connecting, waiting, and
    /// losing the peer.
    bool lasting() const noexcept { return lasting_; }
    Error &&passing() && {
        lasting_ = false;
        return std::move(*this);
    }

    /// False when the server cannot have begun the command. Whoever says it
    /// first knows it best; where nobody does it is false.
    bool may_have_run() const noexcept { return may_have_run_.value_or(false); }
    Error &&with_may_have_run(bool may_have_run) && {
        if (!may_have_run_)
            may_have_run_ = may_have_run;
        return std::move(*this);
    }

  private:
    Failure failure_;
    std::optional<bool> may_have_run_;
    bool lasting_ = true;
    std::string hint_;
};

/// That a system call gave no descriptor, by errno; where they have run out it
/// says how many are in use and what limits them.
Error no_descriptor(const std::string &what);

} // namespace pyremctl
