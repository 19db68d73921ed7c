// Carries verbs out in a reactor (see verbs.hpp).
#pragma once

#include <pybind11/pybind11.h>

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

/// The thread that makes this.
class OwnThread {
  public:
    /// Throws Error in any other.
    void require() const;

  private:
    std::thread::id id_ = std::this_thread::get_id();
};

/// What stands for a call that was started: Python's Operation. For the thread
/// of its reactor, as that is; calls from any other raise.
class PythonOperation : public SharedOnly {
  public:
    /// What Python gets, after success; with the interpreter lock.
    using Finish = std::function<pybind11::object()>;
    /// Puts right what the call has done, where it has not failed and nobody
    /// gets its result.
    using Undo = std::function<void()>;

    PythonOperation(std::shared_ptr<Reactor::Running> running, Finish finish,
                    std::shared_ptr<Result> partial, Undo undo)
        : running_(std::move(running)), finish_(std::move(finish)), partial_(std::move(partial)),
          undo_(std::move(undo)) {}

    bool done() const;

    /// The result, or raises what the call failed of; once. None after a cancel.
    pybind11::object result();

    /// The package's, for itself.
    pybind11::object waiter() const;
    void set_waiter(pybind11::object waiter);

  private:
    friend class PythonReactor;

    OwnThread owner_;
    pybind11::object waiter_ = pybind11::none();
    std::shared_ptr<Reactor::Running> running_;
    Finish finish_;
    std::shared_ptr<Result> partial_;
    Undo undo_;
    bool taken_ = false;     // the result
    bool cancelled_ = false; // before there was one
};

/// A reactor, and the objects for what runs in it. Used by the thread that made
/// it; calls from any other raise.
class PythonReactor : public SharedOnly {
  public:
    using SharedOperation = std::shared_ptr<PythonOperation>;

    int descriptor() const noexcept { return reactor_.descriptor(); }
    std::size_t size() const;

    SharedOperation start(Limits limits, const Reactor::Begin &begin,
                          PythonOperation::Finish finish, std::shared_ptr<Result> partial,
                          PythonOperation::Undo undo);

    /// Ends an operation wherever it is. Where it has ended well and nobody has
    /// its result the connection is dropped, so that no answer is lost unseen.
    void cancel(PythonOperation &operation);

    /// Advances what is ready and gives the operations that have ended.
    pybind11::list dispatch(double budget);

    /// Waits until dispatch() has something to do; it may return before.
    void wait();

    /// A call that ends by itself at a moment.
    SharedOperation pause(Time end);

    /// Time in which the caller did something else is not the calls'.
    void excuse(double seconds);

    /// Cancels all. Returns how many there were.
    std::size_t close();

  private:
    OwnThread owner_;
    Reactor reactor_;
    std::vector<std::shared_ptr<Reactor::Running>> ended_; // and not given to anybody
    std::unordered_map<const Reactor::Running *, SharedOperation> operations_;
};

/// The verbs' way for one caller: see verbs.hpp.
class ReactorWay {
  public:
    ReactorWay(PythonReactor &reactor, Caller caller) noexcept
        : reactor_(reactor), caller_(caller) {}

    template <class Verb, class Finish>
    PythonReactor::SharedOperation
    perform(const verbs::SharedClient &client, std::optional<Time> deadline,
            const verbs::SharedSession &session, const Verb &verb, const Finish &finish,
            std::shared_ptr<Result> partial = nullptr) {
        using Value = Client::ValueOf<Verb>;
        auto kept = std::make_shared<Kept<Value>>();
        const auto begin = [=, caller = caller_](Call &call) {
            return keep<Verb>(client, session, caller, call, verb, kept);
        };
        const auto undo = [client, session, kept] {
            constexpr bool reads = std::is_same_v<Value, Token>;
            session ? client->leave(*session) : client->undo(kept->mark, reads);
        };
        const auto give = [kept, finish]() mutable { return finish(*kept); };
        return reactor_.start(client->limits(deadline), begin, give, std::move(partial), undo);
    }

    template <class Verb>
    PythonReactor::SharedOperation open(const verbs::SharedClient &client,
                                        std::optional<Time> deadline, const Target &target,
                                        const Verb &verb) {
        auto mark = std::make_shared<Client::Mark>();
        const auto begin = [=, caller = caller_](Call &call) {
            return keep_mark<Verb>(client, target, caller, call, verb, mark);
        };
        return reactor_.start(
            client->limits(deadline), begin, []() -> pybind11::object { return pybind11::none(); },
            nullptr, [client, mark] { client->undo_open(*mark); });
    }

    PythonReactor::SharedOperation stream(const verbs::SharedClient &client,
                                          std::optional<Time> deadline,
                                          const SharedCommand &command);

  private:
    template <class Value> struct Kept {
        Value value{};
        Client::Mark mark;
    };

    /// The result is the caller's own, so that the turn ends with the call.
    template <class Verb>
    static Task<void> keep(verbs::SharedClient client, verbs::SharedSession session, Caller caller,
                           Call &call, Verb verb,
                           std::shared_ptr<Kept<Client::ValueOf<Verb>>> kept) {
        auto held = co_await client->perform(std::move(session), caller, call, std::move(verb));
        kept->value = std::move(held.value);
        kept->mark = Client::mark(held.body);
    }

    template <class Verb>
    static Task<void> keep_mark(verbs::SharedClient client, Target target, Caller caller,
                                Call &call, Verb verb, std::shared_ptr<Client::Mark> mark) {
        *mark = co_await client->open(std::move(target), caller, call, std::move(verb));
    }

    static Task<void> keep_session(verbs::SharedClient client, SharedCommand command, Caller caller,
                                   Call &call, std::shared_ptr<Kept<verbs::SharedSession>> kept) {
        kept->value = co_await client->stream(std::move(command), caller, call);
    }

    PythonReactor &reactor_;
    Caller caller_;
};

} // namespace pyremctl
