// A command in Python's memory.
#pragma once

#include <pybind11/pybind11.h>

#include "connection/connection.hpp"

namespace pyremctl {

/// A list of buffers (bytes, memoryview, mmap, ...) as a command, without a copy. The
/// command holds the buffers while any share of it exists. TypeError if it is not a
/// list of buffers, ValueError if it is empty.
///
/// Shares may be dropped in any thread and without the interpreter lock: the next call
/// that holds the lock releases the buffers.
SharedCommand hold_command(pybind11::handle list);

/// Releases the buffers of commands that were dropped without the lock.
void release_held() noexcept;

} // namespace pyremctl
