#include "transport/job.hpp"

#include <utility>

#include "transport/workers.hpp"

namespace pyremctl {

Job::Job(std::shared_ptr<Waker> waker, std::function<void()> call) {
    workers::run([shared = shared_, waker = std::move(waker), call = std::move(call)]() mutable {
        try {
            // Destroy the call's data before anyone is told that it has ended.
            const auto last = std::exchange(call, nullptr);
            last();
        } catch (...) {
            shared->failure = std::current_exception();
        }
        shared->done.store(true, std::memory_order_release);
        waker->wake();
    });
}

void Job::finish() {
    if (done() && shared_->failure) // done() synchronises with the other thread's writes
        std::rethrow_exception(std::exchange(shared_->failure, nullptr));
}

} // namespace pyremctl
