#include "transport/process.hpp"

#include <pthread.h>

#include <atomic>

namespace pyremctl {

namespace {

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): forks are the process's.
std::atomic<unsigned> generation{0};

void count_fork() noexcept { generation.fetch_add(1, std::memory_order_relaxed); }

// Counting in the child costs nothing until a fork happens; asking getpid()
// would cost a system call on every call of ours.
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, count_fork);

} // namespace

unsigned fork_generation() noexcept { return generation.load(std::memory_order_relaxed); }

} // namespace pyremctl
