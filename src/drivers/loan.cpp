// The objects that a ledger hands out: loans, requests, and slots.
#include <algorithm>
#include <utility>

#include "drivers/ledger.hpp"
#include "transport/error.hpp"

namespace pyremctl {

namespace {

const char *const cut_short = "its block was cut short";

} // namespace

Ledger::Loan::Loan(std::shared_ptr<Ledger> ledger, Members members) noexcept
    : ledger_(std::move(ledger)), members_(std::move(members)) {}

Ledger::Loan::~Loan() {
    if (members_.empty())
        return;
    const Member &mine = member();
    const bool untouched = !mine.offline && mine.client->asked() == mine.asked;
    end(untouched ? unusable() : cut_short);
}

Members Ledger::Loan::release() noexcept { return std::exchange(members_, {}); }

const char *Ledger::Loan::unusable() const {
    const Member &mine = member();
    const Client &connection = *mine.client;
    if (connection.opened() && connection.pending())
        return "output is pending";
    if (!connection.opened() || (connection.descriptor() < 0 && !connection.protocol1()))
        return "it is no longer connected";
    if (Clock::now() >= mine.end)
        return "it is too old, or its ticket has expired";
    return nullptr;
}

void Ledger::Loan::end(const char *unusable) noexcept {
    Members members = release();
    if (members.empty() || generation_ != fork_generation())
        return; // in the child of a fork the connection is still the parent's
    ledger_->take_back(std::move(members), unusable);
}

Ledger::Request::Request(std::shared_ptr<Ledger> ledger, For what, Call &call)
    : ledger_(std::move(ledger)), what_(what), waker_(call.waker()) {}

Ledger::Request::~Request() {
    if (generation_ != fork_generation())
        return; // the parent's request
    Members unseen;
    {
        const std::scoped_lock lock(ledger_->mutex_);
        move_to(nullptr);
        ledger_->demand_ = std::min(ledger_->demand_, ledger_->waiting_.size());
        if (ledger_->closed_) {
            unseen.swap(members_);
        } else if (!members_.empty()) { // never used, so its idle time goes on
            ledger_->idle_.splice(ledger_->idle_.end(), members_);
            ledger_->serve();
        }
    }
    ledger_->remove(unseen);
}

void Ledger::Request::move_to(Requests *list) noexcept {
    Requests &here = list_ != nullptr ? *list_ : node_;
    Requests &there = list != nullptr ? *list : node_;
    there.splice(there.end(), here, place_);
    list_ = list;
}

void Ledger::Request::join() {
    {
        const std::scoped_lock lock(ledger_->mutex_);
        settled_ = false;
        if (what_ == For::all) {
            move_to(&ledger_->fillers_);
        } else {
            move_to(&ledger_->waiting_);
            if (std::exchange(again_, true)) // it has had its turn before
                ledger_->waiting_.splice(ledger_->waiting_.begin(), ledger_->waiting_, place_);
        }
        ledger_->used_ = true;
        if (ledger_->closed_)
            ledger_->settle(*this);
        else
            ledger_->serve();
        if (settled_)
            return;
        if (what_ == For::one)
            ledger_->call_for_opening(Clock::now());
    }
    ledger_->look_after();
}

bool Ledger::Request::settled() const noexcept {
    const std::scoped_lock lock(ledger_->mutex_);
    return settled_;
}

Ledger::Loan Ledger::Request::take() {
    Members members;
    std::exception_ptr failure;
    {
        const std::scoped_lock lock(ledger_->mutex_);
        members.swap(members_);
        failure = std::exchange(failure_, nullptr);
    }
    Loan loan(ledger_, std::move(members));
    if (ledger_->closed())
        throw pool_closed();
    if (failure)
        std::rethrow_exception(failure);
    return loan;
}

Ledger::Slot::Slot(std::shared_ptr<Ledger> ledger) : ledger_(std::move(ledger)) {}

Ledger::Slot::~Slot() {
    if (generation_ != fork_generation())
        return;
    const std::scoped_lock lock(ledger_->mutex_);
    leave();
}

void Ledger::Slot::leave() noexcept {
    if (std::exchange(open_, false))
        node_.splice(node_.end(), ledger_->openings_, place_);
}

void Ledger::Slot::fill(Member member) {
    Members made;
    made.push_back(std::move(member));
    ++ledger_->counts_->made;
    ledger_->rest(made, this);
    ledger_->remove(made); // closes it if the pool was closed meanwhile
}

void Ledger::Slot::fail(const std::exception_ptr &failure) noexcept {
    ++ledger_->counts_->not_made;
    const std::scoped_lock lock(ledger_->mutex_);
    leave();
    ledger_->put_off(begun_);
    const auto tell = [&](Requests &list) {
        if (list.empty() || list.front()->asked_ > begun_)
            return false;
        list.front()->failure_ = failure;
        ledger_->settle(*list.front());
        return true;
    };
    tell(ledger_->waiting_);
    while (tell(ledger_->fillers_)) {
    }
}

} // namespace pyremctl
