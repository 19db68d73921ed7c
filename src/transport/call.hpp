// A call in progress: its time limits and its cancellation.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "transport/error.hpp"
#include "transport/task.hpp"
#include "transport/waker.hpp"

namespace pyremctl {

/// How long a call may take.
struct Limits {
    std::optional<Duration> inactivity; ///< the longest silence; set_timeout in the manual
    std::optional<Time> deadline;       ///< the end of the whole call
};

class Call;

/// A pause that checks at its end whether the call may continue.
class CheckedPause : public Pause {
  public:
    CheckedPause(const Call &call, Wait what) : Pause{std::move(what)}, call_(call) {}
    void await_resume() const;

  private:
    const Call &call_;
};

/// The state that all waits of one call share. It must live as long as the call's task.
class Call {
  public:
    /// `waker` wakes the call's driver. `clock` is the driver's current time, if the
    /// driver does not use the real time.
    Call(Limits limits, std::shared_ptr<Waker> waker, const Time *clock = nullptr)
        : limits_(limits), waker_(std::move(waker)), clock_(clock), generation_(fork_generation()) {
    }

    /// A part of another call, with its own limits.
    Call(Limits limits, const Call &whole) : Call(limits, whole.waker_, whole.clock_) {}
    Call(const Call &) = delete;
    Call &operator=(const Call &) = delete;
    Call(Call &&) = delete;
    Call &operator=(Call &&) = delete;
    ~Call() = default;

    /// A part of a call with a time limit of its own, within the call's limits. A stage
    /// inside another stage has the limit of the outer one.
    class Stage {
      public:
        Stage(Call &call, std::optional<Duration> longest) noexcept
            : call_(call), outermost_(!call.stage_end_) {
            if (longest && outermost_)
                call.stage_end_ = Clock::now() + *longest;
        }
        Stage(const Stage &) = delete;
        Stage &operator=(const Stage &) = delete;
        Stage(Stage &&) = delete;
        Stage &operator=(Stage &&) = delete;
        ~Stage() {
            if (outermost_)
                call_.stage_end_.reset();
        }

      private:
        Call &call_;
        bool outermost_;
    };

    /// A wait for other calls of ours, which does not count against a stage's limit.
    class Queue {
      public:
        explicit Queue(Call &call) noexcept
            : call_(call), stage_end_(std::exchange(call.stage_end_, std::nullopt)),
              begin_(Clock::now()) {}
        Queue(const Queue &) = delete;
        Queue &operator=(const Queue &) = delete;
        Queue(Queue &&) = delete;
        Queue &operator=(Queue &&) = delete;
        ~Queue() {
            if (stage_end_)
                call_.stage_end_ = *stage_end_ + (Clock::now() - begin_);
        }

      private:
        Call &call_;
        std::optional<Time> stage_end_;
        Time begin_;
    };

    /// Ends the call at its next wait. Any thread may call this.
    void cancel() noexcept {
        cancelled_.store(true);
        waker_->wake();
    }

    /// Bytes were moved, now or at that time: the time of silence starts again.
    void touch(Time when = Clock::now()) noexcept {
        last_activity_ = std::max(last_activity_, when);
    }

    /// Extends the call's limits by `time`, which was spent on something else.
    void excuse(Duration time) noexcept {
        if (limits_.deadline)
            *limits_.deadline += time;
        if (stage_end_)
            *stage_end_ += time;
        last_activity_ += time;
    }

    /// When the call times out, unless bytes are moved before.
    std::optional<Time> limit() const noexcept;

    /// The limit for the first of two attempts: the longest silence or half of the
    /// remaining time, whichever is less. Nothing without limits.
    std::optional<Time> first_half() const noexcept;

    /// True if the silence or the whole call has lasted too long.
    bool expired() const noexcept;

    /// True if the whole call, or its stage, has lasted too long, silent or not.
    bool overdue() const noexcept;

    /// Waits for any of the descriptors, `until`, or limit(). It may resume early:
    /// check the condition again. Throws Error if the call was cancelled or the process
    /// was forked meanwhile.
    CheckedPause wait(std::vector<pollfd> interests,
                      std::optional<Time> until = std::nullopt) const;

    /// The same for one descriptor, and for none.
    CheckedPause wait(int descriptor, short events) const;
    CheckedPause wait() const;

    /// Lets the driver do other work without waiting, and checks whether the call was
    /// cancelled: for a verb that may never have to wait.
    CheckedPause breathe() const;

    /// The remaining time until the deadline; nothing if there is none.
    std::optional<Duration> left() const noexcept {
        const auto end = deadline();
        return end ? std::optional(*end - now()) : std::nullopt;
    }

    const std::shared_ptr<Waker> &waker() const noexcept { return waker_; }

    /// Throws like wait().
    void check() const;

  private:
    /// The deadline of the call or of its stage.
    std::optional<Time> deadline() const noexcept {
        if (limits_.deadline && stage_end_)
            return std::min(*limits_.deadline, *stage_end_);
        return stage_end_ ? stage_end_ : limits_.deadline;
    }
    Time now() const noexcept { return clock_ != nullptr ? *clock_ : Clock::now(); }

    Limits limits_;
    std::optional<Time> stage_end_;
    std::shared_ptr<Waker> waker_;
    const Time *clock_;
    std::atomic<bool> cancelled_{false};
    unsigned generation_;
    Time last_activity_ = Clock::now();
};

inline CheckedPause Call::wait(std::vector<pollfd> interests, std::optional<Time> until) const {
    const auto end = limit();
    if (!until || (end && *end < *until))
        until = end;
    return {*this, Wait{.interests = std::move(interests), .until = until}};
}

inline CheckedPause Call::wait(int descriptor, short events) const {
    return wait(std::vector<pollfd>(1, pollfd{descriptor, events, 0}));
}

inline CheckedPause Call::wait() const { return wait(std::vector<pollfd>()); }

inline CheckedPause Call::breathe() const {
    Wait wait;
    wait.breath = true;
    return {*this, std::move(wait)};
}

inline void CheckedPause::await_resume() const { call_.check(); }

} // namespace pyremctl
