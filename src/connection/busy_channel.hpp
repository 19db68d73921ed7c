// A call of libremctl's that reads and writes, on a helper thread, while its
// end of the socket pair is pumped.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "connection/channel.hpp"
#include "transport/job.hpp"

namespace pyremctl {

/// Runs `work` on the channel's handle. Where this is destroyed before the end
/// the channel is aborted: libremctl comes back at its next read or write, or
/// when the KDC lets it go, and nobody waits for it. Until then it has its
/// share of the channel.
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

    /// After done(): throws what the work threw.
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
