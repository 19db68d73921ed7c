// Lets libremctl use the server's socket itself.
#pragma once

#include <string>

#include "connection/channel.hpp"
#include "transport/descriptor.hpp"
#include "transport/error.hpp"

namespace pyremctl {

/// From its creation on, libremctl's number is not its end of the pair, but the server's
/// socket. For a call that sends one token and reads one, this saves half of the work:
/// nobody has to carry them. Such a call is ended by Channel::abort(), like any other.
///
/// This is not done if something is still on its way, if there is no descriptor left, or if
/// the socket is not ours alone: if its other owner made it non-blocking, libremctl would
/// fail.
class Channel::Direct {
  public:
    explicit Direct(Channel &channel);
    Direct(const Direct &) = delete;
    Direct &operator=(const Direct &) = delete;
    Direct(Direct &&) = delete;
    Direct &operator=(Direct &&) = delete;
    ~Direct() = default;

    /// True if it was done.
    explicit operator bool() const noexcept { return static_cast<bool>(pair_); }

    /// Gives libremctl its end of the pair again, after a call that it has not failed: after
    /// a failure it may have closed the number.
    void end() noexcept;

    /// A failure, whose reason is the kernel's word about the server's socket: as if we had
    /// carried the tokens.
    static Error failure(const std::string &said);

  private:
    Channel &channel_;
    Descriptor pair_; // libremctl's end, meanwhile
};

} // namespace pyremctl
