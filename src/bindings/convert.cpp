#include "bindings/convert.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>

#include "transport/error.hpp"

namespace py = pybind11;

namespace pyremctl {

namespace {

std::string type_name(py::handle value) { return Py_TYPE(value.ptr())->tp_name; }

constexpr double longest_timeout = 1e9; // seconds; what is longer is for ever

double to_seconds(py::handle value, const char *name) {
    const double seconds = PyFloat_AsDouble(value.ptr());
    if (seconds != -1.0 || PyErr_Occurred() == nullptr)
        return seconds;
    if (PyErr_ExceptionMatches(PyExc_OverflowError) != 0) { // an int too large for a float
        PyErr_Clear();
        return value < py::int_(0) ? -HUGE_VAL : HUGE_VAL;
    }
    if (PyErr_ExceptionMatches(PyExc_TypeError) != 0) {
        PyErr_Clear();
        throw py::type_error(std::string(name) + " must be a number of seconds, not " +
                             type_name(value));
    }
    throw py::error_already_set();
}

} // namespace

std::string to_c_string(py::handle value, const char *name) {
    py::object bytes;
    if (py::isinstance<py::str>(value))
        bytes = py::reinterpret_steal<py::object>(
            PyUnicode_AsEncodedString(value.ptr(), "utf-8", "surrogateescape"));
    else if (py::isinstance<py::bytes>(value))
        bytes = py::reinterpret_borrow<py::object>(value);
    else
        throw py::type_error(std::string(name) + " must be a str, not " + type_name(value));
    if (!bytes) {
        PyErr_Clear();
        throw py::value_error(std::string(name) + " cannot be encoded as UTF-8: " +
                              py::repr(value).cast<std::string>());
    }
    auto text = bytes.cast<std::string>();
    if (text.find('\0') != std::string::npos)
        throw py::value_error(std::string(name) + " must not contain a NUL character");
    return text;
}

std::optional<std::string> to_optional_c_string(py::handle value, const char *name) {
    if (value.is_none())
        return std::nullopt;
    return to_c_string(value, name);
}

std::uint16_t to_port(py::handle value) {
    if (!PyLong_Check(value.ptr()))
        throw py::type_error("port must be an int, not " + type_name(value));
    int overflow = 0;
    const long port = PyLong_AsLongAndOverflow(value.ptr(), &overflow);
    if (overflow != 0 || port < 0 || port > 65535)
        throw py::value_error("invalid port number: " + py::repr(value).cast<std::string>());
    return static_cast<std::uint16_t>(port);
}

std::optional<Duration> to_duration(py::handle value, const char *name) {
    if (value.is_none())
        return std::nullopt;
    const double seconds = to_seconds(value, name);
    if (std::isnan(seconds) || seconds < 0)
        throw Error("invalid " + std::string(name) + " " + py::repr(value).cast<std::string>());
    if (seconds == 0)
        return std::nullopt;
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(std::min(seconds, longest_timeout)));
}

std::string to_source(py::handle value) {
    auto source = to_c_string(value, "source");
    if (!is_source(source))
        throw py::value_error("source must be an IPv4 or IPv6 address: " +
                              py::repr(value).cast<std::string>());
    return source;
}

HeldCommand::HeldCommand(py::handle list) {
    if (!PyList_Check(list.ptr()))
        throw py::type_error("command must be a list of bytes, not " + type_name(list));
    // The list may change under us from now on; what is in the copy does not.
    const auto items = py::reinterpret_steal<py::tuple>(PyList_AsTuple(list.ptr()));
    if (!items)
        throw py::error_already_set();
    if (items.empty())
        throw py::value_error("command must not be empty");
    arguments.reserve(items.size());
    command.reserve(items.size());
    for (const py::handle item : items) {
        if (!PyBytes_Check(item.ptr()))
            throw py::type_error("command must be a list of bytes, not of " + type_name(item));
        arguments.push_back(py::reinterpret_borrow<py::bytes>(item));
        command.push_back({PyBytes_AS_STRING(item.ptr()),
                           static_cast<std::size_t>(PyBytes_GET_SIZE(item.ptr()))});
    }
}

py::tuple to_tuple(const Token &token) {
    const py::bytes data(token.data.data(), token.data.size());
    switch (token.type) {
    case Token::Type::output:
        return py::make_tuple("output", data, token.stream, py::none(), py::none());
    case Token::Type::status:
        return py::make_tuple("status", py::none(), py::none(), token.status, py::none());
    case Token::Type::error:
        return py::make_tuple("error", data, py::none(), py::none(), token.error);
    case Token::Type::done:
        break;
    }
    return py::make_tuple("done", py::none(), py::none(), py::none(), py::none());
}

py::object to_bytes(const std::optional<std::string> &data) {
    if (!data)
        return py::none();
    return py::bytes(*data);
}

py::tuple to_tuple(const Result &result) {
    return py::make_tuple(to_bytes(result.stdout_data), to_bytes(result.stderr_data), result.status,
                          result.error, to_text(result.error_text));
}

py::str to_text(std::string_view text) {
    auto *decoded = PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()),
                                         "backslashreplace");
    if (decoded == nullptr)
        throw py::error_already_set();
    return py::reinterpret_steal<py::str>(decoded);
}

} // namespace pyremctl
