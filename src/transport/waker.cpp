#include "transport/waker.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "transport/error.hpp"

namespace pyremctl {

Waker::Waker() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_)
        throw Error(std::string("cannot create an event descriptor: ") + std::strerror(errno));
}

void Waker::wake() noexcept {
    const std::uint64_t one = 1;
    // It fails only when the counter is full, and then the waiter wakes anyhow.
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
}

void Waker::drain() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(event_.get(), &count, sizeof count);
}

} // namespace pyremctl
