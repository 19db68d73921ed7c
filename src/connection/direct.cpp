#include "connection/direct.hpp"

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "connection/failures.hpp"

namespace pyremctl {

Channel::Direct::Direct(Channel &channel) : channel_(channel) {
    const bool carrying = channel.outgoing() || !channel.incoming_.empty();
    if (channel.whose_ == Socket::ours && !carrying)
        pair_ = channel.lent_far_.replace(channel.socket_);
}

void Channel::Direct::end() noexcept {
    if (pair_)
        channel_.lent_far_.restore(std::move(pair_));
}

Error Channel::Direct::failure(const std::string &said) {
    constexpr std::string_view receiving = "error receiving token: ";
    constexpr std::string_view sending = "error sending NOOP token: ";
    std::string_view reason = said;
    if (reason.starts_with(receiving))
        reason.remove_prefix(receiving.size());
    else if (reason.starts_with(sending))
        reason.remove_prefix(sending.size());
    else
        return {ErrorKind::protocol, said};
    if (reason == "invalid token format" || reason == "token too larger")
        return {ErrorKind::protocol, said};
    // No limit of ours: the kernel has given the connection up (see keep_alive()).
    if (reason == "timed out")
        reason = std::strerror(ETIMEDOUT);
    return lost("receiving token", std::string(reason));
}

} // namespace pyremctl
