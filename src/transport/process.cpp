#include "transport/process.hpp"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <new>

namespace pyremctl {

namespace {

constexpr std::size_t stripe_count = 32;
constexpr std::size_t participants_at_most = 8;

/// The state of the fork handlers below; created at the first use.
struct Forks {
    std::atomic<unsigned> generation{0};
    std::atomic<bool> threads_ended{false};
    std::array<std::mutex, stripe_count> stripes;
    std::array<ForkParticipant, participants_at_most> participants{};
    std::size_t participant_count = 0;

    Forks() noexcept { pthread_atfork(before, after_in_parent, after_in_child); }

    template <class Member> void each(Member member) noexcept {
        for (std::size_t i = 0; i < participant_count; ++i)
            if (participants[i].*member != nullptr)
                (participants[i].*member)();
    }

    static void before() noexcept;
    static void after_in_parent() noexcept;
    static void after_in_child() noexcept;
};

Forks &forks() noexcept { return immortal<Forks>(); }

void Forks::before() noexcept {
    Forks &self = forks();
    self.each(&ForkParticipant::settle);
    for (std::mutex &stripe : self.stripes)
        stripe.lock();
    self.each(&ForkParticipant::lock);
}

void Forks::after_in_parent() noexcept {
    Forks &self = forks();
    self.each(&ForkParticipant::unlock);
    for (std::mutex &stripe : self.stripes)
        stripe.unlock();
}

void Forks::after_in_child() noexcept {
    Forks &self = forks();
    self.generation.fetch_add(1, std::memory_order_relaxed);
    // These were locked by this thread, which has another thread id in the child.
    for (std::mutex &stripe : self.stripes)
        new (&stripe) std::mutex;
    self.each(&ForkParticipant::reset);
}

std::mutex &stripe_of(const void *owner) noexcept {
    // Allocations are at least sixteen bytes apart, so the low four bits do not matter.
    const auto address = reinterpret_cast<std::uintptr_t>(owner);
    return forks().stripes[(address >> 4 ^ address >> 12) % stripe_count];
}

} // namespace

// gettid() is newer than the C libraries that wheels are built for.
pid_t thread_number() noexcept { return static_cast<pid_t>(::syscall(SYS_gettid)); }

unsigned fork_generation() noexcept { return forks().generation.load(std::memory_order_relaxed); }

void note_end_of_threads() noexcept { forks().threads_ended = true; }

bool threads_have_ended() noexcept { return forks().threads_ended.load(); }

StateLock::StateLock(const void *owner) noexcept : mutex_(stripe_of(owner)) { mutex_.lock(); }

StateLock::~StateLock() { mutex_.unlock(); }

bool take_part_in_forks(const ForkParticipant &participant) noexcept {
    Forks &self = forks();
    std::size_t place = self.participant_count++;
    for (; place > 0 && self.participants.at(place - 1).order > participant.order; --place)
        self.participants.at(place) = self.participants.at(place - 1);
    self.participants.at(place) = participant;
    return true;
}

} // namespace pyremctl
