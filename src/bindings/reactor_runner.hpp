// Runs verbs in a reactor (see verbs.hpp).
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bindings/verbs.hpp"
#include "drivers/reactor.hpp"
#include "transport/shared_only.hpp"

namespace pyremctl {

class PythonReactor;

/// The thread that runs an event loop, for a reactor and its operations.
class OwnThread {
  public:
    /// Throws Error in any other.
    void require() const;

    bool is_this() const noexcept { return id_.load() == std::this_thread::get_id(); }

    /// From now on it is the calling thread.
    void move_here() noexcept { id_.store(std::this_thread::get_id()); }

  private:
    std::atomic<std::thread::id> id_ = std::this_thread::get_id();
};

/// What follows when an operation has ended.
struct Completion {
    /// The result of a success as Python has it; with the interpreter lock.
    std::function<pybind11::object()> to_python = []() -> pybind11::object {
        return pybind11::none();
    };
    /// For a success whose result nobody gets: leaves nothing of it behind.
    std::function<void()> discard = [] {};
    /// What had come of an answer, for the exception of a failure; or null.
    std::shared_ptr<Result> partial = nullptr;
};

/// What a reactor shares with its operations, which may outlive it.
struct Home {
    OwnThread thread;
    PythonReactor *reactor = nullptr; // null when it has gone
};

/// A call that was started: Python's Operation. For the thread of its reactor,
/// as that is; calls from any other raise.
///
/// Its end, by whatever way it is lost, is the call's: one that has not ended is
/// cancelled, and nothing is left of a success whose result nobody has taken.
class PythonOperation : public SharedOnly {
  public:
    PythonOperation(std::shared_ptr<Home> home, std::shared_ptr<Reactor::Running> running,
                    std::shared_ptr<Completion> completion)
        : home_(std::move(home)), running_(std::move(running)), completion_(std::move(completion)) {
    }
    PythonOperation(const PythonOperation &) = delete;
    PythonOperation &operator=(const PythonOperation &) = delete;
    PythonOperation(PythonOperation &&) = delete;
    PythonOperation &operator=(PythonOperation &&) = delete;
    ~PythonOperation();

    bool done() const;

    /// The result, or raises what the call failed of; once. None after a cancel.
    pybind11::object result();

    /// The package's, for itself.
    pybind11::object waiter() const;
    void set_waiter(pybind11::object waiter);

  private:
    friend class PythonReactor;

    void discard();

    std::shared_ptr<Home> home_;
    pybind11::object waiter_ = pybind11::none();
    std::shared_ptr<Reactor::Running> running_;
    std::shared_ptr<Completion> completion_;
    bool taken_ = false;                  // the result
    std::atomic<bool> cancelled_ = false; // before there was one
    bool handed_out_ = false;             // the reactor is done with it
};

/// A reactor, and the objects for what runs in it. Used by the thread that made
/// it or that moved it to itself; calls from any other raise.
class PythonReactor : public SharedOnly {
  public:
    using SharedOperation = std::shared_ptr<PythonOperation>;

    PythonReactor() { home_->reactor = this; }
    PythonReactor(const PythonReactor &) = delete;
    PythonReactor &operator=(const PythonReactor &) = delete;
    PythonReactor(PythonReactor &&) = delete;
    PythonReactor &operator=(PythonReactor &&) = delete;
    ~PythonReactor() { home_->reactor = nullptr; }

    int descriptor() const noexcept { return reactor_.descriptor(); }

    /// For an event loop that goes on in another thread: the calling one.
    void move_here() noexcept { home_->thread.move_here(); }

    std::size_t size() const;

    SharedOperation start(Limits limits, const Reactor::MakeTask &make_task,
                          Completion completion = {});

    /// Ends an operation wherever it is. Where it has ended well and nobody has
    /// its result the connection is dropped, so that no answer is lost unseen.
    void cancel(PythonOperation &operation);

