// Checks and converts arguments from Python, and converts results to Python.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "connection/connection.hpp"

namespace pyremctl {

/// A value as shown in a message, even if its repr() fails.
std::string shown(pybind11::handle value);

/// A str (UTF-8, surrogate escapes restored) or bytes as a C string. TypeError for
/// another type, ValueError for a NUL inside; both messages contain `name`.
std::string to_c_string(pybind11::handle value, const char *name);

/// The same, or nothing for None.
std::optional<std::string> to_optional_c_string(pybind11::handle value, const char *name);

/// A port number, 0 to 65535; 0 for the default.
std::uint16_t to_port(pybind11::handle value);

/// Seconds from a float or int; nothing for None and 0. TypeError if it is not a
/// number; Error, as the manual says, if it is negative.
std::optional<Duration> to_duration(pybind11::handle value, const char *name);

/// The deadline of a call that starts now and may take this many seconds: nothing for
/// None, a time in the past for 0 or less. TypeError if it is not a number, ValueError
/// for NaN.
std::optional<Time> to_deadline(pybind11::handle value);

/// An address to connect from. ValueError if it is not a numeric address.
std::string to_source(pybind11::handle value);

/// A token as (type, output, stream, status, error), with None where the manual says
/// so. Copies the data once.
pybind11::tuple to_tuple(const Token &token);

/// Tokens as a list of such tuples. If there are none, the list has `only`.
pybind11::list to_list(OwnedTokens &tokens, const Token &only);

/// An answer's output as Python's bytes. A long output is moved into them step by step,
/// so that an event loop does not stand still for it.
class PythonOutput {
  public:
    /// True if the output that is left can be moved in one step.
    static bool is_short(const Result &result) noexcept;

    /// Moves about a millisecond's worth. Call it again with the same answer.
    void move_some(Result &result) { move(result, step); }

    /// A whole answer as (stdout, stderr, status, error, error text), after moving what
    /// is left.
    pybind11::tuple to_tuple(Result &result);

  private:
    static constexpr std::size_t step = 2UL * 1024 * 1024;

    /// One stream.
    class Stream {
      public:
        /// Moves at most `most` bytes, and returns how many are left of `most`.
        std::size_t move(std::optional<Pieces> &data, std::size_t most);

        /// Bytes, or None for nothing.
        pybind11::object take() { return bytes_ ? std::move(bytes_) : pybind11::none(); }

      private:
        pybind11::object bytes_;
        std::size_t filled_ = 0;
    };

    void move(Result &result, std::size_t most);

    Stream stdout_;
    Stream stderr_;
};

/// A whole answer as (stdout, stderr, status, error, error text). The data is moved out
/// of it.
inline pybind11::tuple to_tuple(Result &result) { return PythonOutput().to_tuple(result); }

/// Text from a server or from libkrb5, in any encoding.
pybind11::str to_text(std::string_view text);

} // namespace pyremctl
