#include "transport/journal.hpp"

#include <array>
#include <atomic>
#include <cstddef>

namespace pyremctl::journal {

namespace {

constexpr std::size_t topics = 3;

std::array<std::atomic<bool>, topics> &wanted() noexcept {
    static std::array<std::atomic<bool>, topics> all{};
    return all;
}

thread_local std::vector<Entry> entries;
thread_local bool is_deaf = false;

} // namespace

void keep(Topic topic, bool wants) noexcept {
    // Looked at before, so that calls in many threads do not fight for it.
    auto &one = wanted()[static_cast<std::size_t>(topic)];
    if (one.load(std::memory_order_relaxed) != wants)
        one.store(wants, std::memory_order_relaxed);
}

bool kept(Topic topic) noexcept {
    return wanted()[static_cast<std::size_t>(topic)].load(std::memory_order_relaxed) && !is_deaf;
}

void add(Topic topic, std::string text) {
    if (!is_deaf)
        entries.push_back({topic, std::move(text)});
}

bool empty() noexcept { return entries.empty(); }

std::vector<Entry> take() noexcept { return std::exchange(entries, {}); }

Deaf::Deaf() noexcept : before_(std::exchange(is_deaf, true)) {}

Deaf::~Deaf() { is_deaf = before_; }

bool deaf() noexcept { return is_deaf; }

} // namespace pyremctl::journal
