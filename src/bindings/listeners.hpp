// Passes log entries to the package's Python loggers, if these are enabled.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <string>

#include "transport/journal.hpp"

namespace pyremctl {

/// Whether a topic's logger is enabled for DEBUG. It is not before the program has
/// imported logging, and this imports nothing. Needs the interpreter lock.
bool listening(journal::Topic topic);

/// Called when a call starts: the journal notes a topic only if its logger is enabled.
void listen(journal::Topic topic);

void hand_out_noted();

/// Passes this thread's notes to Python's loggers. Needs the interpreter lock.
///
/// An Exception of a handler goes to sys.unraisablehook; others (KeyboardInterrupt) are
/// raised. Calls that a handler makes to remctl are not noted.
inline void hand_out() {
    if (!journal::empty())
        hand_out_noted();
}

/// When an object of this final class is destroyed, its notes are logged. No Python
/// code runs in the destructor: the main thread logs them soon after.
void hand_out_when_gone(pybind11::handle cls);

/// The command's name for the log, or nothing if the logger is not enabled. Call it
/// when a call starts, like listen().
std::optional<std::string> name_for_log(pybind11::handle arguments);

/// Runs a call and then logs its notes, however it ends. The interpreter lock is held
/// before and after.
template <class Work> auto told(Work work) {
    try {
        auto result = work();
        hand_out();
        return result;
    } catch (...) {
        hand_out();
        throw;
    }
}

} // namespace pyremctl
