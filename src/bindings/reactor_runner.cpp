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
        throw Error(ErrorKind::misuse, "this event loop belongs to another thread");
}

// Python destroys it with the interpreter lock held, in any thread.
PythonOperation::~PythonOperation() {
    try {
        if (handed_out_)
            discard();
        else if (home_->thread.is_this() && home_->reactor != nullptr)
            home_->reactor->lose(*this);
        // In another thread: the call continues, and its result is discarded.
    } catch (const std::exception &) { // out of memory: the connection goes with its last share
        taken_ = true;
    }
}

/// Undoes a successful call whose result nobody has taken.
void PythonOperation::discard() {
    // A call that was cancelled before its end, or that failed, leaves nothing to undo.
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
    // Release the old waiter last: that may run Python code, which may come back here.
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
        if (!completion_->answer)
            throw;
        raise(to_exception(error, *completion_->answer));
    }
    return completion_->to_python();
}

bool PythonOperation::ready() const {
    return !completion_->answer || running_->failed() || failed_to_prepare_ ||
           PythonOutput::is_short(*completion_->answer);
}

void PythonOperation::prepare() noexcept {
    try {
        completion_->output->move_some(*completion_->answer);
    } catch (const py::error_already_set &) { // out of memory: result() tries again, and raises
        failed_to_prepare_ = true;
    }
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
    hand_out(); // if that raises, the operation is destroyed, which ends the call
    return operation;
}

void PythonReactor::cancel(PythonOperation &operation) {
    if (operation.cancelled_) // maybe with its loop: the waiter may be collected in any thread
        return;
    home_->thread.require();
    operation.home_->thread.require();
    const bool ended = operation.done();
    if (operations_.erase(operation.running_.get()) == 0 && !ended)
        throw Error(ErrorKind::misuse, "the operation belongs to another event loop");
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
        report(wake);
    } catch (...) {
        if (!ended_.empty())
            reactor_.ring(); // the next dispatch continues
        throw;
    }
}

/// Wakes the waiters of operations that have ended. Those with a long output wait until it
/// has been moved to Python: one step in each dispatch().
void PythonReactor::report(const py::function &wake) {
    bool stepped = false;
    for (std::size_t left = ended_.size(); left != 0 && !ended_.empty(); --left) {
        const auto operation = first_ended();
        if (!operation || operation->ready()) {
            wake_first(wake);
            continue;
        }
        if (!std::exchange(stepped, true))
            operation->prepare();
        ended_.push_back(std::move(ended_.front()));
        ended_.pop_front();
    }
    if (!ended_.empty())
        reactor_.ring();
}

/// The first operation that has ended; null if Python has destroyed or cancelled it.
PythonReactor::SharedOperation PythonReactor::first_ended() const {
    const auto found = operations_.find(ended_.front().running.get());
    return found != operations_.end() ? found->second.operation.lock() : nullptr;
}

/// Wakes the waiter of the first ended operation.
void PythonReactor::wake_first(const py::function &wake) {
    const auto running = ended_.front().running;
    const bool again = std::exchange(ended_.front().tried, true);
    const auto found = operations_.find(running.get());
    if (found != operations_.end()) { // otherwise it was cancelled meanwhile
        const auto operation = found->second.operation.lock();
        const auto completion = found->second.completion;
        try {
            if (operation) {
                operation->handed_out_ = true;
                wake(operation);
            } else if (!again && !running->failed()) {
                completion->discard(); // the operation was destroyed in another thread
            }
        } catch (...) {
            if (again) // it fails each time: do not try it again, the others wait
                forget_first(*running);
            throw;
        }
    }
    forget_first(*running);
}

void PythonReactor::forget_first(const Reactor::Running &running) {
    operations_.erase(&running);
    // wake() may itself have called dispatch(), which has removed it already.
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
        if (!operation) { // the call ends with the reactor
            operations_.erase(operations_.begin());
            continue;
        }
        cancel(*operation);
        // The waiter may be part of a reference cycle, which the garbage collector
        // cannot see here.
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
