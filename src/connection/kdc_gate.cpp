#include "connection/kdc_gate.hpp"

#include <algorithm>
#include <iterator>
#include <list>
#include <string>
#include <utility>

#include "connection/failures.hpp"
#include "credentials/inspection.hpp"
#include "transport/process.hpp"

namespace pyremctl {

/// A call that is in the library, or waits to enter it.
struct KdcGate::Entry {
    std::shared_ptr<Waker> waker;
    bool inside = false;
    bool counts = true;     // false if no KDC is asked
    bool abandoned = false; // its caller has given up
    bool known = false;     // it is known, as far as possible, which KDC it needs
    bool to_wake = false;
    std::string realm;
    Time since; // when it entered
};

namespace {

using Entry = KdcGate::Entry;
using Shared = std::shared_ptr<Entry>;

// A KDC that has not answered for this long may be silent.
constexpr auto patience = std::chrono::milliseconds(500);

// The limits of calls in the library: for a realm whose KDC may be silent, and in
// total.
constexpr std::size_t most_stuck = 8;
constexpr std::size_t most = 32;

/// The calls in the library, and those that wait, in order.
class Gate {
  public:
    /// True if it has entered.
    bool enter(const Shared &entry) {
        const StateLock lock(this);
        // The parent's calls do not exist in the child of a fork.
        if (std::exchange(generation_, fork_generation()) != fork_generation()) {
            inside_.clear();
            waiting_.clear();
        }
        const bool fits_now = waiting_.empty() && fits(*entry);
        waiting_.push_back(entry);
        if (fits_now)
            admit(std::prev(waiting_.end()));
        entry->to_wake = false;
        return fits_now;
    }

    bool inside(const Shared &entry) noexcept {
        const StateLock lock(this);
        return entry->inside;
    }

    void leave(const Shared &entry) noexcept {
        {
            const StateLock lock(this);
            if (entry->inside)
                std::erase(inside_, entry);
            else
                std::erase(waiting_, entry);
        }
        settle();
    }

    /// True while calls whose needs are unknown may not enter.
    bool crowded() noexcept {
        const StateLock lock(this);
        return stuck("") >= most_stuck;
    }

    void tell(const Shared &entry, std::string realm, bool counts) noexcept {
        {
            const StateLock lock(this);
            entry->realm = std::move(realm);
            entry->known = true;
            entry->counts = counts;
        }
        settle();
    }

    void abandon(const Shared &entry) noexcept {
        const StateLock lock(this);
        entry->abandoned = true;
    }

    /// Lets in all calls that fit now.
    void settle() noexcept {
        {
            const StateLock lock(this);
            for (auto one = waiting_.begin(); one != waiting_.end() && !full();) {
                const auto next = std::next(one);
                if (fits(**one))
                    admit(one);
                one = next;
            }
        }
        while (const auto waker = next_to_wake())
            waker->wake();
    }

  private:
    using Entries = std::list<Shared>;

    static bool of_realm(const Entry &entry, const std::string &realm) noexcept {
        return entry.counts && (realm.empty() || entry.realm.empty() || entry.realm == realm);
    }

    std::size_t number(const std::string &realm) const noexcept {
        return static_cast<std::size_t>(std::ranges::count_if(
            inside_, [&](const Shared &one) { return of_realm(*one, realm); }));
    }

    std::size_t stuck(const std::string &realm) const noexcept {
        const Time now = Clock::now();
        return static_cast<std::size_t>(std::ranges::count_if(inside_, [&](const Shared &one) {
            return of_realm(*one, realm) && (one->abandoned || now - one->since > patience);
        }));
    }

    /// True if no call fits, whatever it needs.
    bool full() const noexcept { return number("") >= most && stuck("") < most_stuck; }

    bool fits(const Entry &entry) const noexcept {
        if (stuck("") < most_stuck)
            return number("") < most;
        return entry.known &&
               (!entry.counts || (stuck(entry.realm) < most_stuck && number(entry.realm) < most));
    }

    /// Allocates no memory.
    void admit(Entries::iterator one) noexcept {
        (*one)->inside = (*one)->to_wake = true;
        (*one)->since = Clock::now();
        inside_.splice(inside_.end(), waiting_, one);
    }

    std::shared_ptr<Waker> next_to_wake() noexcept {
        const StateLock lock(this);
        const auto found =
            std::ranges::find_if(inside_, [](const Shared &one) { return one->to_wake; });
        if (found == inside_.end())
            return nullptr;
        (*found)->to_wake = false;
        return (*found)->waker;
    }

    Entries inside_;
    Entries waiting_;
    unsigned generation_ = fork_generation();
};

Gate &gate() noexcept { return immortal<Gate>(); }

} // namespace

void KdcGate::Place::leave() noexcept {
    if (entry_)
        gate().leave(std::exchange(entry_, nullptr));
}

void KdcGate::Place::abandon() noexcept {
    if (entry_)
        gate().abandon(entry_);
}

void KdcGate::Place::is_for(const std::string &realm) {
    if (entry_)
        gate().tell(entry_, realm, true);
}

Task<std::shared_ptr<KdcGate::Place>> KdcGate::enter(Attempt attempt, Call &call) {
    const auto entry = std::make_shared<Entry>();
    entry->waker = call.waker();
    auto place = std::make_shared<Place>(entry);
    if (gate().enter(entry))
        co_return place;
    std::shared_ptr<Inspection> inspection;
    call.touch();
    while (!gate().inside(entry)) {
        if (call.expired())
            throw kdc_silent(inspection ? inspection->hint() : "");
        if (!inspection && gate().crowded())
            inspection = Inspection::start(attempt, call.waker());
        if (inspection && inspection->done() && !entry->known)
            gate().tell(entry, inspection->realm(), !inspection->has_ticket());
        else
            co_await call.wait({}, Clock::now() + patience / 2);
    }
    co_return place;
}

} // namespace pyremctl
