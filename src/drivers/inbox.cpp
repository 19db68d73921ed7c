#include "drivers/inbox.hpp"

namespace pyremctl {

void Inbox::put(std::shared_ptr<InboxWaker> waker) noexcept {
    {
        const std::scoped_lock lock(mutex_);
        if (waker->listed_ || closed_)
            return;
        waker->listed_ = true;
        waker->next_ = std::move(first_);
        first_ = std::move(waker);
        if (++count_ > 1)
            return; // the descriptor is readable already
    }
    event_.wake();
}

void Inbox::close() noexcept {
    std::shared_ptr<InboxWaker> all;
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    // Take the list apart one by one: destroying a long list would recurse too deeply.
    while (first_) {
        all = std::move(first_);
        first_ = std::exchange(all->next_, nullptr);
    }
}

std::vector<std::uint64_t> Inbox::take() {
    event_.drain();
    std::vector<std::uint64_t> ids;
    const std::scoped_lock lock(mutex_);
    ids.reserve(count_);
    while (first_) {
        ids.push_back(first_->id_);
        first_->listed_ = false;
        first_ = std::exchange(first_->next_, nullptr);
    }
    count_ = 0;
    return ids;
}

} // namespace pyremctl
