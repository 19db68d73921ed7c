// The one owner of a libremctl handle: a method for each C function.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "transport/descriptor.hpp"

// libremctl has functions and structs of the same names; the structs are
// written with their keyword.
struct remctl;
struct remctl_output;

namespace pyremctl {

/// A command: its arguments by address and length (remctl_commandv).
using Command = std::vector<iovec>;

/// Owns a `struct remctl`. Each is opened once: libremctl's own second open
/// on a handle leaks the first security context, and after a failure leaves a
/// stale descriptor number behind.
///
/// Calls return libremctl's success; error() has its words for a failure. No
/// call may run beside another on the same handle.
class Handle {
  public:
    /// Throws std::bad_alloc.
    Handle();
    Handle(const Handle &) = delete;
    Handle &operator=(const Handle &) = delete;
    Handle(Handle &&) = delete;
    Handle &operator=(Handle &&) = delete;
    ~Handle();

    /// Credential cache and source address for open(); see remctl_set_ccache,
    /// remctl_set_source_ip. Throws Error where libremctl cannot set it.
    void set_ccache(const std::string &ccache);
    void set_source_ip(const std::string &source);

    /// remctl_open: libremctl connects, and reconnects, by itself.
    bool open(const std::string &host, std::uint16_t port,
              const std::optional<std::string> &principal);

    /// remctl_open_fd: over a connected socket, which libremctl owns from then
    /// on and closes, also when it fails.
    bool open_fd(const std::string &host, Descriptor &socket,
                 const std::optional<std::string> &principal);

    bool command(const Command &command);
    bool noop();

    /// remctl_output: null on failure. The token is good until the next call.
    const struct remctl_output *output();

    std::string error() const;

    /// remctl_close, ahead of the destructor. Do not use the handle afterwards.
    void close() noexcept { handle_.reset(); }

    /// Gives up the handle without a word to the server, as the destructor
    /// does in the child of a fork: any word would be spoken on the parent's
    /// connection, and libkrb5's locks may be held by threads that are not
    /// there. The memory is lost.
    void abandon() noexcept;

  private:
    struct Close {
        void operator()(struct remctl *handle) const noexcept;
    };

    std::unique_ptr<struct remctl, Close> handle_;
    unsigned generation_;
    // libremctl borrows these for as long as the handle lives.
    std::string host_;
    std::optional<std::string> principal_;
};

} // namespace pyremctl
