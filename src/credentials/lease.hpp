// A ticket cache that is there for as long as somebody opens with it.
#pragma once

#include <memory>
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

    /// A cache of ours.
    explicit Lease(std::unique_ptr<kerberos::MemoryCache> cache);

    Lease(const Lease &) = delete;
    Lease &operator=(const Lease &) = delete;
    Lease(Lease &&) = delete;
    Lease &operator=(Lease &&) = delete;
    ~Lease();

    /// For remctl_set_ccache.
    const std::string &name() const noexcept { return name_; }

    /// Whether it is a cache of our own.
    bool ours() const noexcept { return cache_ != nullptr; }

  private:
    std::string name_;
    std::unique_ptr<kerberos::MemoryCache> cache_;
};

} // namespace pyremctl
