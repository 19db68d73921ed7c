// Connection: the class behind the package's Remctl.
#include <pybind11/pybind11.h>

#include "bindings/blocking_runner.hpp"
#include "bindings/convert.hpp"
#include "bindings/listeners.hpp"
#include "bindings/registers.hpp"
#include "bindings/unlocked.hpp"
#include "bindings/verbs.hpp"
#include "bindings/whole.hpp"
#include "credentials/default_cache.hpp"
#include "credentials/identity.hpp"
#include "credentials/kerberos.hpp"
#include "drivers/client.hpp"
#include "transport/error.hpp"

namespace py = pybind11;

namespace pyremctl {

namespace {

/// Wraps a method as a function that takes a reference. pybind11 passes a method's own
/// object as a pointer, which would be null for None; a reference cannot be None.
template <class Self, auto method>
constexpr auto by_reference = [](Self &self) { return (self.*method)(); };

template <auto method>
constexpr auto without_lock = [](Client &self) {
    {
        const Unlocked unlocked;
        (self.*method)();
    }
    hand_out();
};

// It has no state.
BlockingRunner runner; // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

/// Converts the seconds with to_duration(); a failure also sets error().
void set_timeout(Client &client, py::handle seconds) {
    try {
        client.set_timeout(to_duration(seconds, "timeout"));
    } catch (const Error &error) {
        client.note(error.what());
        throw;
    }
}

/// A cache's name with an absolute path, which does not depend on the working
/// directory.
std::optional<std::string> to_ccache(py::handle ccache) {
    const auto name = to_optional_c_string(ccache, "ccache");
    if (!name)
        return std::nullopt;
    if (name->empty())
        throw py::value_error("ccache must not be empty");
    return kerberos::absolute_name(*name);
}

/// None means the current thread.
Caller to_caller(py::handle caller) {
    return caller.is_none() ? this_thread() : caller.cast<Caller>();
}

} // namespace

void register_connection(py::module_ &module) {
    py::class_<Stream, verbs::SharedStream> session_class(
        module, "Session",
        "The exclusive use of a connection for one stream. Destroying it closes the stream.",
        py::is_final());
    session_class
        .def(
            "end", [](const Stream &self) { self.session()->end(); },
            "Let other calls through. Calling it again does nothing.")
        .def(
            "hand_to", [](const Stream &self, Caller caller) { self.session()->hand_to(caller); },
            py::arg("caller"), "Hand the stream over to another caller.")
        .def_property_readonly(
            "inherited", [](const Stream &self) { return self.session()->inherited(); },
            "True in the child of a fork: the stream belongs to the parent.");
    forbid_new(session_class);
    hand_out_when_gone(session_class);
    forbid_copies(session_class);

    py::class_<Admission, std::shared_ptr<Admission>> admission_class(
        module, "Admission",
        "Limits how many connections are opened to one address at the same time to five, in order; "
        "for one thread.",
        py::is_final());
    admission_class.def(py::init<>());
    construct_in_new<Admission>(admission_class);
    forbid_copies(admission_class);

    py::class_<Identity, std::shared_ptr<Identity>> identity_class(
        module, "Identity",
        "The default ticket cache of this thread at the time of creation, and the client principal "
        "of the first open; all connections that share the object use the same principal.\n\n"
        "`many`: the connections are to many servers, and each may choose another cache of a "
        "collection.",
        py::is_final());
    identity_class.def_static(
        "of_now",
        [](bool many) { return std::make_shared<Identity>(default_cache_of_this_thread(), many); },
        py::kw_only(), py::arg("many") = false,
        "Create an identity that no connection has used yet.");
    forbid_new(identity_class);
    forbid_copies(identity_class);

    module.def("new_caller", &new_caller, "A number that no other caller of this process has had.");

    py::class_<Client, std::shared_ptr<Client>> connection_class(
        module, "Connection",
        "A connection to a remctl server, shared by any number of callers.\n\n"
        "Every call may raise RemctlError; see remctl.Remctl, whose methods are implemented by "
        "these. A timeout is for the whole call, in seconds: None means no limit, 0 or less fails "
        "immediately.",
        py::is_final());
    connection_class.def(py::init<>())
        .def(
            "set_ccache",
            [](Client &self, py::handle ccache) {
                if (py::isinstance<Credentials>(ccache))
                    self.set_credentials(ccache.cast<std::shared_ptr<Credentials>>());
                else
                    self.set_ccache(to_ccache(ccache));
            },
            py::arg("ccache"), "Set the credential cache for connections opened from now on.")
        .def(
            "set_source_ip",
            [](Client &self, py::handle source) { self.set_source_ip(to_source(source)); },
            py::arg("source"), "Set the source address of connections opened from now on.")
        .def(
            "set_keepalive",
            [](Client &self, py::handle idle) {
                self.set_keepalive(to_duration(idle, "keepalive"));
            },
            py::arg("idle"),
            "Set after how many seconds of silence TCP probes the server, on connections opened "
            "from now on; 0 or None for never.")
        .def(
            "set_connect_timeout",
            [](Client &self, py::handle longest) {
                self.set_connect_timeout(to_duration(longest, "connect_timeout"));
            },
            py::arg("longest"),
            "Set how long connecting may take, in seconds; 0 or None for no limit.")
        .def(
            "set_admission",
            [](Client &self, Admission &admission) {
                self.set_admission(admission.shared_from_this());
            },
            py::arg("admission"),
            "Set the Admission that this connection waits for when it is opened.")
        .def(
            "set_identity",
            [](Client &self, Identity &identity) {
                self.set_identity(identity.shared_from_this());
            },
            py::arg("identity"), "Share an identity with other connections.")
        .def("set_timeout", &set_timeout, py::arg("timeout"),
             "Set the longest silence, in seconds; None or 0 for no limit.")
        .def(
            "open",
            [](Client &self, py::handle host, py::handle port, py::handle principal,
               py::handle timeout) {
                return verbs::open(runner, self.shared_from_this(), host, port, principal, timeout);
            },
            py::arg("host"), py::arg("port") = 0, py::arg("principal") = py::none(),
            py::arg("timeout") = py::none(), "Connect and authenticate.")
        .def(
            "open_descriptor",
            [](Client &self, int descriptor, py::handle host, py::handle principal,
               py::handle timeout) {
                return verbs::open_descriptor(runner, self.shared_from_this(), descriptor, host,
                                              principal, timeout);
            },
            py::arg("descriptor"), py::arg("host"), py::arg("principal") = py::none(),
            py::arg("timeout") = py::none(),
            "Authenticate over a connected socket, of which a duplicate is used.")
        .def(
            "command",
            [](Client &self, py::handle command, py::handle timeout) {
                return verbs::command(runner, self.shared_from_this(), command, timeout);
            },
            py::arg("command"), py::arg("timeout") = py::none(),
            "Send a command: a list of bytes-like objects.")
        .def(
            "output",
            [](Client &self, py::handle session, py::handle timeout) {
                return output(self.shared_from_this(), verbs::to_session(session), timeout);
            },
            py::arg("session") = py::none(), py::arg("timeout") = py::none(),
            "Read a token: (type, output, stream, status, error).")
        .def(
            "run",
            [](Client &self, py::handle command, py::handle timeout) {
                return verbs::run(runner, self.shared_from_this(), command, timeout);
            },
            py::arg("command"), py::arg("timeout") = py::none(),
            "Send a command and read its answer: (stdout, stderr, status, error, error text).")
        .def(
            "simple",
            [](Client &self, py::handle host, py::handle port, py::handle principal,
               py::handle command, py::handle timeout) {
                return verbs::simple(runner, self.shared_from_this(), host, port, principal,
                                     command, timeout);
            },
            py::arg("host"), py::arg("port"), py::arg("principal"), py::arg("command"),
            py::arg("timeout"), "open() and run(), with one timeout for both.")
        .def(
            "stream",
            [](Client &self, py::handle command, py::handle timeout) {
                return verbs::stream(runner, self.shared_from_this(), command, timeout);
            },
            py::arg("command"), py::arg("timeout") = py::none(),
            "Send a command and reserve the connection for its answer.")
        .def(
            "noop",
            [](Client &self, py::handle timeout) {
                return verbs::noop(runner, self.shared_from_this(), timeout);
            },
            py::arg("timeout") = py::none(),
            "True if the server answered, False if it does not support NOOP.")
        .def("close", without_lock<&Client::close>,
             "Close, even while a call waits in another thread.")
        .def(
            "leave",
            [](Client &self, const Stream &stream) {
                {
                    const Unlocked unlocked;
                    self.leave(*stream.session());
                }
                hand_out();
            },
            py::arg("session"),
            "End a stream. If it was not read to its end, the connection is dropped.")
        .def(
            "cut",
            [](Client &self, const Stream &stream) {
                {
                    const Unlocked unlocked;
                    self.cut(*stream.session());
                }
                hand_out();
            },
            py::arg("session"),
            "The same for a stream that has lost a token: its other readers get an error.")
        .def(
            "abandon",
            [](Client &self, py::handle caller) {
                const Caller who = to_caller(caller);
                {
                    const Unlocked unlocked;
                    self.abandon(who);
                }
                hand_out();
            },
            py::arg("caller") = py::none(),
            "For an interrupted call that may already have ended: drop the connection if an answer "
            "to this caller is pending.")
        .def(
            "refusal",
            [](const Client &, const Stream &stream, py::handle caller) -> py::object {
                const auto refusal = stream.session()->refusal(to_caller(caller));
                if (!refusal)
                    return py::none();
                Token token;
                token.type = Token::Type::error;
                token.error = refusal->first;
                token.data = refusal->second;
                return to_tuple(token);
            },
            py::arg("session"), py::arg("caller") = py::none(),
            "The error token that ended the stream, if there was one; each caller gets it once.")
        .def(
            "error", [](const Client &self) { return to_text(self.error()); },
            "The text of the last failure, or \"no error\".")
        .def("note", &Client::note, py::arg("text"), "Make error() return this.")
        .def("require_opened", by_reference<Client, &Client::require_opened>,
             "Raise RemctlNotOpenedError if no connection is open.")
        .def_property_readonly("opened", by_reference<const Client, &Client::opened>,
                               "True from a successful open to close.")
        .def_property_readonly(
            "server",
            [](const Client &self) -> py::object {
                const auto server = self.server();
                if (!server)
                    return py::none();
                const auto text = [](const std::string &value) -> py::object {
                    return value.empty() ? py::none() : py::object(to_text(value));
                };
                return py::make_tuple(text(server->host),
                                      server->port == 0 ? py::none()
                                                        : py::object(py::int_(server->port)),
                                      text(server->principal.value_or("")));
            },
            "(host, port, principal) of the last successful open, each of which may be None; None "
            "before that.")
        .def_property_readonly("pending", by_reference<const Client, &Client::pending>,
                               "True while a command's answer has not been read to its end.")
        .def_property_readonly("ready", by_reference<const Client, &Client::ready>,
                               "True if output() can return a token without waiting.")
        .def_property_readonly(
            "expires",
            [](const Client &self) -> py::object {
                const std::time_t moment = self.expires();
                if (moment == 0)
                    return py::none();
                return py::float_(static_cast<double>(moment));
            },
            "When the tickets expire that it was opened with, in seconds since 1970, or None.")
        .def("fileno", by_reference<const Client, &Client::descriptor>,
             "The connected socket's descriptor, or -1.");
    construct_in_new<Client>(connection_class);
    hand_out_when_gone(connection_class);
    forbid_copies(connection_class);
}

} // namespace pyremctl
