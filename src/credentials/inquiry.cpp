#include "credentials/inquiry.hpp"

#include <algorithm>
#include <utility>

#include "transport/error.hpp"
#include "transport/process.hpp"

namespace pyremctl {

Inquiry::Waiter::Waiter(std::shared_ptr<Inquiry> inquiry, std::shared_ptr<Waker> waker)
    : inquiry_(std::move(inquiry)), waker_(std::move(waker)) {
    const StateLock lock(inquiry_.get());
    inquiry_->waiting_.push_back(waker_);
}

Inquiry::Waiter::~Waiter() {
    const StateLock lock(inquiry_.get());
    auto &waiting = inquiry_->waiting_;
    const auto found = std::ranges::find(waiting, waker_);
    if (found != waiting.end())
        waiting.erase(found);
}

std::shared_ptr<Lease> Inquiry::lease() const {
    try {
        if (failure_)
            std::rethrow_exception(failure_);
    } catch (const Error &error) {
        throw Error(error); // a copy: each caller adds to its own
    }
    return lease_;
}

void Inquiry::carry_out(const std::function<std::shared_ptr<Lease>(Delay &)> &request) noexcept {
    try {
        lease_ = request(delay_);
    } catch (...) {
        failure_ = std::current_exception();
    }
}

void Inquiry::announce(std::shared_ptr<Inquiry> inquiry) noexcept {
    std::vector<std::shared_ptr<Waker>> waiting;
    {
        const StateLock lock(inquiry.get());
        waiting.swap(inquiry->waiting_);
        inquiry->done_.store(true, std::memory_order_release);
    }
    inquiry.reset(); // from now on only those callers hold the lease
    for (const auto &waker : waiting)
        waker->wake();
}

} // namespace pyremctl
