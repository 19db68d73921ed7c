#include "bindings/convert.hpp"

#include <pybind11/gil_safe_call_once.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "bindings/errors.hpp"
#include "transport/error.hpp"

namespace py = pybind11;

namespace pyremctl {

namespace {

std::string type_name(py::handle value) { return Py_TYPE(value.ptr())->tp_name; }

/// Encodes a text that may contain lone surrogates.
std::string to_utf8(const py::str &text) {
    const auto bytes = py::reinterpret_steal<py::bytes>(
        PyUnicode_AsEncodedString(text.ptr(), "utf-8", "backslashreplace"));
    if (!bytes)
        throw py::error_already_set();
    return bytes;
}

/// The names of token types as Python strings, created once.
struct TokenTypes {
    py::str output = interned("output");
    py::str status = interned("status");
    py::str error = interned("error");
    py::str done = interned("done");

  private:
    static py::str interned(const char *text) {
        auto *made = PyUnicode_InternFromString(text);
        if (made == nullptr)
            throw py::error_already_set();
        return py::reinterpret_steal<py::str>(made);
    }
};

const TokenTypes &token_types() {
    PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<TokenTypes> once;
    return once.call_once_and_store_result([] { return TokenTypes(); }).get_stored();
}

constexpr double longest_timeout = 1e9; // seconds; longer means no limit

double to_seconds(py::handle value, const char *name) {
    const double seconds = PyFloat_AsDouble(value.ptr());
    if (seconds != -1.0 || PyErr_Occurred() == nullptr)
        return seconds;
    if (PyErr_ExceptionMatches(PyExc_OverflowError) != 0) { // an int is too large for a float
        PyErr_Clear();
        return value < py::int_(0) ? -HUGE_VAL : HUGE_VAL;
    }
    if (PyErr_ExceptionMatches(PyExc_TypeError) != 0) {
        PyErr_Clear();
        throw py::type_error(std::string(name) + " must be a number of seconds, not " +
                             type_name(value));
    }
    if (PyErr_ExceptionMatches(PyExc_ValueError) != 0) { // for example a signalling NaN of decimal
        py::error_already_set error;
        const std::string why = to_utf8(py::str(error.value()));
        py::raise_from(error, PyExc_ValueError,
                       (std::string(name) + " must be a number of seconds: " + why).c_str());
    }
    throw py::error_already_set();
}

} // namespace

std::string shown(py::handle value) { return to_utf8(py::repr(value)); }

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
        throw py::value_error(std::string(name) + " cannot be encoded as UTF-8: " + shown(value));
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
        throw py::value_error("invalid port number: " + shown(value));
    return static_cast<std::uint16_t>(port);
}

std::optional<Duration> to_duration(py::handle value, const char *name) {
    if (value.is_none())
        return std::nullopt;
    const double seconds = to_seconds(value, name);
    if (std::isnan(seconds) || seconds < 0)
        throw Error(ErrorKind::misuse, "invalid " + std::string(name) + " " + shown(value));
    if (seconds == 0)
        return std::nullopt;
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(std::min(seconds, longest_timeout)));
}

std::string to_source(py::handle value) {
    auto source = to_c_string(value, "source");
    if (!is_source(source))
        throw py::value_error("source must be an IPv4 or IPv6 address: " + shown(value));
    return source;
}

std::optional<Time> to_deadline(py::handle value) {
    if (value.is_none())
        return std::nullopt;
    const double seconds = to_seconds(value, "timeout");
    if (std::isnan(seconds))
        throw py::value_error("timeout must be a number of seconds, not nan");
    if (seconds <= 0)
        return Time::min();
    if (seconds >= longest_timeout)
        return std::nullopt;
    return Clock::now() +
           std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

py::tuple to_tuple(const Token &token) {
    const TokenTypes &types = token_types();
    const py::bytes data(token.data.data(), token.data.size());
    switch (token.type) {
    case Token::Type::output:
        return py::make_tuple(types.output, data, token.stream, py::none(), py::none());
    case Token::Type::status:
        return py::make_tuple(types.status, py::none(), py::none(), token.status, py::none());
    case Token::Type::error:
        return py::make_tuple(types.error, data, py::none(), py::none(), token.error);
    case Token::Type::done:
        break;
    }
    return py::make_tuple(types.done, py::none(), py::none(), py::none(), py::none());
}

py::list to_list(OwnedTokens &tokens, const Token &only) {
    py::list list;
    if (tokens.tokens.empty())
        list.append(to_tuple(only));
    for (OwnedTokens::One &one : tokens.tokens) {
        one.token.data = one.data;
        list.append(to_tuple(one.token));
        one.data = {};
    }
    return list;
}

std::size_t PythonOutput::Stream::move(std::optional<Pieces> &data, std::size_t most) {
    if (!data)
        return most;
    if (!bytes_) {
        bytes_ = py::reinterpret_steal<py::object>(
            PyBytes_FromStringAndSize(nullptr, static_cast<py::ssize_t>(data->size())));
        if (!bytes_)
            throw py::error_already_set();
    }
    const std::size_t moved = data->move_to(PyBytes_AS_STRING(bytes_.ptr()) + filled_, most);
    filled_ += moved;
    if (data->size() == 0)
        data.reset();
    return most - moved;
}

void PythonOutput::move(Result &result, std::size_t most) {
    stderr_.move(result.stderr_data, stdout_.move(result.stdout_data, most));
}

bool PythonOutput::is_short(const Result &result) noexcept {
    const auto size = [](const std::optional<Pieces> &data) { return data ? data->size() : 0; };
    return size(result.stdout_data) + size(result.stderr_data) <= step;
}

py::tuple PythonOutput::to_tuple(Result &result) {
    move(result, std::numeric_limits<std::size_t>::max());
    return py::make_tuple(stdout_.take(), stderr_.take(), result.status, result.error,
                          to_text(result.error_text));
}

py::str to_text(std::string_view text) {
    auto *decoded = PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()),
                                         "backslashreplace");
    if (decoded == nullptr)
        throw py::error_already_set();
    return py::reinterpret_steal<py::str>(decoded);
}

} // namespace pyremctl
