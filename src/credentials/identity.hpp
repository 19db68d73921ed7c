// The client identity of a connection, a pool or a run, which does not change.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "credentials/choice.hpp"
#include "credentials/default_cache.hpp"
#include "transport/shared_only.hpp"

namespace pyremctl {

/// The default cache at the time of creation, and the principal of the first successful
/// open: later opens may use new tickets, but only of the same client. Any number of
/// connections and threads share one; the child of a fork continues with it.
class Identity : public SharedOnly, public std::enable_shared_from_this<Identity> {
  public:
    /// `many`: the identity is for many servers, and choosing another cache of a
    /// collection for one of them does not count as a change.
    explicit Identity(DefaultCache from, bool many = false) : from_(std::move(from)), many_(many) {}

    /// A new identity with the same default cache, which no open has used.
    std::shared_ptr<Identity> again() const { return std::make_shared<Identity>(from_, many_); }

    const DefaultCache &default_cache() const noexcept { return from_; }

    /// Called before an open, with the cache that was chosen: returns the cache to use.
    /// That is the earlier one if another client's cache of a collection would be
    /// chosen now. Throws Error if the client would still be another one.
    Choice keep(Choice choice) const;

    /// The same for a cache that was named.
    void require(const Choice &choice) const;

    /// Called after the open, before any command. Throws like keep().
    void settle(const Choice &choice);

  private:
    /// The principal and the cache of the first open.
    struct Known {
        std::string principal;
        std::string cache;
    };

    std::string key(const Choice &choice) const;
    std::optional<Known> known(const Choice &choice) const;

    const DefaultCache from_;
    const bool many_;
    // Guarded by StateLock(this). The key is the cache if that was chosen for one of
    // many servers, else empty.
    std::map<std::string, Known> known_;
};

} // namespace pyremctl
