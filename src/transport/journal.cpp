#include "transport/journal.hpp"

#include <array>
#include <atomic>
#include <cstddef>

#include "transport/process.hpp"

namespace pyremctl::journal {

namespace {

constexpr std::size_t topics = 3;
constexpr std::size_t most_overheard = 1000;

std::array<std::atomic<bool>, topics> &wanted() noexcept {
    static std::array<std::atomic<bool>, topics> all{};
    return all;
}

struct Here {
    std::vector<Entry> entries;
    bool deaf = false;
};

/// The state of this thread.
Here &here() noexcept {
    thread_local Here it;
    return it;
}

} // namespace

void keep(Topic topic, bool wants) noexcept {
    // Read it first and write only on a change, so that calls in many threads do not
    // contend for it.
    auto &one = wanted()[static_cast<std::size_t>(topic)];
    if (one.load(std::memory_order_relaxed) != wants)
        one.store(wants, std::memory_order_relaxed);
}

bool kept(Topic topic) noexcept {
    return wanted()[static_cast<std::size_t>(topic)].load(std::memory_order_relaxed) &&
           !here().deaf;
}

void add(Topic topic, std::string text, Facts facts) {
    if (!here().deaf)
        here().entries.push_back({topic, std::move(text), std::move(facts)});
}

bool empty() noexcept { return here().entries.empty(); }

std::vector<Entry> take() noexcept { return std::exchange(here().entries, {}); }

Deaf::Deaf() noexcept : before_(std::exchange(here().deaf, true)) {}

Deaf::~Deaf() { here().deaf = before_; }

bool deaf() noexcept { return here().deaf; }

void Overheard::overhear() noexcept {
    auto entries = take();
    try {
        const StateLock lock(this);
        for (auto &entry : entries)
            if (entries_.size() < most_overheard)
                entries_.push_back(std::move(entry));
    } catch (const std::bad_alloc &) { // NOLINT(bugprone-empty-catch)
    }
}

void Overheard::retell() noexcept {
    std::vector<Entry> entries;
    {
        const StateLock lock(this);
        entries.swap(entries_);
    }
    for (auto &entry : entries)
        note(entry.topic, [&](Facts &facts) {
            facts = std::move(entry.facts);
            return std::move(entry.text);
        });
}

} // namespace pyremctl::journal
