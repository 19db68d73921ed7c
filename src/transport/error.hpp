// The failures of a call, and the exception that carries them.
#pragma once

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

  private:
    Failure failure_;
};

} // namespace pyremctl
