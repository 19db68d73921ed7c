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

bool PythonOperation::done() const {
    owner_->require();
    return running_->ended();
}

py::object PythonOperation::waiter() const {
    owner_->require();
    return waiter_;
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved.
void PythonOperation::set_waiter(py::object waiter) {
    owner_->require();
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
        if (!completion_.partial)
            throw;
        raise(to_exception(error, *completion_.partial));
    }
    return completion_.to_python();
}

std::size_t PythonReactor::size() const {
    owner_->require();
    return reactor_.size();
}

PythonReactor::SharedOperation
PythonReactor::start(Limits limits, const Reactor::MakeTask &make_task, Completion completion) {
    owner_->require();
    std::shared_ptr<Reactor::Running> running;
    {
        const Unlocked unlocked;
        running = reactor_.start(limits, make_task);
    }
    auto operation = std::make_shared<PythonOperation>(owner_, running, std::move(completion));
    if (!running->ended())
        operations_.emplace(running.get(), operation);
    try {
        hand_out();
    } catch (...) { // and nobody gets the operation
        cancel(*operation);
        throw;
    }
    return operation;
}

void PythonReactor::cancel(PythonOperation &operation) {
    if (operation.cancelled_) // perhaps with its loop: who waited may be collected in any thread
        return;
    owner_->require();
    operation.owner_->require();
    const auto keep = operations_.extract(operation.running_.get());
    const bool ended = operation.done();
    if (!keep && !ended)
        throw Error(ErrorKind::misuse, "the operation is another event loop's");
    // One that was cancelled before its end, or has failed, has done nothing that could be undone.
    const bool lost =
        ended && !operation.running_->failed() && !std::exchange(operation.taken_, true);
    operation.cancelled_ = !ended;
    {
        const Unlocked unlocked;
        if (!ended)
            reactor_.cancel(*operation.running_);
        else if (lost)
            operation.completion_.discard();
    }
    hand_out();
}

py::list PythonReactor::dispatch(double budget) {
    owner_->require();
    release_held();
    {
        const Unlocked unlocked;
        const auto ended = reactor_.dispatch(
            std::chrono::duration_cast<Duration>(std::chrono::duration<double>(budget)));
        ended_.insert(ended_.end(), ended.begin(), ended.end());
    }
    hand_out(); // where that raises, the next dispatch gives what has ended
    py::list list;
    for (const auto &running : std::exchange(ended_, {}))
        if (const auto node = operations_.extract(running.get()))
            list.append(py::cast(node.mapped()));
    return list;
}

void PythonReactor::wait() {
    owner_->require();
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
    owner_->require();
    const Unlocked unlocked;
    reactor_.start({}, make_task);
}

void PythonReactor::excuse(double seconds) {
    owner_->require();
    reactor_.excuse(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
}

std::size_t PythonReactor::close() {
    owner_->require();
    const std::size_t count = operations_.size();
    while (!operations_.empty()) {
        const auto operation = operations_.begin()->second;
        cancel(*operation);
        // It may hold what holds this: no garbage collector looks through here.
        operation->set_waiter(py::none());
    }
    return count;
}

PythonReactor::SharedOperation ReactorRunner::stream(const verbs::SharedClient &client,
                                                     std::optional<Time> deadline,
                                                     const SharedCommand &command) {
    auto stored = std::make_shared<verbs::SharedSession>();
    const auto make_task = [=, caller = caller_](Call &call) {
        return store(client, client->stream(command, caller, call), stored);
    };
    return reactor_.start(client->limits(deadline), make_task,
                          {.to_python = [stored]() -> py::object { return py::cast(*stored); },
                           .discard = [client, stored] { client->leave(**stored); }});
}

} // namespace pyremctl
