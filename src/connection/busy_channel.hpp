// Runs a blocking call of libremctl on a helper thread while the socket pair is pumped.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "connection/channel.hpp"
#include "transport/job.hpp"

namespace pyremctl {

/// Runs `work` on the channel's handle. If this object is destroyed before `work` has
/// ended, the channel is aborted: libremctl returns at its next read or write, or when
/// the KDC answers, and nobody waits for it. Until then the thread keeps the channel
/// alive.
class BusyChannel {
  public:
    BusyChannel(std::shared_ptr<Channel> channel, std::shared_ptr<Waker> waker,
                std::function<void(Channel &)> work)
        : channel_(std::move(channel)),
          job_(std::move(waker), [channel = channel_, work = std::move(work)] { work(*channel); }) {
    }
    BusyChannel(const BusyChannel &) = delete;
    BusyChannel &operator=(const BusyChannel &) = delete;
    BusyChannel(BusyChannel &&) = delete;
    BusyChannel &operator=(BusyChannel &&) = delete;
    ~BusyChannel() {
        if (!finished_)
            channel_->abort();
    }

    bool done() const noexcept { return job_.done(); }

    /// After done(): throws the exception of `work`, if any.
    void finish() {
        finished_ = true;
        job_.finish();
    }

  private:
    std::shared_ptr<Channel> channel_;
    Job job_;
    bool finished_ = false;
};

} // namespace pyremctl
