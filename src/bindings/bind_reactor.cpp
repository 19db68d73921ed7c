// Reactor and Operation: what the package's asynchronous interface is made on.
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
            "What the call gives, or raises what it failed of; once. None after a cancel.")
        .def_property(
            "waiter", [](const PythonOperation &self) { return self.waiter(); },
            [](PythonOperation &self, py::object waiter) { self.set_waiter(std::move(waiter)); },
            "The event loop's, for itself.");
    forbid_new(operation_class);
    hand_out_when_gone(operation_class);
    forbid_copies(operation_class);

    py::class_<PythonReactor, std::shared_ptr<PythonReactor>> reactor_class(
        module, "Reactor",
        "Any number of calls behind one descriptor.\n\n"
        "Each verb of a Connection begins as an Operation here. `caller` tells apart who calls, "
        "as threads are; all else is as it is there. For one thread: the one that made it, or that "
        "moved it to itself.",
        py::is_final());
    reactor_class.def(py::init<>())
        .def(
            "fileno", [](const PythonReactor &self) { return self.descriptor(); },
            "The descriptor that is readable when dispatch() has something to do.")
        .def(
            "move_here", [](PythonReactor &self) { self.move_here(); },
            "Serve the calling thread from now on: the event loop goes on in it.")
        .def(
            "__len__", [](const PythonReactor &self) { return self.size(); },
            "How many calls have not ended.")
        .def(
            "dispatch",
            [](PythonReactor &self, double budget, const py::function &wake) {
                self.dispatch(budget, wake);
            },
            py::arg("budget"), py::arg("wake"),
            "Advance what is ready, for some seconds at most, and call `wake` with each operation "
            "that has ended. After an exception of its the next dispatch() goes on.")
        .def(
            "wait", [](PythonReactor &self) { self.wait(); },
            "Wait until dispatch() may have something to do.")
        .def(
            "cancel",
            [](PythonReactor &self, PythonOperation &operation) { self.cancel(operation); },
            py::arg("operation"), "End an operation wherever it is.")
        .def(
            "pause",
            [](PythonReactor &self, py::handle seconds) {
                return self.pause(to_deadline(seconds).value_or(Clock::now()));
            },
            py::arg("seconds"), "An operation that ends after so long.")
        .def(
            "excuse", [](PythonReactor &self, double seconds) { self.excuse(seconds); },
            py::arg("seconds"), "Put all deadlines off by time that was not the calls'.")
        .def(
            "close", [](PythonReactor &self) { return self.close(); },
            "Cancel all; how many there were.")
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
            "Connection.output, for a token and those that lie ready behind it, until they are so "
            "many bytes: [token, ...]")
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
