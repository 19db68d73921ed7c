// The one owner of a libremctl handle: a method for each C function.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "transport/descriptor.hpp"

// libremctl has functions and structs with the same names, so the structs need the
// keyword.
struct remctl;
struct remctl_output;

namespace pyremctl {

/// A command: its arguments by address and length (remctl_commandv).
using Command = std::vector<iovec>;

/// Owns a `struct remctl`. Open each handle only once: a second open in libremctl leaks
/// the first security context and, after a failure, leaves a stale descriptor number
/// behind.
///
/// Calls return whether libremctl succeeded; error() has its text for a failure. Do not
/// run two calls on the same handle at the same time.
class Handle {
  public:
    /// Throws std::bad_alloc.
    Handle();
    Handle(const Handle &) = delete;
    Handle &operator=(const Handle &) = delete;
    Handle(Handle &&) = delete;
    Handle &operator=(Handle &&) = delete;
    ~Handle();

    /// Sets the credential cache and the source address for open(); see
    /// remctl_set_ccache, remctl_set_source_ip. Throws Error if libremctl cannot set
    /// it.
    void set_ccache(const std::string &ccache);
    void set_source_ip(const std::string &source);

    /// remctl_open: libremctl itself connects and reconnects.
    bool open(const std::string &host, std::uint16_t port,
              const std::optional<std::string> &principal);

    /// remctl_open_fd: over a connected socket, which libremctl then owns and closes,
    /// even if it fails.
    bool open_fd(const std::string &host, Descriptor &socket,
                 const std::optional<std::string> &principal);

    bool command(const Command &command);
    bool noop();

    /// remctl_output: null on failure. The token is valid until the next call.
    const struct remctl_output *output();

    std::string error() const;

    /// remctl_close, before the destructor. Do not use the handle afterwards.
    void close() noexcept { handle_.reset(); }

    /// Gives up the handle without telling the server, as the destructor does in the
    /// child of a fork: sending anything would use the parent's connection, and threads
    /// that do not exist in the child may hold libkrb5's locks. The memory is leaked.
    void abandon() noexcept;

  private:
    struct Close {
        void operator()(struct remctl *handle) const noexcept;
    };

    std::unique_ptr<struct remctl, Close> handle_;
    unsigned generation_;
    // libremctl uses these strings for as long as the handle lives.
    std::string host_;
    std::optional<std::string> principal_;
};

} // namespace pyremctl
