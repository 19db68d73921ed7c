#include "transport/job.hpp"

#include <csignal>
#include <pthread.h>
#include <string>
#include <system_error>

#include "transport/error.hpp"
#include "transport/process.hpp"

namespace pyremctl {

namespace {

/// Blocks every signal for as long as it lives, so that a thread started
/// meanwhile never handles one.
class SignalsBlocked {
  public:
    SignalsBlocked() noexcept {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked &) = delete;
    SignalsBlocked &operator=(const SignalsBlocked &) = delete;
    SignalsBlocked(SignalsBlocked &&) = delete;
    SignalsBlocked &operator=(SignalsBlocked &&) = delete;
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  private:
    sigset_t before_{};
};

} // namespace

Job::Job(std::shared_ptr<Waker> waker, std::function<void()> call)
    : generation_(fork_generation()) {
    const SignalsBlocked blocked;
    try {
        thread_ = std::thread(
            [shared = shared_, waker = std::move(waker), call = std::move(call)]() mutable {
                std::exception_ptr failure;
                try {
                    // What the call owns is gone before anybody hears of its end.
                    const auto last = std::move(call);
                    last();
                } catch (...) {
                    failure = std::current_exception();
                }
                {
                    const std::lock_guard lock(shared->mutex);
                    shared->failure = std::move(failure);
                    shared->done = true;
                    shared->ended.notify_all();
                }
                waker->wake();
            });
    } catch (const std::system_error &error) {
        throw Error(std::string("cannot start a thread: ") + error.what());
    }
}

Job::~Job() {
    if (!thread_.joinable())
        return;
    if (generation_ != fork_generation()) {
        lose(std::move(thread_)); // the parent's: there is nothing to detach here
        return;
    }
    thread_.detach();
}

bool Job::done() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->done;
}

bool Job::join_within(std::chrono::milliseconds patience) noexcept {
    if (generation_ != fork_generation())
        return false;
    {
        std::unique_lock lock(shared_->mutex);
        if (!shared_->ended.wait_for(lock, patience, [this] { return shared_->done; }))
            return false;
    }
    thread_.join();
    return true;
}

void Job::join() noexcept {
    if (generation_ == fork_generation())
        thread_.join();
}

void Job::finish() {
    join();
    if (shared_->failure)
        std::rethrow_exception(std::exchange(shared_->failure, nullptr));
}

} // namespace pyremctl
