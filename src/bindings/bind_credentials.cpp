// Credentials, and the explanation of authentication failures.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <utility>

#include "bindings/convert.hpp"
#include "bindings/listeners.hpp"
#include "bindings/reactor_runner.hpp"
#include "bindings/registers.hpp"
#include "bindings/unlocked.hpp"
#include "bindings/whole.hpp"
#include "credentials/credentials.hpp"
#include "credentials/default_cache.hpp"
#include "credentials/explain.hpp"
#include "credentials/kerberos.hpp"
#include "credentials/ready.hpp"
#include "drivers/blocking.hpp"

namespace py = pybind11;

namespace pyremctl {

namespace {

using Shared = std::shared_ptr<Credentials>;

/// How long from_ccache() and from_keytab() may look at the file: they take no timeout.
constexpr auto first_look = std::chrono::milliseconds(200);

/// Renews with the blocking driver.
void renew(const Shared &self, py::handle timeout) {
    const auto deadline = to_deadline(timeout);
    listen(journal::Topic::credentials);
    told([&] {
        Unlocked unlocked;
        Call call({.inactivity = std::nullopt, .deadline = deadline}, thread_waker());
        BlockingDriver(*thread_waker(), unlocked).run(renew_now(self, call));
        return true;
    });
}

/// Renews as an operation of an event loop's reactor.
PythonReactor::SharedOperation renew_in(const Shared &self, PythonReactor &reactor,
                                        py::handle timeout) {
    const Limits limits{.inactivity = std::nullopt, .deadline = to_deadline(timeout)};
    listen(journal::Topic::credentials);
    return reactor.start(limits, [self](Call &call) { return renew_now(self, call); });
}

/// A non-empty name, or nothing for None.
std::optional<std::string> to_optional_name(py::handle value, const char *name) {
    auto text = to_optional_c_string(value, name);
    if (text && text->empty())
        throw py::value_error(std::string(name) + " must not be empty");
    return text;
}

/// Checks new credentials, unless the file is locked for too long: a later check does.
Shared looked_at(Shared credentials, Unlocked &unlocked) {
    Call call({.inactivity = std::nullopt, .deadline = Clock::now() + first_look}, thread_waker());
    try {
        BlockingDriver(*thread_waker(), unlocked).run(look_now(credentials, call));
    } catch (const Error &error) {
        if (error.kind() != ErrorKind::timeout)
            throw;
    }
    return credentials;
}

Shared from_keytab(py::handle keytab, py::handle principal) {
    const auto path = to_optional_name(keytab, "keytab");
    const auto name = to_optional_name(principal, "principal");
    Unlocked unlocked;
    return looked_at(Credentials::from_keytab(path, name), unlocked);
}

Shared from_unread_keytab(py::handle keytab) {
    const auto name = to_optional_name(keytab, "keytab");
    if (!name)
        throw py::type_error("keytab must not be None");
    return Credentials::from_keytab(name, std::nullopt);
}

Shared from_ccache(py::handle ccache) {
    auto name = to_optional_name(ccache, "name");
    if (!name)
        name = default_cache_of_this_thread().name;
    if (name->empty())
        throw Error(ErrorKind::local, "there is no default ticket cache: check krb5.conf");
    Unlocked unlocked;
    return looked_at(Credentials::from_ccache(*name), unlocked);
}

bool check_now(const Shared &self, py::handle timeout) {
    const auto deadline = to_deadline(timeout);
    return told([&] {
        Unlocked unlocked;
        Call call({.inactivity = std::nullopt, .deadline = deadline}, thread_waker());
        BlockingDriver(*thread_waker(), unlocked).run(look_now(self, call));
        return self->look().valid;
    });
}

PythonReactor::SharedOperation check_in(const Shared &self, PythonReactor &reactor,
                                        py::handle timeout) {
    const Limits limits{.inactivity = std::nullopt, .deadline = to_deadline(timeout)};
    const auto valid = [self]() -> py::object { return py::bool_(self->look().valid); };
    return reactor.start(limits, [self](Call &call) { return look_now(self, call); },
                         {.to_python = valid});
}

py::object to_optional_text(const std::optional<std::string> &text) {
    return text ? py::object(to_text(*text)) : py::none();
}

/// (name, principal, expires in seconds since 1970, valid)
py::tuple look(const Shared &self) {
    Unlocked unlocked;
    const Credentials::Facts facts = self->look();
    unlocked.relock();
    return py::make_tuple(to_optional_text(facts.name), to_optional_text(facts.principal),
                          facts.expires, facts.valid);
}

void close(const Shared &self) {
    const Unlocked unlocked;
    self->close();
}

py::object explain_to_python(py::handle failure, py::handle host, py::handle principal,
                             py::handle ccache) {
    const std::string text = to_c_string(failure, "failure");
    const Attempt attempt{.host = to_optional_c_string(host, "host").value_or(""),
                          .principal = to_optional_c_string(principal, "principal"),
                          .ccache = to_optional_c_string(ccache, "ccache")};
    Unlocked unlocked;
    const std::string sentence = explain(text, attempt).hint;
    unlocked.relock();
    return sentence.empty() ? py::none() : py::object(to_text(sentence));
}

} // namespace

void register_credentials(py::module_ &module) {
    py::class_<Credentials, Shared> credentials_class(
        module, "Credentials", "The source of tickets; implements remctl.Credentials.",
        py::is_final());
    credentials_class
        .def_static("from_keytab", &from_keytab, py::arg("keytab") = py::none(),
                    py::arg("principal") = py::none(), "Read a keytab.")
        .def_static("from_ccache", &from_ccache, py::arg("name") = py::none(),
                    "Use the tickets of a cache.")
        .def_static("from_unread_keytab", &from_unread_keytab, py::arg("keytab"),
                    "Use a keytab, which is read by the first renewal.")
        .def("look", &look, "The result of the last check: (name, principal, expires, valid).")
        .def("check", &check_now, py::arg("timeout") = py::none(),
             "Check the ticket within `timeout` seconds; returns whether it is valid.")
        .def("check_in", &check_in, py::arg("reactor"), py::arg("timeout"),
             "The same in an event loop: the operation.")
        .def("renew", &renew, py::arg("timeout") = py::none(),
             "Get a ticket within `timeout` seconds.")
        .def("renew_in", &renew_in, py::arg("reactor"), py::arg("timeout"),
             "The same in an event loop: the operation.")
        .def("close", &close, "Close: later opens cannot use it.")
        .def_property_readonly(
            "source", [](const Shared &self) { return to_text(self->source()); },
            "A readable description of the source.")
        .def_property_readonly(
            "closed", [](const Shared &self) { return self->closed(); }, "True after close().");
    forbid_new(credentials_class);
    forbid_copies(credentials_class);

    module.def(
        "absolute_name",
        [](py::handle name) {
            const auto full = kerberos::absolute_name(to_c_string(name, "name"));
            auto *text = PyUnicode_DecodeUTF8(full.data(), static_cast<py::ssize_t>(full.size()),
                                              "surrogateescape");
            if (text == nullptr)
                throw py::error_already_set();
            return py::reinterpret_steal<py::str>(text);
        },
        py::arg("name"),
        "The name of a ticket cache or a keytab, with a relative path in it made absolute.");
    module.def("explain", &explain_to_python, py::arg("failure"), py::arg("host"),
               py::arg("principal") = py::none(), py::arg("ccache") = py::none(),
               "One sentence that explains why authentication failed, or None.");
}

} // namespace pyremctl
