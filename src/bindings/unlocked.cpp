#include "bindings/unlocked.hpp"

#include <unistd.h>

#include <atomic>

#include "bindings/listeners.hpp"
#include "transport/journal.hpp"
#include "transport/process.hpp"

namespace py = pybind11;

namespace pyremctl {

bool finalizing() noexcept {
#if PY_VERSION_HEX >= 0x030D0000
    return Py_IsFinalizing() != 0;
#else
    return _Py_IsFinalizing() != 0;
#endif
}

namespace {

// A signal normally interrupts the wait itself. A signal that arrives between the check
// and the wait, or in another thread, is seen after at most this long.
constexpr auto signal_slice = std::chrono::milliseconds(40);

/// The identifier of the main thread; 0 if this thread is another one. The module that
/// knows it is not loaded for this: that takes about as long as a call, and before
/// Python 3.13 the thread that loads it becomes the main one. Without it, the main
/// thread is the process's first one, or in the child of a fork the one that forked.
unsigned long main_thread_identifier() {
    const auto threading =
        py::reinterpret_steal<py::object>(PyImport_GetModule(py::str("threading").ptr()));
    if (threading)
        return threading.attr("main_thread")().attr("ident").cast<unsigned long>();
    if (PyErr_Occurred() != nullptr)
        throw py::error_already_set();
    return thread_number() == ::getpid() ? PyThread_get_thread_ident() : 0;
}

/// True in the thread that runs Python's signal handlers. It is looked up once per
/// process: a fork may make another thread the main one.
bool on_main_thread() {
    // A sub-interpreter has a main thread of its own, which gets no signals.
    if (PyInterpreterState_Get() != PyInterpreterState_Main())
        return false;
    // At shutdown only the main thread runs, and nothing can be imported.
    if (finalizing())
        return true;
    static std::atomic<unsigned long> main_thread{0};
    static std::atomic<unsigned> generation{0};
    if (main_thread.load() == 0 || generation.load() != fork_generation()) {
        main_thread = main_thread_identifier();
        generation = fork_generation();
    }
    return PyThread_get_thread_ident() == main_thread.load();
}

[[noreturn]] void park() noexcept {
    for (;;)
        ::pause();
}

} // namespace

Unlocked::Unlocked() : main_(on_main_thread()), state_(PyEval_SaveThread()) {}

Unlocked::~Unlocked() { relock(); }

void Unlocked::relock() noexcept {
    if (state_ == nullptr)
        return;
    // The main thread runs the shutdown, and may make calls during it.
    if (!main_ && finalizing())
        park();
    try {
        PyEval_RestoreThread(state_);
    } catch (...) {
        // Before Python 3.14, taking the lock ends the thread, which C++ sees as an
        // exception that must not be caught and dropped.
        park();
    }
    state_ = nullptr;
}

void Unlocked::check() {
    relock();
    if (finalizing())
        note_end_of_threads();
    if (PyErr_CheckSignals() != 0)
        throw py::error_already_set();
    state_ = PyEval_SaveThread();
}

void Unlocked::about_to_wait() {
    if (journal::empty())
        return;
    relock();
    hand_out();
    state_ = PyEval_SaveThread();
}

std::optional<Duration> Unlocked::slice() const {
    if (main_)
        return signal_slice;
    return std::nullopt;
}

} // namespace pyremctl
