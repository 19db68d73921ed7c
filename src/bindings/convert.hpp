// Arguments from Python, checked and named; results to Python.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "connection/connection.hpp"

namespace pyremctl {

/// A value as a message shows it, whatever its repr() is.
std::string shown(pybind11::handle value);

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

/// When a call has to end that begins now and may take so many seconds:
/// nothing for None, a moment that is past for 0 and less. TypeError where it
/// is no number, ValueError where it is not one to compare with.
std::optional<Time> to_deadline(pybind11::handle value);

/// An address to connect from. ValueError where it is no address in digits.
std::string to_source(pybind11::handle value);

/// A token as (type, output, stream, status, error), None where the manual has
/// none. Copies the data, once.
pybind11::tuple to_tuple(const Token &token);

/// Tokens as a list of such tuples. Without any it is the one that is given.
pybind11::list to_list(OwnedTokens &tokens, const Token &only);

/// A whole answer as (stdout, stderr, status, error, error text); its data is
/// moved out.
pybind11::tuple to_tuple(Result &result);

/// Text from a server, or from libkrb5 in whatever the locale is.
pybind11::str to_text(std::string_view text);

} // namespace pyremctl
