// The C API, one to one: statuses are returned, not raised.
#include <pybind11/pybind11.h>
#include <structseq.h>

#include <memory>
#include <utility>

#include "bindings/blocking_runner.hpp"
#include "bindings/convert.hpp"
#include "bindings/registers.hpp"
#include "bindings/unlocked.hpp"
#include "bindings/verbs.hpp"
#include "bindings/whole.hpp"
#include "drivers/client.hpp"
#include "transport/error.hpp"
#include "transport/process.hpp"

namespace py = pybind11;

namespace pyremctl {

namespace {

/// The object that remctl_new() returns. Every call on a closed one fails.
class LowlevelHandle {
  public:
    /// The caller's shared pointer keeps the client alive if another thread closes the
    /// handle.
    verbs::SharedClient get() const {
        const StateLock lock(client_.get());
        if (closed_)
            throw py::value_error("the remctl handle is closed");
        return client_;
    }

    verbs::SharedClient take() {
        const StateLock lock(client_.get());
        if (std::exchange(closed_, true))
            throw py::value_error("the remctl handle is closed");
        return client_;
    }

  private:
    verbs::SharedClient client_ = std::make_shared<Client>();
    bool closed_ = false;
};

// It has no state.
BlockingRunner runner; // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

/// Calls a verb and returns libremctl's status for it.
template <class Verb> bool status_of(const LowlevelHandle &handle, Verb verb) {
    const auto client = handle.get();
    try {
        verb(client);
    } catch (const Error &error) {
        client->note(error.what());
        return false;
    }
    return true;
}

bool remctl_open(const LowlevelHandle &handle, py::handle host, py::handle port,
                 py::handle principal) {
    return status_of(handle, [&](const auto &client) {
        verbs::open(runner, client, host, port, principal, py::none());
    });
}

bool remctl_open_fd(const LowlevelHandle &handle, py::handle host, int descriptor,
                    py::handle principal) {
    return status_of(handle, [&](const auto &client) {
        verbs::open_descriptor(runner, client, descriptor, host, principal, py::none());
    });
}

bool remctl_open_sockaddr(const LowlevelHandle &handle, py::handle host, py::handle address,
                          py::handle principal) {
    return status_of(handle, [&](const auto &client) {
        verbs::open_address(runner, client, address, host, principal);
    });
}

bool remctl_commandv(const LowlevelHandle &handle, py::handle list) {
    return status_of(handle,
                     [&](const auto &client) { verbs::command(runner, client, list, py::none()); });
}

bool remctl_set_timeout(const LowlevelHandle &handle, py::handle timeout) {
    return status_of(
        handle, [&](const auto &client) { client->set_timeout(to_duration(timeout, "timeout")); });
}

bool remctl_noop(const LowlevelHandle &handle) {
    bool answered = false;
    return status_of(handle,
                     [&](const auto &client) {
                         answered = verbs::noop(runner, client, py::none()).template cast<bool>();
                     }) &&
           answered;
}

/// An Output, or an empty tuple on failure.
py::tuple remctl_output(const LowlevelHandle &handle, const py::object &type) {
    py::tuple token;
    status_of(handle,
              [&](const auto &client) { token = type(output(client, nullptr, py::none())); });
    return token;
}

/// The simple call: (error, stdout, stderr, status).
py::tuple simple_call(py::handle host, py::handle port, py::handle principal, py::handle list) {
    const auto checked = hold_command(list); // fails before anything is sent
    const auto client = std::make_shared<Client>();
    try {
        verbs::open(runner, client, host, port, principal, py::none());
        const py::tuple result = py::tuple(verbs::run(runner, client, list, py::none()));
        const bool refused = !result[3].is_none();
        return py::make_tuple(refused ? py::object(result[4]) : py::none(), result[0], result[1],
                              result[2].is_none() ? py::object(py::int_(0))
                                                  : py::object(result[2]));
    } catch (const Error &error) {
        return py::make_tuple(to_text(error.what()), py::none(), py::none(), 0);
    }
}

void remctl_close(LowlevelHandle &handle) {
    const auto client = handle.take();
    {
        const Unlocked unlocked;
        client->close();
    }
    hand_out();
}

/// A struct sequence: a tuple whose members have names.
py::object output_type() {
    static PyStructSequence_Field fields[] = {
        {"type", R"("output", "status", "error" or "done")"},
        {"output", "bytes of output, or the error's text; else None"},
        {"stream", "1 for standard output, 2 for standard error; else None"},
        {"status", "exit status, 0 to 255; else None"},
        {"error", "the protocol's error code; else None"},
        {nullptr, nullptr},
    };
    static PyStructSequence_Desc description = {
        "remctl._remctl.Output", "A token of output, as remctl_output returns it.", fields, 5};
    auto *type = PyStructSequence_NewType(&description);
    if (type == nullptr)
        throw py::error_already_set();
    return py::reinterpret_steal<py::object>(reinterpret_cast<PyObject *>(type));
}

} // namespace

void register_lowlevel(py::module_ &module) {
    const py::object output = output_type();
    module.attr("Output") = output;

    py::class_<LowlevelHandle> handle_class(
        module, "Handle",
        "An opaque handle, from remctl_new(). Once it is closed every "
        "call on it raises ValueError.",
        py::is_final());
    forbid_new(handle_class);
    hand_out_when_gone(handle_class);
    forbid_copies(handle_class);

    module.def("remctl_new", [] { return LowlevelHandle(); }, "A new handle, not connected.");
    module.def("remctl", &simple_call, py::arg("host"), py::arg("port"), py::arg("principal"),
               py::arg("command"),
               "Run one command: (error, stdout, stderr, status). error is None or a text.");
    module.def(
        "remctl_set_ccache",
        [](const LowlevelHandle &handle, py::handle ccache) {
            handle.get()->set_ccache(to_c_string(ccache, "ccache"));
            return true;
        },
        py::arg("r"), py::arg("ccache"), "Set the credential cache for later opens.");
    module.def(
        "remctl_set_source_ip",
        [](const LowlevelHandle &handle, py::handle source) {
            handle.get()->set_source_ip(to_source(source));
            return true;
        },
        py::arg("r"), py::arg("source"), "Set the address to connect from.");
    module.def("remctl_set_timeout", &remctl_set_timeout, py::arg("r"), py::arg("timeout"),
               "Set the longest silence in seconds, 0 for no limit; False if it is negative.");
    module.def("remctl_open", &remctl_open, py::arg("r"), py::arg("host"), py::arg("port") = 0,
               py::arg("principal") = py::none(), "Connect and authenticate.");
    module.def("remctl_open_fd", &remctl_open_fd, py::arg("r"), py::arg("host"), py::arg("fd"),
               py::arg("principal") = py::none(),
               "Authenticate over a connected socket; a duplicate of fd is used.");
    module.def("remctl_open_sockaddr", &remctl_open_sockaddr, py::arg("r"), py::arg("host"),
               py::arg("address"), py::arg("principal") = py::none(),
               "Connect to (address in digits, port) and authenticate.");
    module.def("remctl_command", &remctl_commandv, py::arg("r"), py::arg("command"),
               "Send a command, a list of bytes; the same as remctl_commandv.");
    module.def("remctl_commandv", &remctl_commandv, py::arg("r"), py::arg("command"),
               "Send a command, a list of bytes.");
    module.def(
        "remctl_output",
        [output](const LowlevelHandle &handle) { return remctl_output(handle, output); },
        py::arg("r"), "Read a token; an empty tuple on failure.");
    module.def(
        "remctl_noop", &remctl_noop, py::arg("r"),
        "Keep the connection alive; False if that failed or the server does not support NOOP.");
    module.def("remctl_close", &remctl_close, py::arg("r"), "Close the handle for good.");
    module.def(
        "remctl_error", [](const LowlevelHandle &handle) { return to_text(handle.get()->error()); },
        py::arg("r"), "The text of the last failure, or \"no error\".");
}

} // namespace pyremctl
