// The process and its threads; handling of fork().
#pragma once

#include <sys/types.h>

#include <mutex>
#include <utility>

namespace pyremctl {

/// The number of forks between the first process and this one. A stored value that
/// differs was stored by an ancestor process.
unsigned fork_generation() noexcept;

/// The kernel's number of this thread; the process's own in its first thread.
pid_t thread_number() noexcept;

/// Guards state that the child of a fork continues with. A fork waits until the lock is
/// free, so that the child finds the state consistent and the lock released.
///
/// Hold it for a moment only: do not wait, take other locks (except a descriptor's), or
/// call Python while you hold it. Owners share a few mutexes, chosen by their address.
class StateLock {
  public:
    explicit StateLock(const void *owner) noexcept;
    StateLock(const StateLock &) = delete;
    StateLock &operator=(const StateLock &) = delete;
    StateLock(StateLock &&) = delete;
    StateLock &operator=(StateLock &&) = delete;
    ~StateLock();

  private:
    std::mutex &mutex_;
};

/// The fork handlers of one part of the program, in the order in which they run.
struct ForkParticipant {
    int order;                 ///< lower numbers settle first
    void (*settle)() noexcept; ///< before: completes pending work; may wait a moment
    void (*lock)() noexcept;   ///< before: locks, so that no change is half done
    void (*unlock)() noexcept; ///< after, in the parent
    void (*reset)() noexcept;  ///< after, in the child
};

/// Registers a participant for the life of the process; returns true. Handlers may be
/// null.
bool take_part_in_forks(const ForkParticipant &participant) noexcept;

/// Notes that the program is exiting and its threads were stopped: they will never
/// release what they hold.
void note_end_of_threads() noexcept;
bool threads_have_ended() noexcept;

/// For the child of a fork: abandons an object without destroying it, because it
/// belongs to threads that do not exist here.
template <class T> void lose(T thing) noexcept {
    union Lost {
        T thing;
        explicit Lost(T it) noexcept : thing(std::move(it)) {}
        Lost(const Lost &) = delete;
        Lost &operator=(const Lost &) = delete;
        Lost(Lost &&) = delete;
        Lost &operator=(Lost &&) = delete;
        ~Lost() {} // NOLINT(modernize-use-equals-default): must not destroy the object
    };
    [[maybe_unused]] const Lost lost(std::move(thing));
}

/// The process's only T, which is never destroyed: our threads may outlive every static
/// destructor.
template <class T> T &immortal() {
    static T *const it = new T; // NOLINT(*-owning-memory): it is the process's
    return *it;
}

} // namespace pyremctl
