// C++ failures as the exceptions of the package remctl.
#pragma once

#include <pybind11/pybind11.h>

#include "connection/connection.hpp"
#include "transport/error.hpp"

namespace pyremctl {

/// The exception for a failure: an instance of RemctlError or of a class of it.
pybind11::object to_exception(const Error &error);

/// The same after a run(), with what had come of its answer.
pybind11::object to_exception(const Error &error, Result &partial);

/// Raises an exception made by to_exception.
[[noreturn]] void raise(const pybind11::object &exception);

} // namespace pyremctl
