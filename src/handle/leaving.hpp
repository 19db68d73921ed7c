// Keeps the process from exiting, or forking, in the middle of a call of libremctl or libkrb5.
//
// exit() runs the destructors of libkrb5 and libgssapi while other threads (Python's
// daemon threads and our helpers) continue. A thread inside such a library then finds
// its mutexes destroyed, and the library aborts.
#pragma once

namespace pyremctl {

/// Marks this thread as being inside libremctl for as long as the object lives. exit()
/// waits a moment for such threads; a thread that comes later never returns. A fork waits for
/// them too, and lets nobody in meanwhile: the child would inherit the library's locks.
class InLibrary {
  public:
    InLibrary() noexcept;
    InLibrary(const InLibrary &) = delete;
    InLibrary &operator=(const InLibrary &) = delete;
    InLibrary(InLibrary &&) = delete;
    InLibrary &operator=(InLibrary &&) = delete;
    ~InLibrary();
};

/// Marks a call in which libremctl waits for the server's socket itself. exit() shuts the
/// socket down, which ends the call: otherwise the server's answer might wake it when the
/// libraries are gone. Needs the socket for as long as it lives.
class WaitingForServer {
  public:
    explicit WaitingForServer(int socket) noexcept;
    WaitingForServer(const WaitingForServer &) = delete;
    WaitingForServer &operator=(const WaitingForServer &) = delete;
    WaitingForServer(WaitingForServer &&) = delete;
    WaitingForServer &operator=(WaitingForServer &&) = delete;
    ~WaitingForServer();

  private:
    friend struct ServersSockets;

    int socket_;
    unsigned generation_;
    WaitingForServer *previous_ = nullptr;
    WaitingForServer *next_ = nullptr;
};

/// Once the process is exiting, this never returns, except in the thread that runs
/// exit(). Call it before anything that would wake another thread inside libremctl.
void stay_if_leaving() noexcept;

} // namespace pyremctl