    /// Advances what is ready, and calls `wake` with each operation that has
    /// ended. What `wake` or a handler of the log raises is raised here: an
    /// operation of which `wake` raised is tried once more, and it and the others
    /// are for the next dispatch(), for which the descriptor is readable at once.
    void dispatch(double budget, const pybind11::function &wake);

    /// For an operation that nobody has any more.
    void lose(PythonOperation &operation);

    /// Waits until dispatch() has something to do; it may return before.
    void wait();

    /// A call that ends by itself at a moment.
    SharedOperation pause(Time end);

    /// Runs a task that nobody waits for, until it ends or the reactor does.
    void keep(const Reactor::MakeTask &make_task);

    /// Time in which the caller did something else is not the calls'.
    void excuse(double seconds);

    /// Cancels all, and lets go of their waiters. Returns how many there were.
    std::size_t close();

  private:
    struct Ended {
        std::shared_ptr<Reactor::Running> running;
        bool tried = false; // to wake its waiter
    };

    struct Underway {
        std::weak_ptr<PythonOperation> operation;
        std::shared_ptr<Completion> completion;
    };

    void wake_first(const pybind11::function &wake);
    void forget_first(const Reactor::Running &running);

    std::shared_ptr<Home> home_ = std::make_shared<Home>();
    Reactor reactor_;
    std::deque<Ended> ended_; // and nobody knows of it yet
    std::unordered_map<const Reactor::Running *, Underway> operations_;
};

/// Runs the verbs of one caller: see verbs.hpp.
class ReactorRunner {
  public:
    ReactorRunner(PythonReactor &reactor, Caller caller) noexcept
        : reactor_(reactor), caller_(caller) {}

    Caller caller() const noexcept { return caller_; }

    template <class Verb, class ToPython>
    PythonReactor::SharedOperation
    perform(const verbs::SharedClient &client, std::optional<Time> deadline,
            const verbs::SharedSession &session, const Verb &verb, const ToPython &to_python,
            const std::shared_ptr<Result> &partial = nullptr) {
        using Value = Client::ResultOf<Verb>;
        auto stored = std::make_shared<Stored<Value>>();
        const auto make_task = [=, caller = caller_](Call &call) {
            return store(client, client->perform(session, caller, call, verb), stored);
        };
        const auto discard = [client, session, stored] {
            constexpr bool reads = std::is_same_v<Value, Token>;
            session ? client->cut(*session) : client->undo(stored->mark, reads);
        };
        return reactor_.start(
            client->limits(deadline), make_task,
            {.to_python = [stored, to_python] { return to_python(stored->value); },
             .discard = discard,
             .partial = partial});
    }

    template <class Verb>
    PythonReactor::SharedOperation open(const verbs::SharedClient &client,
                                        std::optional<Time> deadline, const Verb &verb) {
        auto stored = std::make_shared<Client::Mark>();
        const auto make_task = [=, caller = caller_](Call &call) {
            return store(client, client->open(caller, call, verb), stored);
        };
        return reactor_.start(client->limits(deadline), make_task,
                              {.discard = [client, stored] { client->undo_open(*stored); }});
    }

    PythonReactor::SharedOperation stream(const verbs::SharedClient &client,
                                          std::optional<Time> deadline,
                                          const SharedCommand &command);

  private:
    /// A result without the turn, which ends with the call.
    template <class Value> struct Stored {
        Value value{};
        Client::Mark mark;

        Stored &operator=(Client::Completed<Value> completed) {
            value = std::move(completed.value);
            mark = Client::mark(completed.hold.body);
            return *this;
        }
    };

    /// Keeps a task's result where its Completion finds it.
    template <class Value, class Store>
    static Task<void> store(verbs::SharedClient client, Task<Value> task,
                            std::shared_ptr<Store> stored) {
        const auto outlives_the_task = std::move(client);
        Task<Value> running = std::move(task); // NOLINT(misc-const-correctness): it is awaited
        *stored = co_await running;
    }

    PythonReactor &reactor_;
    Caller caller_;
};

} // namespace pyremctl
