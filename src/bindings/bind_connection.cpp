// Connection: what the package's Remctl is made on.
#include <pybind11/pybind11.h>

#include "bindings/convert.hpp"
#include "bindings/registers.hpp"
#include "bindings/verbs.hpp"
#include "bindings/whole.hpp"
#include "connection/shared_connection.hpp"
#include "transport/error.hpp"

namespace py = pybind11;

namespace pyremctl {

namespace {

/// A method as a function of a reference, which None cannot be; to pybind11 a
/// method's own object is a pointer, and None the null one.
template <class Self, auto method>
constexpr auto by_reference = [](Self &self) { return (self.*method)(); };

/// Seconds as to_duration has them; error() then tells what was wrong with them.
std::optional<Duration> noted_duration(SharedConnection &shared, py::handle seconds) {
    try {
        return to_duration(seconds, "timeout");
    } catch (const Error &error) {
        shared.note(error.what());
        throw;
    }
}

void set_timeout(SharedConnection &shared, py::handle seconds) {
    shared.set_timeout(noted_duration(shared, seconds));
}

void set_deadline(SharedConnection &shared, py::handle seconds) {
    const auto patience = noted_duration(shared, seconds);
    shared.set_deadline(patience ? std::optional<Time>(Clock::now() + *patience) : std::nullopt);
}

/// The session, or null for None. pybind11's own conversion asks None, in each
/// call, whether it is an object of another extension module: that takes a
/// third of the time of output().
verbs::Session to_session(py::handle session) {
    return session.is_none() ? nullptr : session.cast<verbs::Session>();
}

} // namespace

void register_connection(py::module_ &module) {
    py::class_<Gate::Session, verbs::Session> session_class(
        module, "Session", "The exclusive use of a connection, for the length of one stream.",
        py::is_final());
    session_class.def("end", by_reference<Gate::Session, &Gate::Session::end>,
                      "Let other calls through. Harmless the second time.");
    forbid_new(session_class);
    forbid_copies(session_class);

    py::class_<SharedConnection> connection_class(
        module, "Connection",
        "A connection to a remctl server, shared by any number of threads.\n\n"
        "Every call may raise RemctlError; see remctl.Remctl, whose methods these carry out.",
        py::is_final());
    connection_class.def(py::init<>())
        .def(
            "set_ccache",
            [](SharedConnection &self, py::handle ccache) {
                self.set_ccache(to_optional_c_string(ccache, "ccache"));
            },
            py::arg("ccache"), "Set the credential cache for connections made from now on.")
        .def(
            "set_source_ip",
            [](SharedConnection &self, py::handle source) {
                self.set_source_ip(to_source(source));
            },
            py::arg("source"), "Set the address that connections come from, from now on.")
        .def("set_timeout", &set_timeout, py::arg("timeout"),
             "Set the longest silence, in seconds; None or 0 for no limit.")
        .def("set_deadline", &set_deadline, py::arg("timeout"),
             "End all calls so many seconds from now; None or 0 for no end.")
        .def("open", &verbs::open, py::arg("host"), py::arg("port") = 0,
             py::arg("principal") = py::none(), "Connect and authenticate.")
        .def("open_descriptor", &verbs::open_descriptor, py::arg("descriptor"), py::arg("host"),
             py::arg("principal") = py::none(),
             "Authenticate over a connected socket, of which a duplicate is used.")
        .def(
            "command",
            [](SharedConnection &self, py::handle command, py::handle session) {
                verbs::command(self, command, to_session(session));
            },
            py::arg("command"), py::arg("session") = py::none(), "Send a command: a list of bytes.")
        .def(
            "output",
            [](SharedConnection &self, py::handle session) {
                return verbs::output(self, to_session(session));
            },
            py::arg("session") = py::none(), "Read a token: (type, output, stream, status, error).")
        .def("run", &verbs::run, py::arg("command"),
             "Send a command and read its answer: (stdout, stderr, status, error, error text).")
        .def("noop", &verbs::noop, "True when the server answered, False when it knows no NOOP.")
        .def("close", &verbs::close,
             "Close for good, also under a call that waits in another thread.")
        .def(
            "drop",
            [](SharedConnection &self, py::handle session) {
                verbs::drop(self, to_session(session));
            },
            py::arg("session") = py::none(),
            "End the connection at once; the next command makes a new one.")
        .def("begin", &verbs::begin, "Reserve the connection for a stream.")
        .def(
            "error", [](const SharedConnection &self) { return to_text(self.error()); },
            "The text of the last failure, or \"no error\".")
        .def("require_opened", by_reference<SharedConnection, &SharedConnection::require_opened>,
             "Raise RemctlNotOpenedError where no connection is open.")
        .def_property_readonly("opened", by_reference<SharedConnection, &SharedConnection::opened>,
                               "True from a successful open to close.")
        .def_property_readonly("pending",
                               by_reference<SharedConnection, &SharedConnection::pending>,
                               "True while a command's answer has not been read to its end.")
        .def("fileno", by_reference<SharedConnection, &SharedConnection::descriptor>,
             "The connected socket's descriptor, or -1.");
    construct_in_new<SharedConnection>(connection_class);
    forbid_copies(connection_class);
}

} // namespace pyremctl
