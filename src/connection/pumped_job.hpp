// A call of libremctl's that reads and writes, on a helper thread, while its
// end of the socket pair is pumped.
#pragma once

#include <functional>
#include <memory>

#include "connection/channel.hpp"
#include "transport/job.hpp"

namespace pyremctl {

/// Runs `call` on the channel's handle. However it ends, the thread is gone
/// when this is destroyed, unless the KDC still holds it (`leavable`): then it
/// is left to end by itself, with its share of the channel.
class PumpedJob {
  public:
    enum class Ending { joined, leavable };

    PumpedJob(std::shared_ptr<Channel> channel, std::shared_ptr<Waker> waker,
              std::function<void(Channel &)> call, Ending ending)
        : channel_(std::move(channel)),
          job_(std::move(waker), [channel = channel_, call = std::move(call)] { call(*channel); }),
          ending_(ending) {}
    PumpedJob(const PumpedJob &) = delete;
    PumpedJob &operator=(const PumpedJob &) = delete;
    PumpedJob(PumpedJob &&) = delete;
    PumpedJob &operator=(PumpedJob &&) = delete;
    ~PumpedJob() {
        if (joined_)
            return;
        // As long as nothing has left for the server it is the KDC that holds
        // the thread, and does not let it go.
        const auto patience = channel_->sent() == 0 ? no_patience : leave_patience;
        channel_->abort();
        channel_.reset();
        // With its end shut, libremctl returns at its next read or write.
        if (ending_ == Ending::joined)
            job_.join();
        else
            job_.join_within(patience);
    }

    bool done() const { return job_.done(); }

    /// After done(): takes the thread away, and throws what the call threw.
    void finish() {
        joined_ = true;
        job_.finish();
    }

  private:
    // Long enough for a thread that no KDC holds, too short to be noticed.
    static constexpr auto leave_patience = std::chrono::milliseconds(10);
    static constexpr auto no_patience = std::chrono::milliseconds(1);

    std::shared_ptr<Channel> channel_;
    Job job_;
    Ending ending_;
    bool joined_ = false;
};

} // namespace pyremctl
