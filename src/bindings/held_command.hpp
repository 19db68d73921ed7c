// A command that lies in Python's memory.
#pragma once

#include <pybind11/pybind11.h>

#include "connection/connection.hpp"

namespace pyremctl {

/// A list of buffers (bytes, memoryview, mmap, ...) as a command, without a
/// copy; it holds them for as long as anybody has a share in it. TypeError
/// where it is no list of buffers, ValueError where it is empty.
///
/// Shares may be given back in any thread and without the interpreter lock: the
/// buffers are then released by the next call that has it.
SharedCommand hold_command(pybind11::handle list);

/// Releases the buffers of commands that were given back without the lock.
void release_held() noexcept;

} // namespace pyremctl
