#include "bindings/blocking_runner.hpp"

namespace py = pybind11;

namespace pyremctl {

py::tuple output(const verbs::SharedClient &client, const verbs::SharedSession &session,
                 py::handle timeout) {
    const auto deadline = to_deadline(timeout);
    return told([&] {
        Unlocked unlocked;
        Call call(client->limits(deadline), thread_waker());
        auto completed = client->output_at_once(session, this_thread(), call);
        if (!completed)
            completed = BlockingDriver(*thread_waker(), unlocked)
                            .run(client->perform(session, this_thread(), call,
                                                 [](Connection &connection, Call &going) {
                                                     return connection.output(going);
                                                 }));
        verbs::tell_ending(session, this_thread(), completed->value);
        unlocked.relock();
        return to_tuple(completed->value); // while the turn keeps the token's memory valid
    });
}

} // namespace pyremctl
