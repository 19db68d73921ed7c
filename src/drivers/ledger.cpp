#include "drivers/ledger.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "transport/error.hpp"

namespace pyremctl {

namespace {

// An opening that takes longer than this may be stuck: a later caller starts another
// one, if there is room.
constexpr Duration young = std::chrono::seconds(1);

// The pause between attempts to reach min_size while the server cannot be reached.
constexpr Duration shortest_pause = std::chrono::seconds(1);
constexpr Duration longest_pause = std::chrono::seconds(60);

std::string in_words(const Endpoint &server) {
    return server.port == 0 ? server.host
                            : server.host + " (port " + std::to_string(server.port) + ")";
}

void close_all(const Members &members) noexcept {
    for (const Member &member : members)
        member.client->close();
}

} // namespace

Error pool_closed() { return {ErrorKind::not_opened, "the pool is closed"}; }

Ledger::Ledger(PoolLimits limits, std::shared_ptr<PoolCounts> counts, Endpoint server, Start start)
    : limits_(limits), counts_(std::move(counts)), server_(std::move(server)),
      where_(in_words(server_)), start_(std::move(start)) {}

Ledger::Sizes Ledger::sizes() const noexcept {
    const std::scoped_lock lock(mutex_);
    return {.all = size_,
            .idle = idle_.size(),
            .waiting = waiting_.size(),
            .opening = openings_.size()};
}

std::string Ledger::numbers() const {
    const Sizes now = sizes();
    return ", " + std::to_string(now.all) + " of " + std::to_string(limits_.max_size) + " open, " +
           std::to_string(now.idle) + " idle, " + std::to_string(now.waiting) + " waiting";
}

/// Gives idle members to waiting requests, in order.
void Ledger::serve() noexcept {
    while (!waiting_.empty() && !idle_.empty()) {
        Request &request = *waiting_.front();
        request.members_.splice(request.members_.begin(), idle_, std::prev(idle_.end()));
        settle(request);
    }
    if (size_ >= limits_.min_size)
        while (!fillers_.empty())
            settle(*fillers_.front());
}

void Ledger::settle(Request &request) noexcept {
    request.settled_ = true;
    request.move_to(&granted_);
    request.waker_->wake();
}

/// How many connections are missing to reach min_size, now or after a pause.
std::size_t Ledger::missing_for_min() const noexcept {
    const std::size_t there = size_ + openings_.size();
    return used_ && !closed_ && there < limits_.min_size ? limits_.min_size - there : 0;
}

std::size_t Ledger::missing_now(Time now) const noexcept {
    const std::size_t there = size_ + openings_.size();
    if (closed_ || there >= limits_.max_size)
        return 0;
    std::size_t wanted = demand_;
    if (waiting_.size() > openings_.size())
        wanted = std::max(wanted, waiting_.size() - openings_.size());
    if (now >= next_try_ || !fillers_.empty())
        wanted = std::max(wanted, missing_for_min());
    return std::min(wanted, limits_.max_size - there);
}

/// Called for a new request: openings that may be stuck do not count as on the way.
void Ledger::call_for_opening(Time now) noexcept {
    std::size_t hopeful = 0;
    for (auto next = openings_.rbegin(); next != openings_.rend() && now - *next < young; ++next)
        ++hopeful;
    if (waiting_.size() > hopeful)
        demand_ = std::max(demand_, waiting_.size() - hopeful);
}

/// Wakes or starts the keeper if connections are missing.
void Ledger::look_after() noexcept {
    {
        const std::scoped_lock lock(mutex_);
        if (missing_now(Clock::now()) == 0 && missing_for_min() == 0)
            return;
        if (keeper_) {
            keeper_->wake();
            return;
        }
        if (!start_ || std::exchange(starting_, true))
            return;
    }
    try {
        start_(shared_from_this());
    } catch (...) {
        fail_keeper(std::current_exception());
    }
}

bool Ledger::enter_keeper(std::shared_ptr<Waker> waker) noexcept {
    const std::scoped_lock lock(mutex_);
    if (keeper_)
        return false;
    starting_ = false;
    keeper_ = std::move(waker);
    return true;
}

bool Ledger::leave_keeper() noexcept {
    const std::scoped_lock lock(mutex_);
    if (missing_for_min() != 0 || missing_now(Clock::now()) != 0)
        return false;
    keeper_ = nullptr;
    return true;
}

void Ledger::lose_keeper() noexcept {
    if (generation_ != fork_generation())
        return;
    const std::scoped_lock lock(mutex_);
    keeper_ = nullptr;
}

bool Ledger::has_keeper() const noexcept {
    const std::scoped_lock lock(mutex_);
    return keeper_ || starting_;
}

void Ledger::fail_keeper(const std::exception_ptr &failure) noexcept {
    const std::scoped_lock lock(mutex_);
    starting_ = false;
    demand_ = 0;
    for (Requests *list : {&waiting_, &fillers_})
        while (!list->empty()) {
            list->front()->failure_ = failure;
            settle(*list->front());
        }
}

std::list<Ledger::Slot> Ledger::missing() {
    std::size_t count = 0;
    {
        const std::scoped_lock lock(mutex_);
        count = missing_now(Clock::now());
    }
    // There is one keeper, so no one else opens connections meanwhile.
    std::list<Slot> slots;
    for (; count > 0; --count)
        slots.emplace_back(shared_from_this());
    const std::scoped_lock lock(mutex_);
    for (Slot &slot : slots) {
        openings_.splice(openings_.end(), slot.node_);
        slot.open_ = true;
    }
    demand_ -= std::min(demand_, slots.size());
    return slots;
}

std::optional<Time> Ledger::next_try() const noexcept {
    const std::scoped_lock lock(mutex_);
    if (missing_for_min() == 0)
        return std::nullopt;
    return next_try_;
}

/// Called after an opening that failed. Several may fail for the same reason: those
/// that started before the first failure count as one.
void Ledger::put_off(Time begun) noexcept {
    if (pause_ != Duration::zero() && begun < next_try_ - pause_)
        return;
    pause_ = std::clamp(pause_ * 2, shortest_pause, longest_pause);
    next_try_ = Clock::now() + pause_;
}

void Ledger::close() noexcept {
    Members idle;
    {
        const std::scoped_lock lock(mutex_);
        closed_ = true;
        idle.swap(idle_);
        size_ -= idle.size();
        for (Requests *list : {&waiting_, &fillers_})
            while (!list->empty())
                settle(*list->front());
        for (const Request *request : granted_)
            request->waker_->wake();
        if (keeper_)
            keeper_->wake();
    }
    close_all(idle);
}

/// Closes members that are no longer in the idle list.
void Ledger::remove(const Members &members) noexcept {
    if (members.empty())
        return;
    {
        const std::scoped_lock lock(mutex_);
        size_ -= members.size();
    }
    close_all(members);
    look_after();
}

void Ledger::prune() noexcept {
    Members old;
    {
        const Time now = Clock::now();
        const std::scoped_lock lock(mutex_);
        for (auto next = idle_.begin(); next != idle_.end();) {
            const auto member = next++;
            if (now >= member->end || now - member->idle_since >= limits_.max_idle)
                old.splice(old.end(), idle_, member);
        }
        size_ -= old.size();
    }
    if (old.empty())
        return;
    note_with_sizes([&] {
        return "closed " + std::to_string(old.size()) + " that were too old or idle for too long";
    });
    close_all(old);
    look_after();
}

void Ledger::lose(Loan loan) noexcept {
    const Time idle_since = loan.member().idle_since;
    Members dead = loan.release();
    {
        const std::scoped_lock lock(mutex_);
        for (auto next = idle_.begin(); next != idle_.end();) {
            const auto member = next++;
            if (member->idle_since <= idle_since)
                dead.splice(dead.end(), idle_, member);
        }
    }
    counts_->lost += dead.size();
    remove(dead);
    note([] { return "checked and dropped: it did not respond"; });
}

void Ledger::drop(Loan loan) noexcept {
    ++counts_->lost;
    remove(loan.release());
    note([] { return "checked and dropped: the server has closed it"; });
}

/// Puts a member into the idle list, unless the pool is closed. A member from a slot is
/// new, and is counted from now on.
void Ledger::rest(Members &members, Slot *slot) noexcept {
    Member &member = members.front();
    member.asked = member.client->asked();
    member.idle_since = Clock::now();
    const std::scoped_lock lock(mutex_);
    if (slot != nullptr) {
        slot->leave();
        ++size_;
        pause_ = {};
        next_try_ = {};
    }
    if (closed_)
        return;
    idle_.splice(idle_.end(), members);
    serve();
}

/// Takes a lent member back.
void Ledger::take_back(Members members, const char *unusable) noexcept {
    if (unusable != nullptr) {
        ++counts_->bad_returns;
    } else {
        members.front().client->set_timeout(std::nullopt);
        rest(members, nullptr);
    }
    remove(members); // closes the member if it did not become idle
    note_with_sizes([&] {
        return unusable == nullptr ? std::string("returned")
                                   : "returned and dropped: " + std::string(unusable);
    });
    prune();
}

} // namespace pyremctl
