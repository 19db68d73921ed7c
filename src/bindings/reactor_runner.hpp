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

/// The thread that a reactor and its operations belong to: the event loop's.
class OwnThread {
  public:
    /// Throws Error in any other thread.
    void require() const;

    bool is_this() const noexcept { return id_.load() == std::this_thread::get_id(); }

    /// Makes the calling thread the owner.
    void move_here() noexcept { id_.store(std::this_thread::get_id()); }

  private:
    std::atomic<std::thread::id> id_ = std::this_thread::get_id();
};

/// What to do when an operation has ended.
struct Completion {
    /// Converts a successful result to Python; called with the interpreter lock.
    std::function<pybind11::object()> to_python = []() -> pybind11::object {
        return pybind11::none();
    };
    /// Undoes a successful call whose result nobody gets.
    std::function<void()> discard = [] {};
    /// The answer, or the part of it that has arrived, for the exception; or null.
    std::shared_ptr<Result> answer = nullptr;
    /// The output that was moved out of the answer before `to_python` is called. It is
    /// destroyed with the interpreter lock held, as the operation is.
    std::shared_ptr<PythonOutput> output = nullptr;
};

/// The state that a reactor shares with its operations, which may outlive it.
struct Home {
    OwnThread thread;
    PythonReactor *reactor = nullptr; // null after its destruction
};

/// A call in progress: Python's Operation. Use it only in the thread of its reactor;
/// calls from other threads raise.
///
/// Destroying the object ends the call: a running call is cancelled, and a successful
/// one whose result nobody has taken is undone.
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

    /// Returns the result or raises the call's error, once. None after cancel().
    pybind11::object result();

    /// Private to the package.
    pybind11::object waiter() const;
    void set_waiter(pybind11::object waiter);

  private:
    friend class PythonReactor;

    void discard();

    /// True if result() takes little time. Otherwise call prepare() first.
    bool ready() const;

    /// Moves a part of a long output to Python.
    void prepare() noexcept;

    std::shared_ptr<Home> home_;
    pybind11::object waiter_ = pybind11::none();
    std::shared_ptr<Reactor::Running> running_;
    std::shared_ptr<Completion> completion_;
    bool failed_to_prepare_ = false;
    bool taken_ = false;                  // the result was taken
    std::atomic<bool> cancelled_ = false; // cancelled before there was a result
    bool handed_out_ = false;             // the reactor has reported its end
};

/// A reactor and its operations. Only the thread that created it or called move_here()
/// may use it; calls from other threads raise.
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

    /// Makes the calling thread the owner, for an event loop that continues in another
    /// thread.
    void move_here() noexcept { home_->thread.move_here(); }

    std::size_t size() const;

    SharedOperation start(Limits limits, const Reactor::MakeTask &make_task,
                          Completion completion = {});

    /// Cancels an operation. If it has succeeded and nobody has its result, the
    /// connection is dropped, so that no answer is silently lost.
    void cancel(PythonOperation &operation);

    /// Advances the calls that are ready, and calls `wake` with each operation that has
    /// ended. Exceptions of `wake` or of a log handler are raised here. The operation
    /// whose `wake` raised is tried once more. It and the remaining ones are reported
    /// by the next dispatch(), for which the descriptor is immediately readable. An
    /// operation with a long output is reported when the output has been moved to
    /// Python, a part of it in each dispatch().
    void dispatch(double budget, const pybind11::function &wake);

    /// For an operation that Python has destroyed.
    void lose(PythonOperation &operation);

    /// Waits until dispatch() has something to do; it may return earlier.
    void wait();

    /// An operation that ends at the given time.
    SharedOperation pause(Time end);

    /// Runs a background task until it ends or the reactor is destroyed.
    void keep(const Reactor::MakeTask &make_task);

    /// Moves all deadlines by the time in which the caller did something else.
    void excuse(double seconds);

    /// Cancels all operations and releases their waiters. Returns how many there were.
    std::size_t close();

  private:
    struct Ended {
        std::shared_ptr<Reactor::Running> running;
        bool tried = false; // waking its waiter was tried
    };

    struct Underway {
        std::weak_ptr<PythonOperation> operation;
        std::shared_ptr<Completion> completion;
    };

    void report(const pybind11::function &wake);
    SharedOperation first_ended() const;
    void wake_first(const pybind11::function &wake);
    void forget_first(const Reactor::Running &running);

    std::shared_ptr<Home> home_ = std::make_shared<Home>();
    Reactor reactor_;
    std::deque<Ended> ended_; // not yet reported
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
            const std::shared_ptr<Result> &answer = nullptr) {
        using Value = Client::ResultOf<Verb>;
        auto stored = std::make_shared<Stored<Value>>();
        const auto make_task = [=, caller = caller_](Call &call) {
            return store(client, client->perform(session, caller, call, verb), stored);
        };
        const auto discard = [client, session, stored] {
            constexpr bool reads = std::is_same_v<Value, Token>;
            session ? client->cut(*session) : client->undo(stored->mark, reads);
        };
        const auto output = answer ? std::make_shared<PythonOutput>() : nullptr;
        const auto convert = [stored, to_python, output]() -> pybind11::object {
            if constexpr (std::is_invocable_v<const ToPython &, Value &, PythonOutput *>)
                return to_python(stored->value, output.get());
            else
                return to_python(stored->value);
        };
        return reactor_.start(
            client->limits(deadline), make_task,
            {.to_python = convert, .discard = discard, .answer = answer, .output = output});
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
    /// A result without the turn: the turn ends with the call.
    template <class Value> struct Stored {
        Value value{};
        Client::Mark mark;

        Stored &operator=(Client::Completed<Value> completed) {
            value = std::move(completed.value);
            mark = Client::mark(completed.hold.body);
            return *this;
        }
    };

    /// Stores a task's result for its Completion.
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
