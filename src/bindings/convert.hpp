// Arguments from Python, checked and named; results to Python.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "connection/connection.hpp"

namespace pyremctl {

/// A str (UTF-8, surrogate escapes restored) or bytes that will be a C string.
/// TypeError for another type, ValueError for a NUL inside; both name it.
std::string to_c_string(pybind11::handle value, const char *name);

/// The same, or nothing for None.
std::optional<std::string> to_optional_c_string(pybind11::handle value, const char *name);

/// A port number, 0 to 65535; 0 for the default.
std::uint16_t to_port(pybind11::handle value);

/// Seconds from a float or int; nothing for None and 0. TypeError where it is
/// no number; Error, as the manual wants it, where it is negative.
std::optional<Duration> to_duration(pybind11::handle value, const char *name);

/// An address to connect from. ValueError where it is no address in digits.
std::string to_source(pybind11::handle value);

/// A list of bytes as a command, and the references that keep it alive.
struct HeldCommand {
    /// TypeError where it is no list of bytes, ValueError where it is empty.
    explicit HeldCommand(pybind11::handle list);

    std::vector<pybind11::bytes> arguments;
    Command command;
};

/// A token as (type, output, stream, status, error), None where the manual has
/// none. Copies the data, once.
pybind11::tuple to_tuple(const Token &token);

/// A whole answer as (stdout, stderr, status, error, error text).
pybind11::tuple to_tuple(const Result &result);

/// Bytes, or None for nothing.
pybind11::object to_bytes(const std::optional<std::string> &data);

/// Text from a server, or from libkrb5 in whatever the locale is.
pybind11::str to_text(std::string_view text);

} // namespace pyremctl
