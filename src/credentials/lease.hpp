// A ticket cache that is there for as long as somebody opens with it.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>

namespace pyremctl {

namespace kerberos {
class MemoryCache;
}

/// The name of a ticket cache, for one open: hold it until libremctl's open
/// has returned, on whatever thread. A cache of our own goes with its last
/// lease, and only after Credentials has another.
class Lease {
  public:
    /// A cache that is the user's.
    explicit Lease(std::string name);

    /// A cache of ours, with the tickets of a principal that end then.
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

    /// Whose the tickets are; nothing where that is the user's business.
    const std::optional<std::string> &principal() const noexcept { return principal_; }

    /// When they end, by this machine's clock; for a cache of ours.
    std::time_t expires() const noexcept { return expires_; }

  private:
    std::string name_;
    std::optional<std::string> principal_;
    std::time_t expires_ = 0;
    std::unique_ptr<kerberos::MemoryCache> cache_;
};

} // namespace pyremctl
