// Converts C++ errors to the exceptions of the package remctl.
#pragma once

#include <pybind11/pybind11.h>

#include "connection/connection.hpp"
#include "transport/error.hpp"

namespace pyremctl {

/// The exception for an error: an instance of RemctlError or of a subclass.
pybind11::object to_exception(const Error &error);

/// The same after a run(), with the part of its answer that has arrived.
pybind11::object to_exception(const Error &error, Result &partial);

/// Raises an exception made by to_exception.
[[noreturn]] void raise(const pybind11::object &exception);

} // namespace pyremctl
