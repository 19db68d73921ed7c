// How many calls of the library may wait for a KDC at once.
#pragma once

#include <memory>

#include "credentials/explain.hpp"
#include "transport/call.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// Nothing ends a call of libkrb5's that waits for a KDC: it takes half a
/// minute, with a thread and several descriptors, also when its caller has given
/// up. So no more than a few calls wait for the KDC of a realm; a further one
/// waits for them, within its own limit. An open that needs no KDC, because the
/// ticket is in the cache, does not.
///
/// One gate for the process; any thread may use it.
class KdcGate {
  public:
    struct Entry;

    /// The right to be in the library until something was sent to the server.
    /// Shared by the call, and by its helper thread, which may go on alone.
    class Place {
      public:
        explicit Place(std::shared_ptr<Entry> entry) noexcept : entry_(std::move(entry)) {}
        Place(const Place &) = delete;
        Place &operator=(const Place &) = delete;
        Place(Place &&) = delete;
        Place &operator=(Place &&) = delete;
        ~Place() { leave(); }

        /// It waits for no KDC any more.
        void leave() noexcept;

        /// Its caller has given up.
        void abandon() noexcept;

        /// The realm whose KDC it waits for.
        void is_for(const std::string &realm);

      private:
        std::shared_ptr<Entry> entry_;
    };

    /// Waits until the call may go into the library. Throws Error at its limit.
    static Task<std::shared_ptr<Place>> enter(Attempt attempt, Call &call);
};

} // namespace pyremctl
