#include "transport/workers.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "transport/error.hpp"
#include "transport/process.hpp"

namespace pyremctl::workers {

namespace {

// Enough for the system's resolver, its plug-ins and libkrb5.
constexpr std::size_t stack_size = 512UL * 1024;
constexpr auto idle_time = std::chrono::milliseconds(500);

// A joined thread stays in /proc for a moment.
constexpr auto fork_patience = std::chrono::milliseconds(5);

struct Worker {
    pthread_t thread{};
    pid_t number = 0; // its number in /proc
    std::condition_variable called;
    std::function<void()> work;
    bool retired = false;
};

struct Pool {
    std::mutex mutex;
    std::vector<Worker *> idle; // each is owned by its thread

    void retire() noexcept;
};

Pool &pool() noexcept { return immortal<Pool>(); }

/// Blocks every signal for as long as it lives, so that a thread started meanwhile
/// inherits the mask.
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

class Attributes {
  public:
    Attributes() noexcept {
        pthread_attr_init(&attributes_);
        pthread_attr_setstacksize(&attributes_, stack_size);
    }
    Attributes(const Attributes &) = delete;
    Attributes &operator=(const Attributes &) = delete;
    Attributes(Attributes &&) = delete;
    Attributes &operator=(Attributes &&) = delete;
    ~Attributes() { pthread_attr_destroy(&attributes_); }

    const pthread_attr_t *get() const noexcept { return &attributes_; }

  private:
    pthread_attr_t attributes_{};
};

// The thread names that the system shows.
constexpr const char *busy_name = "remctl-helper";
constexpr const char *idle_name = "remctl-idle";

/// Waits for the next work; false if there is none, and the thread must end.
bool next(Worker &self) {
    Pool &all = pool();
    std::unique_lock lock(all.mutex);
    try {
        all.idle.push_back(&self);
    } catch (const std::bad_alloc &) {
        pthread_detach(self.thread);
        return false;
    }
    self.called.wait_for(lock, idle_time, [&] { return self.work || self.retired; });
    if (self.work)
        return true;
    if (!self.retired) {
        std::erase(all.idle, &self);
        pthread_detach(self.thread);
    }
    return false;
}

void *main_of(void *argument) {
    const std::unique_ptr<Worker> self(static_cast<Worker *>(argument));
    self->thread = pthread_self();
    self->number = thread_number();
    for (bool called = true; called; called = next(*self)) {
        pthread_setname_np(self->thread, busy_name);
        // Destroy the work's data before the thread becomes idle.
        const auto work = std::exchange(self->work, nullptr);
        work();
        pthread_setname_np(self->thread, idle_name);
    }
    return nullptr;
}

bool listed(pid_t number) noexcept {
    std::error_code problem;
    return std::filesystem::exists("/proc/self/task/" + std::to_string(number), problem);
}

/// Ends idle threads, and waits until they are gone from /proc, because Python warns
/// about threads at a fork.
void Pool::retire() noexcept {
    std::vector<std::pair<pthread_t, pid_t>> leaving;
    {
        const std::scoped_lock lock(mutex);
        try {
            leaving.reserve(idle.size());
        } catch (const std::bad_alloc &) {
            return;
        }
        for (Worker *worker : idle) {
            leaving.emplace_back(worker->thread, worker->number);
            worker->retired = true;
            worker->called.notify_one();
        }
        idle.clear();
    }
    for (const auto &[thread, number] : leaving)
        pthread_join(thread, nullptr);
    const auto end = std::chrono::steady_clock::now() + fork_patience;
    for (const auto &[thread, number] : leaving)
        while (listed(number) && std::chrono::steady_clock::now() < end)
            std::this_thread::yield();
}

[[maybe_unused]] const bool registered = take_part_in_forks({
    .order = 1,
    .settle = []() noexcept { pool().retire(); },
    .lock = []() noexcept { pool().mutex.lock(); },
    .unlock = []() noexcept { pool().mutex.unlock(); },
    .reset =
        []() noexcept {
            new (&pool().mutex) std::mutex;
            pool().idle.clear();
        },
});

} // namespace

void run(std::function<void()> work) {
    Pool &all = pool();
    {
        const std::scoped_lock lock(all.mutex);
        if (!all.idle.empty()) {
            Worker *worker = all.idle.back();
            all.idle.pop_back();
            worker->work = std::move(work);
            worker->called.notify_one();
            return;
        }
    }
    auto worker = std::make_unique<Worker>();
    worker->work = std::move(work);
    const Attributes attributes;
    const SignalsBlocked blocked;
    pthread_t thread{};
    const int error = pthread_create(&thread, attributes.get(), &main_of, worker.get());
    if (error != 0)
        throw Error(ErrorKind::local,
                    std::string("cannot start a thread: ") + std::strerror(error));
    [[maybe_unused]] auto *const owned_by_its_thread = worker.release();
}

} // namespace pyremctl::workers
