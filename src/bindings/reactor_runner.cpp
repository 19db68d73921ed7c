#include "bindings/reactor_runner.hpp"

#include "bindings/errors.hpp"
#include "bindings/listeners.hpp"
#include "bindings/unlocked.hpp"
#include "drivers/blocking.hpp"

namespace py = pybind11;

namespace pyremctl {

namespace {

Task<void> wait_for_the_end(Call &call) {
    while (!call.overdue())
        co_await call.wait();
}

} // namespace

void OwnThread::require() const {
    if (id_.load() != std::this_thread::get_id())
        throw Error(ErrorKind::misuse, "this event loop is another thread's");
}

// Python lets go of it with the interpreter lock, in whatever thread.
PythonOperation::~PythonOperation() {
    try {
        if (handed_out_)
            discard();
        else if (home_->thread.is_this() && home_->reactor != nullptr)
            home_->reactor->lose(*this);
        // In another thread it goes on, and is discarded when it has ended.
    } catch (const std::exception &) { // no memory: the connection goes with its last share
        taken_ = true;
    }
}

/// Leaves nothing behind of a success whose result nobody has taken.
void PythonOperation::discard() {
    // One that was cancelled before its end, or has failed, has left nothing.
    if (running_->ended() && !cancelled_ && !running_->failed() && !std::exchange(taken_, true))
        completion_->discard();
}

bool PythonOperation::done() const {
    home_->thread.require();
    return running_->ended();
}

py::object PythonOperation::waiter() const {
    home_->thread.require();
    return waiter_;
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved.
void PythonOperation::set_waiter(py::object waiter) {
    home_->thread.require();
    // The one of before goes last: its end may run Python, and come back here.
    const py::object before = std::exchange(waiter_, std::move(waiter));
}

py::object PythonOperation::result() {
    if (!done())
        throw py::value_error("the operation has not ended");
    if (std::exchange(taken_, true))
        throw py::value_error("the operation's result was taken already");
    if (cancelled_)
        return py::none();
    try {
        running_->result();
    } catch (const Error &error) {
        if (!completion_->partial)
            throw;
        raise(to_exception(error, *completion_->partial));
    }
    return completion_->to_python();
}

std::size_t PythonReactor::size() const {
    home_->thread.require();
    return reactor_.size();
}

PythonReactor::SharedOperation
PythonReactor::start(Limits limits, const Reactor::MakeTask &make_task, Completion completion) {
    home_->thread.require();
    std::shared_ptr<Reactor::Running> running;
    {
        const Unlocked unlocked;
        running = reactor_.start(limits, make_task);
    }
    const auto shared = std::make_shared<Completion>(std::move(completion));
    auto operation = std::make_shared<PythonOperation>(home_, running, shared);
    if (running->ended())
        operation->handed_out_ = true;
    else
        operations_.emplace(running.get(), Underway{.operation = operation, .completion = shared});
    hand_out(); // where that raises nobody gets the operation, whose end is the call's
    return operation;
}

void PythonReactor::cancel(PythonOperation &operation) {
    if (operation.cancelled_) // perhaps with its loop: who waited may be collected in any thread
        return;
    home_->thread.require();
    operation.home_->thread.require();
    const bool ended = operation.done();
    if (operations_.erase(operation.running_.get()) == 0 && !ended)
        throw Error(ErrorKind::misuse, "the operation is another event loop's");
    operation.handed_out_ = true;
    operation.cancelled_ = !ended;
    {
        const Unlocked unlocked;
        if (ended)
            operation.discard();
        else
            reactor_.cancel(*operation.running_);
    }
    hand_out();
}

void PythonReactor::lose(PythonOperation &operation) {
    operations_.erase(operation.running_.get());
    if (operation.running_->ended())
        operation.discard();
    else
        reactor_.cancel(*operation.running_);
}

void PythonReactor::dispatch(double budget, const py::function &wake) {
    home_->thread.require();
    release_held();
    try {
        {
            const Unlocked unlocked;
            const auto ended = reactor_.dispatch(
                std::chrono::duration_cast<Duration>(std::chrono::duration<double>(budget)));
            for (const auto &running : ended)
                ended_.push_back({.running = running});
        }
        hand_out();
        while (!ended_.empty())
            wake_first(wake);
    } catch (...) {
        if (!ended_.empty())
            reactor_.ring(); // the next dispatch goes on
        throw;
    }
}

/// Tells the waiter of the first of those that have ended.
void PythonReactor::wake_first(const py::function &wake) {
    const auto running = ended_.front().running;
    const bool again = std::exchange(ended_.front().tried, true);
    const auto found = operations_.find(running.get());
    if (found != operations_.end()) { // else it was cancelled meanwhile
        const auto operation = found->second.operation.lock();
        const auto completion = found->second.completion;
        try {
            if (operation) {
                operation->handed_out_ = true;
                wake(operation);
            } else if (!again && !running->failed()) {
                completion->discard(); // it was lost in another thread
            }
        } catch (...) {
            if (again) // it fails whenever it is tried, and the others do not wait for it
                forget_first(*running);
            throw;
        }
    }
    forget_first(*running);
}

void PythonReactor::forget_first(const Reactor::Running &running) {
    operations_.erase(&running);
    // A dispatch() within wake() may have been here.
    if (!ended_.empty() && ended_.front().running.get() == &running)
        ended_.pop_front();
}

void PythonReactor::wait() {
    home_->thread.require();
    Unlocked unlocked;
    Wait wait;
    wait.interests.push_back({reactor_.descriptor(), POLLIN, 0});
    BlockingDriver(*thread_waker(), unlocked).wait_for(wait);
}

PythonReactor::SharedOperation PythonReactor::pause(Time end) {
    const Limits limits{.inactivity = std::nullopt, .deadline = end};
    return start(limits, wait_for_the_end);
}

void PythonReactor::keep(const Reactor::MakeTask &make_task) {
    home_->thread.require();
    const Unlocked unlocked;
    reactor_.start({}, make_task);
}

void PythonReactor::excuse(double seconds) {
    home_->thread.require();
    reactor_.excuse(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
}

std::size_t PythonReactor::close() {
    home_->thread.require();
    const std::size_t count = operations_.size();
    while (!operations_.empty()) {
        const auto operation = operations_.begin()->second.operation.lock();
        if (!operation) { // its call ends with the reactor
            operations_.erase(operations_.begin());
            continue;
        }
        cancel(*operation);
        // It may hold what holds this: no garbage collector looks through here.
        operation->set_waiter(py::none());
    }
    return count;
}

PythonReactor::SharedOperation ReactorRunner::stream(const verbs::SharedClient &client,
                                                     std::optional<Time> deadline,
                                                     const SharedCommand &command) {
    auto stored = std::make_shared<verbs::SharedStream>();
    const auto make_task = [=, caller = caller_](Call &call) {
        return store(client, client->stream(command, caller, call), stored);
    };
    return reactor_.start(client->limits(deadline), make_task,
                          {.to_python = [stored]() -> py::object {
                               return py::cast(std::exchange(*stored, nullptr));
                           },
                           .discard = [stored] { *stored = nullptr; }});
}

} // namespace pyremctl
