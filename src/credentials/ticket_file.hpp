// Tickets in a file of our own, for programs that this one starts.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "credentials/lease.hpp"

namespace pyremctl {

/// A FILE: ticket cache (mode 0600) in a folder that only this user may enter,
/// below $TMPDIR or /tmp. Both go with the object, but for the child of a fork,
/// where they are the parent's.
class TicketFile {
  public:
    /// Makes the folder. Throws Error.
    TicketFile();
    TicketFile(const TicketFile &) = delete;
    TicketFile &operator=(const TicketFile &) = delete;
    TicketFile(TicketFile &&) = delete;
    TicketFile &operator=(TicketFile &&) = delete;
    ~TicketFile() { remove(); }

    /// Copies the tickets of a cache into the file, which is replaced at once: a
    /// reader finds the old tickets or the new ones. For a helper thread.
    /// Throws Error. After remove() it does nothing.
    void write(const Lease &lease);

    /// Removes the file and its folder. A write() on its way in another thread is
    /// not waited for: it removes them when it is done.
    void remove() noexcept;

    /// The cache's name: "FILE:/tmp/remctl-tickets-a1b2c3/cache".
    std::string name() const { return "FILE:" + path("cache"); }

  private:
    void replace(const Lease &lease);
    void unlink_all() noexcept;
    std::string path(const char *file) const { return folder_ + '/' + file; }

    const unsigned generation_;
    std::string folder_;
    std::mutex mutex_; // held while the file is written or removed
    std::atomic<bool> removed_{false};
};

} // namespace pyremctl
