// Runs verbs in the calling thread (see verbs.hpp).
#pragma once

#include <pybind11/pybind11.h>

#include <utility>

#include "bindings/errors.hpp"
#include "bindings/unlocked.hpp"
#include "bindings/verbs.hpp"
#include "drivers/blocking.hpp"

namespace pyremctl {

/// Releases the interpreter lock, waits, and returns the result.
class BlockingRunner {
  public:
    /// `partial`: the part of the answer that has arrived, for the exception.
    template <class Verb, class ToPython>
    pybind11::object perform(const verbs::SharedClient &client, std::optional<Time> deadline,
                             verbs::SharedSession session, Verb verb, ToPython to_python,
                             const std::shared_ptr<Result> &partial = nullptr) {
        return told([&] {
            Unlocked unlocked;
            Call call(client->limits(deadline), thread_waker());
            try {
                auto completed = wait(unlocked, client->perform(std::move(session), this_thread(),
                                                                call, std::move(verb)));
                unlocked.relock();
                return to_python(completed.value);
            } catch (const Error &error) {
                if (!partial)
                    throw;
                unlocked.relock();
                raise(to_exception(error, *partial));
            }
        });
    }

    template <class Verb>
    pybind11::object open(const verbs::SharedClient &client, std::optional<Time> deadline,
                          Verb verb) {
        return told([&]() -> pybind11::object {
            Unlocked unlocked;
            Call call(client->limits(deadline), thread_waker());
            wait(unlocked, client->open(this_thread(), call, std::move(verb)));
            unlocked.relock();
            return pybind11::none();
        });
    }

    verbs::SharedStream stream(const verbs::SharedClient &client, std::optional<Time> deadline,
                               SharedCommand command) {
        return told([&] {
            Unlocked unlocked;
            Call call(client->limits(deadline), thread_waker());
            return wait(unlocked, client->stream(std::move(command), this_thread(), call));
        });
    }

  private:
    template <class T> static T wait(Unlocked &unlocked, Task<T> task) {
        return BlockingDriver(*thread_waker(), unlocked).run(std::move(task));
    }
};

/// The next token. One that needs no wait is returned without starting a task.
pybind11::tuple output(const verbs::SharedClient &client, const verbs::SharedSession &session,
                       pybind11::handle timeout);

} // namespace pyremctl
