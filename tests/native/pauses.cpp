// Random pauses at locks, wake-ups and waits, so that threads meet where they seldom do.
//
// The linker puts them around the calls (--wrap), in the tests only: the engine's source and the
// extension know nothing of them. PAUSES=NUMBER in the environment turns them on; each number is
// another sequence.
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr long microsecond = 1000;

/// The number in the environment; 0 if there is none.
std::uint64_t seed() noexcept {
    static const std::uint64_t number = [] {
        const char *const text = std::getenv("PAUSES");
        return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
    }();
    return number;
}

/// A number, of a sequence of this thread's own.
std::uint64_t next_number() noexcept {
    static std::atomic<std::uint64_t> threads{0};
    thread_local std::uint64_t state = (seed() + ++threads) * 0x9e3779b97f4a7c15;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

void sleep_for(long nanoseconds) noexcept {
    const timespec time{.tv_sec = 0, .tv_nsec = nanoseconds};
    ::nanosleep(&time, nullptr);
}

/// Mostly none, and now and then a long one.
void linger() noexcept {
    if (seed() == 0)
        return;
    const int error = errno;
    const auto number = next_number();
    const auto length = static_cast<long>(number >> 16 & 0xff);
    if (number % 256 == 0)
        sleep_for(length * 10 * microsecond);
    else if (number % 16 == 0)
        sleep_for(length * microsecond / 4);
    else if (number % 4 == 0)
        ::sched_yield();
    errno = error;
}

} // namespace

extern "C" {

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex) {
    linger();
    return __real_pthread_mutex_lock(mutex);
}

int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex) {
    const int error = __real_pthread_mutex_unlock(mutex);
    linger();
    return error;
}

int __real_pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  clockid_t clock, const timespec *end);
int __wrap_pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  clockid_t clock, const timespec *end) {
    linger();
    const int error = __real_pthread_cond_clockwait(condition, mutex, clock, end);
    linger();
    return error;
}

// std::condition_variable::notify_one(), which the standard library does not define in a header.
void __real__ZNSt18condition_variable10notify_oneEv(std::condition_variable *condition);
void __wrap__ZNSt18condition_variable10notify_oneEv(std::condition_variable *condition) {
    linger();
    __real__ZNSt18condition_variable10notify_oneEv(condition);
}

ssize_t __real_write(int descriptor, const void *data, std::size_t size);
ssize_t __wrap_write(int descriptor, const void *data, std::size_t size) {
    linger();
    return __real_write(descriptor, data, size);
}

ssize_t __real_read(int descriptor, void *data, std::size_t size);
ssize_t __wrap_read(int descriptor, void *data, std::size_t size) {
    linger();
    const ssize_t count = __real_read(descriptor, data, size);
    linger();
    return count;
}

int __real_ppoll(pollfd *interests, nfds_t number, const timespec *time, const sigset_t *mask);
int __wrap_ppoll(pollfd *interests, nfds_t number, const timespec *time, const sigset_t *mask) {
    linger();
    const int ready = __real_ppoll(interests, number, time, mask);
    linger();
    return ready;
}

int __real_epoll_wait(int descriptor, epoll_event *events, int most, int time);
int __wrap_epoll_wait(int descriptor, epoll_event *events, int most, int time) {
    linger();
    const int ready = __real_epoll_wait(descriptor, events, most, time);
    linger();
    return ready;
}

} // extern "C"
