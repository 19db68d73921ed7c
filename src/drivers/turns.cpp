#include "drivers/turns.hpp"

#include <algorithm>
#include <atomic>
#include <iterator>

#include "transport/error.hpp"
#include "transport/process.hpp"

namespace pyremctl {

namespace {

const char *const interrupting = "the connection is busy: this call comes from a signal handler "
                                 "that interrupted another call on it";

} // namespace

Caller new_caller() noexcept {
    static std::atomic<Caller> last{nobody};
    return ++last;
}

/// A call that waits for its turn.
struct Turns::Waiter {
    Turns &turns;
    const Session *session;
    Caller caller;
    Call &call;
    std::list<Waiter *> *list = nullptr; // the queue that it is in
    unsigned generation = fork_generation();

    Waiter(Turns &where, const Session *of, Caller who, Call &what)
        : turns(where), session(of), caller(who), call(what) {}
    Waiter(const Waiter &) = delete;
    Waiter &operator=(const Waiter &) = delete;
    Waiter(Waiter &&) = delete;
    Waiter &operator=(Waiter &&) = delete;
    ~Waiter() {
        if (generation != fork_generation())
            return; // the parent's wait
        const std::scoped_lock lock(turns.mutex_);
        if (list != nullptr)
            list->remove(this);
        if (turns.granted_ == this) {
            turns.granted_ = nullptr;
            turns.leave();
        }
    }

