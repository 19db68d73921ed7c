// What a fork changes, and what it must find in order.
#pragma once

#include <mutex>
#include <utility>

namespace pyremctl {

/// How many forks lie between the first process and this one. A value that
/// was remembered and differs now was remembered by an ancestor.
unsigned fork_generation() noexcept;

/// Guards state that the child of a fork goes on with. A fork waits for those
/// that hold it, so that the child finds the state whole and the lock free.
///
/// Held for a moment only: nobody waits, takes another lock but a descriptor's,
/// or calls Python meanwhile. Owners share a few mutexes by their address.
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

/// What a part of the program does about forks, in the order of a fork.
struct ForkParticipant {
    int order;                 ///< the lower settles before the higher
    void (*settle)() noexcept; ///< before: brings to rest what it can; may wait a moment
    void (*lock)() noexcept;   ///< before: makes sure that nothing is half done
    void (*unlock)() noexcept; ///< after, in the parent
    void (*reset)() noexcept;  ///< after, in the child
};

/// Registers a participant for the life of the process; returns true. Calls
/// that have nothing to do are null.
bool take_part_in_forks(const ForkParticipant &participant) noexcept;

/// The program is ending and its threads have been stopped where they were:
/// what one of them holds it never gives back.
void note_end_of_threads() noexcept;
bool threads_have_ended() noexcept;

/// Loses something for good, in the child of a fork: what belongs to threads
/// that are not there must not be destroyed.
template <class T> void lose(T thing) noexcept {
    union Lost {
        T thing;
        explicit Lost(T it) noexcept : thing(std::move(it)) {}
        Lost(const Lost &) = delete;
        Lost &operator=(const Lost &) = delete;
        Lost(Lost &&) = delete;
        Lost &operator=(Lost &&) = delete;
        ~Lost() {} // NOLINT(modernize-use-equals-default): it destroys nothing
    };
    [[maybe_unused]] const Lost lost(std::move(thing));
}

/// The one T of the process, which is never destroyed: threads of ours may
/// outlive every destructor.
template <class T> T &immortal() {
    static T *const it = new T; // NOLINT(*-owning-memory): it is the process's
    return *it;
}

} // namespace pyremctl
