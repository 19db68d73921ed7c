// The end of the process, which must not come in the middle of a call of
// libremctl's.
//
// exit() runs the destructors of libkrb5 and libgssapi while other threads,
// Python's daemons and our helpers, go on: one that is in such a library then
// finds its mutexes destroyed, and the library aborts.
#pragma once

namespace pyremctl {

/// Marks this thread as being in libremctl for as long as it lives. exit()
/// waits a moment for those that are; one that comes later never returns.
class InLibrary {
  public:
    InLibrary() noexcept;
    InLibrary(const InLibrary &) = delete;
    InLibrary &operator=(const InLibrary &) = delete;
    InLibrary(InLibrary &&) = delete;
    InLibrary &operator=(InLibrary &&) = delete;
    ~InLibrary();
};

/// Never returns once the process is leaving, save to the thread that ends it.
/// For what would wake another thread that waits inside libremctl.
void stay_if_leaving() noexcept;

} // namespace pyremctl
