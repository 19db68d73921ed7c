// Keeps the process from exiting in the middle of a call of libremctl.
//
// exit() runs the destructors of libkrb5 and libgssapi while other threads (Python's
// daemon threads and our helpers) continue. A thread inside such a library then finds
// its mutexes destroyed, and the library aborts.
#pragma once

namespace pyremctl {

/// Marks this thread as being inside libremctl for as long as the object lives. exit()
/// waits a moment for such threads; a thread that comes later never returns.
class InLibrary {
  public:
    InLibrary() noexcept;
    InLibrary(const InLibrary &) = delete;
    InLibrary &operator=(const InLibrary &) = delete;
    InLibrary(InLibrary &&) = delete;
    InLibrary &operator=(InLibrary &&) = delete;
    ~InLibrary();
};

/// Once the process is exiting, this never returns, except in the thread that runs
/// exit(). Call it before anything that would wake another thread inside libremctl.
void stay_if_leaving() noexcept;

} // namespace pyremctl
