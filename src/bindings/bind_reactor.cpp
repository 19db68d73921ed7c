// Reactor and Operation: the classes behind the package's asynchronous interface.
#include <pybind11/pybind11.h>

#include "bindings/listeners.hpp"
#include "bindings/reactor_runner.hpp"
#include "bindings/registers.hpp"
#include "bindings/whole.hpp"

namespace py = pybind11;

namespace pyremctl {

void register_reactor(py::module_ &module) {
    py::class_<PythonOperation, PythonReactor::SharedOperation> operation_class(
        module, "Operation", "A call that was started in a reactor.", py::is_final());
    operation_class
        .def_property_readonly(
            "done", [](const PythonOperation &self) { return self.done(); },
            "True when it has ended.")
        .def(
            "result", [](PythonOperation &self) { return self.result(); },
            "Return the call's result or raise its error, once. None after cancel().")
        .def_property(
            "waiter", [](const PythonOperation &self) { return self.waiter(); },
            [](PythonOperation &self, py::object waiter) { self.set_waiter(std::move(waiter)); },
            "Private to the event loop.");
    forbid_new(operation_class);
    hand_out_when_gone(operation_class);
    forbid_copies(operation_class);

    py::class_<PythonReactor, std::shared_ptr<PythonReactor>> reactor_class(
        module, "Reactor",
        "Runs any number of calls, and signals all of them by one descriptor.\n\n"
        "The verbs are those of Connection, but each returns an Operation. `caller` identifies the "
        "task, as threads are identified there. Only one thread may use it: the one that created "
        "it or called move_here().",
        py::is_final());
    reactor_class.def(py::init<>())
        .def(
            "fileno", [](const PythonReactor &self) { return self.descriptor(); },
            "The descriptor, which is readable when dispatch() has something to do.")
        .def(
            "move_here", [](PythonReactor &self) { self.move_here(); },
            "Make the calling thread the owner: the event loop continues in it.")
        .def(
            "__len__", [](const PythonReactor &self) { return self.size(); },
            "How many calls are running.")
        .def(
            "dispatch",
            [](PythonReactor &self, double budget, const py::function &wake) {
                self.dispatch(budget, wake);
            },
            py::arg("budget"), py::arg("wake"),
            "Advance the calls that are ready, for at most `budget` seconds, and call `wake` with "
            "each operation that has ended. If `wake` raises, the next dispatch() continues.")
        .def(
            "wait", [](PythonReactor &self) { self.wait(); },
            "Wait until dispatch() may have something to do.")
        .def(
            "cancel",
            [](PythonReactor &self, PythonOperation &operation) { self.cancel(operation); },
            py::arg("operation"), "Cancel an operation.")
        .def(
            "pause",
            [](PythonReactor &self, py::handle seconds) {
                return self.pause(to_deadline(seconds).value_or(Clock::now()));
            },
            py::arg("seconds"), "An operation that ends after `seconds`.")
        .def(
            "excuse", [](PythonReactor &self, double seconds) { self.excuse(seconds); },
            py::arg("seconds"),
            "Move all deadlines by the time that the caller spent on other work.")
        .def(
            "close", [](PythonReactor &self) { return self.close(); },
            "Cancel all operations; returns how many there were.")
        .def(
            "open",
            [](PythonReactor &self, Client &client, Caller caller, py::handle host, py::handle port,
               py::handle principal, py::handle timeout) {
                ReactorRunner runner(self, caller);
                return verbs::open(runner, client.shared_from_this(), host, port, principal,
                                   timeout);
            },
            py::arg("connection"), py::arg("caller"), py::arg("host"), py::arg("port"),
            py::arg("principal"), py::arg("timeout"), "Connection.open")
        .def(
            "open_descriptor",
            [](PythonReactor &self, Client &client, Caller caller, int descriptor, py::handle host,
               py::handle principal, py::handle timeout) {
                ReactorRunner runner(self, caller);
                return verbs::open_descriptor(runner, client.shared_from_this(), descriptor, host,
                                              principal, timeout);
            },
            py::arg("connection"), py::arg("caller"), py::arg("descriptor"), py::arg("host"),
            py::arg("principal"), py::arg("timeout"), "Connection.open_descriptor")
        .def(
            "command",
            [](PythonReactor &self, Client &client, Caller caller, py::handle command,
               py::handle timeout) {
                ReactorRunner runner(self, caller);
                return verbs::command(runner, client.shared_from_this(), command, timeout);
            },
            py::arg("connection"), py::arg("caller"), py::arg("command"), py::arg("timeout"),
            "Connection.command")
        .def(
            "outputs",
            [](PythonReactor &self, Client &client, Caller caller, py::handle session,
               std::size_t bytes, py::handle timeout) {
                ReactorRunner runner(self, caller);
                return verbs::outputs(runner, client.shared_from_this(), verbs::to_session(session),
                                      bytes, timeout);
            },
            py::arg("connection"), py::arg("caller"), py::arg("session"), py::arg("bytes"),
            py::arg("timeout"),
            "Connection.output for one token and those that can be read after it without waiting, "
            "up to `bytes` bytes: [token, ...]")
        .def(
            "run",
            [](PythonReactor &self, Client &client, Caller caller, py::handle command,
               py::handle timeout) {
                ReactorRunner runner(self, caller);
                return verbs::run(runner, client.shared_from_this(), command, timeout);
            },
            py::arg("connection"), py::arg("caller"), py::arg("command"), py::arg("timeout"),
            "Connection.run")
        .def(
            "simple",
            [](PythonReactor &self, Client &client, Caller caller, py::handle host, py::handle port,
               py::handle principal, py::handle command, py::handle timeout) {
                ReactorRunner runner(self, caller);
                return verbs::simple(runner, client.shared_from_this(), host, port, principal,
                                     command, timeout);
            },
            py::arg("connection"), py::arg("caller"), py::arg("host"), py::arg("port"),
            py::arg("principal"), py::arg("command"), py::arg("timeout"), "Connection.simple")
        .def(
            "stream",
            [](PythonReactor &self, Client &client, Caller caller, py::handle command,
               py::handle timeout) {
                ReactorRunner runner(self, caller);
                return verbs::stream(runner, client.shared_from_this(), command, timeout);
            },
            py::arg("connection"), py::arg("caller"), py::arg("command"), py::arg("timeout"),
            "Connection.stream")
        .def(
            "noop",
            [](PythonReactor &self, Client &client, Caller caller, py::handle timeout) {
                ReactorRunner runner(self, caller);
                return verbs::noop(runner, client.shared_from_this(), timeout);
            },
            py::arg("connection"), py::arg("caller"), py::arg("timeout"), "Connection.noop");
    construct_in_new<PythonReactor>(reactor_class);
    forbid_copies(reactor_class);
}

} // namespace pyremctl
