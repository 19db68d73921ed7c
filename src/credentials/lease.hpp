// Keeps a ticket cache alive while opens use it.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>

namespace pyremctl {

namespace kerberos {
class MemoryCache;
}

/// The name of a ticket cache, for one open. Hold it until libremctl's open has
/// returned, also on a helper thread. A cache of ours is destroyed with its last lease;
/// Credentials keeps a lease until it has a newer one.
class Lease {
  public:
    /// A cache of the user.
    explicit Lease(std::string name);

    /// A cache of ours, with its principal and the time when its tickets expire.
    Lease(std::unique_ptr<kerberos::MemoryCache> cache, std::string principal, std::time_t expires);

    Lease(const Lease &) = delete;
    Lease &operator=(const Lease &) = delete;
    Lease(Lease &&) = delete;
    Lease &operator=(Lease &&) = delete;
    ~Lease();

    /// For remctl_set_ccache.
    const std::string &name() const noexcept { return name_; }

    /// Whether it is a cache of our own.
    bool ours() const noexcept { return cache_ != nullptr; }

    /// The principal of the tickets; nothing for a cache of the user.
    const std::optional<std::string> &principal() const noexcept { return principal_; }

    /// When they expire, by this machine's clock; for a cache of ours.
    std::time_t expires() const noexcept { return expires_; }

  private:
    std::string name_;
    std::optional<std::string> principal_;
    std::time_t expires_ = 0;
    std::unique_ptr<kerberos::MemoryCache> cache_;
};

} // namespace pyremctl
