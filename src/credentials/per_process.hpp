// An object that exists once per process.
#pragma once

#include <atomic>
#include <memory>

#include "transport/process.hpp"

namespace pyremctl {

/// Holds a T; the child of a fork gets a new one. The parent's is abandoned there,
/// because threads that do not exist in the child may hold its mutexes. Any thread may
/// ask for it.
template <class T> class PerProcess {
  public:
    PerProcess() : kept_(new Kept) {}
    PerProcess(const PerProcess &) = delete;
    PerProcess &operator=(const PerProcess &) = delete;
    PerProcess(PerProcess &&) = delete;
    PerProcess &operator=(PerProcess &&) = delete;
    ~PerProcess() {
        std::unique_ptr<Kept> kept(kept_.load());
        if (kept->generation != fork_generation()) [[maybe_unused]]
            auto *lost = kept.release();
    }

    T &get() const {
        Kept *kept = kept_.load();
        if (kept->generation == fork_generation())
            return kept->value;
        auto fresh = std::make_unique<Kept>();
        if (kept_.compare_exchange_strong(kept, fresh.get()))
            return fresh.release()->value;
        return kept->value; // another thread of this process was faster
    }

  private:
    struct Kept {
        unsigned generation = fork_generation();
        T value;
    };

    mutable std::atomic<Kept *> kept_;
};

} // namespace pyremctl
