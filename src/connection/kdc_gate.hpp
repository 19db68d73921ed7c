// Limits how many calls of the library wait for a KDC at once.
#pragma once

#include <memory>

#include "credentials/explain.hpp"
#include "transport/call.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// A libkrb5 call that waits for a KDC cannot be stopped: it takes half a minute, with
/// a thread and several descriptors, even after its caller has given up. So only a few
/// calls may wait for the KDC of a realm; further calls queue, within their own time
/// limits. An open whose ticket is in the cache needs no KDC and does not queue.
///
/// There is one gate per process; any thread may use it.
class KdcGate {
  public:
    struct Entry;

    /// The right to be in the library until something was sent to the server. Shared by
    /// the call and its helper thread, which may outlive the call.
    class Place {
      public:
        explicit Place(std::shared_ptr<Entry> entry) noexcept : entry_(std::move(entry)) {}
        Place(const Place &) = delete;
        Place &operator=(const Place &) = delete;
        Place(Place &&) = delete;
        Place &operator=(Place &&) = delete;
        ~Place() { leave(); }

        /// Called when it no longer waits for a KDC.
        void leave() noexcept;

        /// Called when its caller gives up.
        void abandon() noexcept;

        /// Sets the realm whose KDC it waits for.
        void is_for(const std::string &realm);

      private:
        std::shared_ptr<Entry> entry_;
    };

    /// Waits until the call may enter the library. Throws Error at its limit.
    static Task<std::shared_ptr<Place>> enter(Attempt attempt, Call &call);
};

} // namespace pyremctl
