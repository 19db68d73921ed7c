// Tickets in a private file, for child processes.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "credentials/lease.hpp"

namespace pyremctl {

/// A FILE: ticket cache (mode 0600) in a private directory below $TMPDIR or /tmp. The
/// destructor removes both, except in the child of a fork, where they belong to the
/// parent.
class TicketFile {
  public:
    /// Creates the directory. Throws Error.
    TicketFile();
    TicketFile(const TicketFile &) = delete;
    TicketFile &operator=(const TicketFile &) = delete;
    TicketFile(TicketFile &&) = delete;
    TicketFile &operator=(TicketFile &&) = delete;
    ~TicketFile() { remove(); }

    /// Copies the tickets of a cache into the file, which is replaced atomically: a
    /// reader finds either the old tickets or the new ones. Call it on a helper thread.
    /// Throws Error. After remove() it does nothing.
    void write(const Lease &lease);

    /// Removes the file and its directory. It does not wait for a write() in another
    /// thread, which removes them when it is done.
    void remove() noexcept;

    /// The cache's name: "FILE:/tmp/remctl-tickets-a1b2c3/cache".
    std::string name() const { return "FILE:" + path("cache"); }

  private:
    void replace(const Lease &lease);
    void unlink_all() noexcept;
    std::string path(const char *file) const { return folder_ + '/' + file; }

    const unsigned generation_;
    std::string folder_;
    std::mutex mutex_; // locked while the file is written or removed
    std::atomic<bool> removed_{false};
};

} // namespace pyremctl
