#include "transport/waker.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "transport/error.hpp"

namespace pyremctl {

EventWaker::EventWaker()
    : event_(Descriptor::from([] { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); })),
      generation_(fork_generation()) {
    if (!event_)
        throw no_descriptor("an event descriptor");
}

void EventWaker::wake() noexcept {
    if (generation_ != fork_generation())
        return; // the number may belong to another file here
    const std::uint64_t one = 1;
    // It only fails if the counter is full, and then the waiter wakes up anyway.
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
}

void EventWaker::drain() noexcept {
    if (generation_ != fork_generation())
        return;
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(event_.get(), &count, sizeof count);
}

} // namespace pyremctl
