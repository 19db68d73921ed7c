// Who listens to the package's loggers, and what they hear.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <string>

#include "transport/journal.hpp"

namespace pyremctl {

/// Whether anybody listens to a topic at DEBUG. Nobody does before the program
/// has imported logging, and nothing is imported for the question. With the
/// interpreter lock.
bool listening(journal::Topic topic);

/// For a call that begins: has the journal keep what somebody listens to.
void listen(journal::Topic topic);

void hand_out_noted();

/// Gives Python's loggers what this thread has noted. With the interpreter lock.
///
/// What a handler raises goes to sys.unraisablehook; but what is no Exception
/// (KeyboardInterrupt) is raised. What a handler asks of remctl is not noted.
inline void hand_out() {
    if (!journal::empty())
        hand_out_noted();
}

/// Objects of this class, which is final, say when they are gone what there is
/// for the log. No Python runs there: the main thread hands it out soon after.
void hand_out_when_gone(pybind11::handle cls);

/// What a log may call a command: nothing where nobody listens. For a call that
/// begins, as listen().
std::optional<std::string> name_for_log(pybind11::handle arguments);

/// Carries a call out, and hands out what was noted of it, however it ends; the
/// interpreter lock is held before and after.
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