    /// Joins at the end, but before a waiting call of the same caller: this call
    /// interrupts that one, which cannot continue until this one has ended.
    void join(std::list<Waiter *> &where) {
        const auto mine = [this](const Waiter *other) { return other->caller == caller; };
        where.insert(std::ranges::find_if(where, mine), this);
        list = &where;
    }
};

bool Turns::free_for(const Session *session, Caller caller) const noexcept {
    if (busy_)
        return false;
    return session_ == nullptr || session_ == session ||
           (session == nullptr && session_caller_ == caller);
}

bool Turns::gone(const Session *session) const noexcept {
    return retired_ || (session != nullptr && session_ != session);
}

void Turns::take(Caller caller, Call *call) noexcept {
    busy_ = true;
    caller_ = caller;
    running_ = call;
}

void Turns::leave() noexcept {
    busy_ = false;
    running_ = nullptr;
    auto &next = session_ != nullptr ? inside_ : outside_;
    if (next.empty() || retired_)
        return;
    granted_ = next.front();
    next.pop_front();
    granted_->list = nullptr;
    take(granted_->caller, &granted_->call);
    granted_->call.waker()->wake();
}

/// Takes the turn away from a call that has not started, or else cancels the running
/// call. True if the turn is free then.
bool Turns::take_over() noexcept {
    if (granted_ != nullptr) {
        granted_->call.waker()->wake(); // it will find that it has no turn
        granted_ = nullptr;
    } else if (busy_) {
        if (running_ != nullptr)
            running_->cancel();
        return false;
    }
    return true;
}

/// Takes the turn. If a call is running, cancels it, and spoiled() tells the next
/// caller.
Turns::Turn Turns::take_or_spoil() noexcept {
    if (!take_over()) {
        spoiled_ = true;
        return {};
    }
    take(nobody, nullptr);
    return Turn(shared_from_this());
}

void Turns::close_session(Session::State state) noexcept {
    if (session_ == nullptr)
        return;
    session_->state_ = state;
    session_ = nullptr;
    while (!inside_.empty()) { // from the back, to keep their order
        Waiter &waiter = *inside_.back();
        if (waiter.session != nullptr) {
            inside_.pop_back();
            waiter.list = nullptr;
            waiter.call.waker()->wake();
        } else {
            outside_.splice(outside_.begin(), inside_, std::prev(inside_.end()));
            waiter.list = &outside_;
        }
    }
}

/// Also lets in the calls that the session's caller has made outside of it. Otherwise a
/// call that was interrupted by a signal handler would wait for the stream that the
/// handler started.
void Turns::open_session(Session &session) noexcept {
    session_ = &session;
    let_in(caller_);
}

void Turns::let_in(Caller caller) noexcept {
    session_caller_ = caller;
    for (auto next = outside_.begin(); next != outside_.end();) {
        const auto waiter = next++;
        if ((*waiter)->caller != session_caller_)
            continue;
        (*waiter)->list = &inside_;
        inside_.splice(inside_.end(), outside_, waiter);
    }
}

Turns::Turn Turns::enter_at_once(const Session *session, Caller caller, Call &call) {
    const std::scoped_lock lock(mutex_);
    if (gone(session))
        return {};
    if (busy_ && caller_ == caller)
        throw Error(ErrorKind::misuse, interrupting);
    if (!free_for(session, caller))
        return {};
    take(caller, &call);
    return Turn(shared_from_this());
}

Task<Turns::Turn> Turns::enter(const Session *session, Caller caller, Call &call) {
    Turn turn = enter_at_once(session, caller, call);
    if (turn)
        co_return std::move(turn);
    Waiter waiter(*this, session, caller, call);
    {
        const std::scoped_lock lock(mutex_);
        if (gone(session))
            co_return Turn();
        if (free_for(session, caller)) { // it has become free meanwhile
            take(caller, &call);
            co_return Turn(shared_from_this());
        }
        const bool within =
            session != nullptr || (session_ != nullptr && session_caller_ == caller);
        // Otherwise the end of the stream would wait for a call that waits for this
        // one.
        const auto mine = [&](const Waiter *other) { return other->caller == caller; };
        if (!within && std::ranges::any_of(inside_, mine))
            throw Error(ErrorKind::misuse, interrupting);
        waiter.join(within ? inside_ : outside_);
    }
    for (;;) {
        co_await call.wait();
        call.touch(); // time spent waiting for the turn is not the server's silence
        {
            const std::scoped_lock lock(mutex_);
            if (granted_ == &waiter) {
                granted_ = nullptr;
                co_return Turn(shared_from_this());
            }
            if (waiter.list == nullptr)
                co_return Turn();
        }
        if (call.overdue())
            throw Error(ErrorKind::timeout, "the connection is in use by other calls: timed out");
        if (threads_have_ended())
            throw Error(
                ErrorKind::misuse,
                "the connection is held by a thread that was stopped at interpreter shutdown");
    }
}

Turns::Turn Turns::leave_session(Session &session, Session::State as) noexcept {
    const std::scoped_lock lock(mutex_);
    if (session_ != &session)
        return {};
    close_session(as);
    return take_or_spoil();
}

bool Turns::spoiled() noexcept {
    const std::scoped_lock lock(mutex_);
    return std::exchange(spoiled_, false);
}

Turns::Turn Turns::seize() noexcept {
    const std::scoped_lock lock(mutex_);
    if (retired_ || (busy_ && granted_ == nullptr))
        return {};
    take_over();
    take(nobody, nullptr);
    return Turn(shared_from_this());
}

Turns::Turn Turns::seize_or_cancel() noexcept {
    const std::scoped_lock lock(mutex_);
    if (retired_)
        return {};
    return take_or_spoil();
}

std::size_t Turns::waiting() const noexcept {
    const std::scoped_lock lock(mutex_);
    return inside_.size() + outside_.size();
}

bool Turns::retire() noexcept {
    const std::scoped_lock lock(mutex_);
    retired_ = true;
    close_session(Session::State::lost);
    while (!outside_.empty()) {
        Waiter &waiter = *outside_.front();
        outside_.pop_front();
        waiter.list = nullptr;
        waiter.call.waker()->wake();
    }
    return take_over();
}

Turns::Turn::~Turn() {
    if (!turns_ || generation_ != fork_generation())
        return; // or it is the parent's turn
    const std::scoped_lock lock(turns_->mutex_);
    turns_->leave();
}

std::shared_ptr<Turns::Session> Turns::Turn::begin_session() {
    auto session = std::make_shared<Session>(turns_);
    const std::scoped_lock lock(turns_->mutex_);
    if (turns_->session_ != nullptr) {
        session->state_ = Session::State::ended;
        throw Error(ErrorKind::misuse,
                    "output of the previous command is pending: read the stream to its end, or "
                    "close it, before the next command");
    }
    turns_->open_session(*session);
    return session;
}

void Turns::Turn::lose_session() noexcept {
    const std::scoped_lock lock(turns_->mutex_);
    turns_->close_session(Session::State::lost);
}

void Turns::Session::end() noexcept {
    if (inherited())
        return;
    const std::scoped_lock lock(turns_->mutex_);
    if (turns_->session_ != this)
        return;
    turns_->close_session(State::ended);
    if (!turns_->busy_)
        turns_->leave();
}

void Turns::Session::hand_to(Caller caller) noexcept {
    if (inherited())
        return;
    const std::scoped_lock lock(turns_->mutex_);
    if (turns_->session_ != this)
        return;
    turns_->let_in(caller);
    if (!turns_->busy_)
        turns_->leave(); // one of its calls may be waiting
}

/// Whether the caller was already told how the session ended; marks it as told.
bool Turns::Session::told(Caller caller) {
    if (std::ranges::find(told_, caller) != told_.end())
        return true;
    told_.push_back(caller);
    return false;
}

void Turns::Session::refused(Refusal refusal, Caller caller) {
    const std::scoped_lock lock(turns_->mutex_);
    told(caller);
    refusal_ = std::move(refusal);
}

std::optional<Turns::Session::Refusal> Turns::Session::refusal(Caller caller) {
    if (inherited())
        return std::nullopt;
    const std::scoped_lock lock(turns_->mutex_);
    return refusal_ && !told(caller) ? refusal_ : std::nullopt;
}

void Turns::Session::fail(const Error *error, Caller caller) noexcept {
    if (inherited())
        return;
    const std::scoped_lock lock(turns_->mutex_);
    const bool present = turns_->session_ == this;
    if (present)
        turns_->close_session(State::failed);
    else if (state_ != State::lost)
        return;
    try {
        told(caller); // its own error tells it
        if (present && error != nullptr)
            failure_ = *error;
    } catch (const std::bad_alloc &) {
        failure_.reset(); // the others are told that it was cut short
    }
}

void Turns::Session::check(Caller caller) {
    if (inherited())
        return;
    const std::scoped_lock lock(turns_->mutex_);
    if ((state_ != State::lost && state_ != State::failed) || told(caller))
        return;
    if (state_ == State::lost)
        throw Error(ErrorKind::lost, "the connection was closed during the stream").for_good();
    if (failure_)
        throw Error(*failure_);
    throw Error(ErrorKind::lost,
                "the stream was cut short: a call that read it was cancelled or interrupted")
        .for_good();
}

Turns::Session::State Turns::Session::state() const noexcept {
    if (inherited())
        return state_; // the parent's mutex may be locked; nothing changes the state here
    const std::scoped_lock lock(turns_->mutex_);
    return state_;
}

} // namespace pyremctl
