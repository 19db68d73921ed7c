#include "connection/gate.hpp"

#include "transport/error.hpp"

namespace pyremctl {

namespace {

// Where no signal can concern the waiting thread it looks up this often, to no
// purpose but to have one way of waiting.
constexpr Duration idle_slice = std::chrono::hours(1);

} // namespace

template <class Free>
std::unique_lock<std::mutex> Gate::wait_until(Free free, Interrupts &interrupts) {
    std::unique_lock lock(mutex_);
    while (!free()) {
        if (busy_ && caller_ == std::this_thread::get_id())
            throw Error("the connection is in use by the call that this one interrupts");
        const auto slice = interrupts.slice().value_or(idle_slice);
        if (changed_.wait_for(lock, slice) == std::cv_status::no_timeout)
            continue;
        lock.unlock();
        interrupts.check();
        lock.lock();
    }
    return lock;
}

Gate::Turn Gate::take(std::unique_lock<std::mutex> lock) {
    busy_ = true;
    caller_ = std::this_thread::get_id();
    lock.unlock();
    return Turn(shared_from_this());
}

Gate::Turn Gate::enter(const Session *session, Interrupts &interrupts) {
    const auto self = std::this_thread::get_id();
    const auto ended = [&] { return session != nullptr && session_ != session; };
    auto lock = wait_until(
        [&] {
            const bool others = session_ != nullptr && session_ != session;
            return ended() || (!busy_ && (!others || session_thread_ == self));
        },
        interrupts);
    if (ended())
        throw Error("the connection was closed during the stream");
    return take(std::move(lock));
}

Gate::Turn Gate::enter_to_close(Interrupts &interrupts) {
    return take(wait_until([&] { return !busy_; }, interrupts));
}

std::shared_ptr<Gate::Session> Gate::begin(Interrupts &interrupts) {
    const auto self = std::this_thread::get_id();
    const auto lock = wait_until(
        [&] { return !busy_ && (session_ == nullptr || session_thread_ == self); }, interrupts);
    if (session_ != nullptr)
        throw Error("output of the previous command is pending: read the stream to its end, or "
                    "close it, before the next command");
    auto session = std::make_shared<Session>(shared_from_this());
    session_ = session.get();
    session_thread_ = self;
    return session;
}

void Gate::end_session() noexcept {
    const std::lock_guard lock(mutex_);
    session_ = nullptr;
    changed_.notify_all();
}

bool Gate::present(const Session &session) const {
    const std::lock_guard lock(mutex_);
    return session_ == &session;
}

bool Gate::mine() const {
    const std::lock_guard lock(mutex_);
    return busy_ && caller_ == std::this_thread::get_id();
}

void Gate::leave() noexcept {
    const std::lock_guard lock(mutex_);
    busy_ = false;
    changed_.notify_all();
}

void Gate::Session::end() noexcept {
    auto gate = std::exchange(gate_, nullptr);
    if (!gate)
        return;
    if (generation_ != fork_generation()) {
        lose(std::move(gate));
        return;
    }
    const std::lock_guard lock(gate->mutex_);
    if (gate->session_ == this)
        gate->session_ = nullptr;
    gate->changed_.notify_all();
}

} // namespace pyremctl
