// Whose tickets a connection, a pool or a run uses, from its beginning to its end.
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

/// The default cache as it was when this was made, and the principal of the
/// first open that succeeded: later ones may have new tickets, but not another
/// client's. Any number of connections and threads share one; the child of a
/// fork goes on with it.
class Identity : public SharedOnly, public std::enable_shared_from_this<Identity> {
  public:
    /// `many`: it is for many servers. What is chosen for one of them from a
    /// collection is no change then.
    explicit Identity(DefaultCache from, bool many = false) : from_(std::move(from)), many_(many) {}

    /// One with the same default cache, of which nobody has opened anything.
    std::shared_ptr<Identity> again() const { return std::make_shared<Identity>(from_, many_); }

    const DefaultCache &default_cache() const noexcept { return from_; }

    /// Before an open: what to open with where this was chosen. That is the
    /// cache of before where another client's would be chosen from a collection
    /// now. Throws Error where it would be another client's all the same.
    Choice keep(Choice choice) const;

    /// The same where a cache was named.
    void require(const Choice &choice) const;

    /// After it, before anything is asked. Throws alike.
    void settle(const Choice &choice);

  private:
    /// Whose tickets the first open had, and where they were.
    struct Known {
        std::string principal;
        std::string cache;
    };

    std::string key(const Choice &choice) const;
    std::optional<Known> known(const Choice &choice) const;

    const DefaultCache from_;
    const bool many_;
    // Guarded by StateLock(this): by the cache where that was chosen for a
    // server among many, else by nothing.
    std::map<std::string, Known> known_;
};

} // namespace pyremctl
