// The patience of one call: how long it waits, and who may end it.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "transport/error.hpp"
#include "transport/task.hpp"
#include "transport/waker.hpp"

namespace pyremctl {

/// How long a call may take.
struct Limits {
    std::optional<Duration> inactivity; ///< the longest silence; set_timeout in the manual
    std::optional<Time> deadline;       ///< the end of the whole call
};

class Waiter;

/// A pause that looks, when it ends, at whether the call may go on.
class CheckedPause : public Pause {
  public:
    CheckedPause(const Waiter &waiter, std::vector<pollfd> interests, std::optional<Time> until)
        : Pause{Wait{std::move(interests), until}}, waiter_(waiter) {}
    void await_resume() const;

  private:
    const Waiter &waiter_;
};

/// What all waits of one call share.
class Waiter {
  public:
    /// `closing` is set by another thread that closes the connection; it wakes
    /// the waiter through `waker`.
    Waiter(Limits limits, std::shared_ptr<Waker> waker, const std::atomic<bool> &closing);

    /// Something moved: the silence is over.
    void touch() noexcept { last_activity_ = Clock::now(); }

    /// When the call gives up, unless something moves before.
    std::optional<Time> limit() const noexcept;

    /// True when nothing moved for too long, or the whole call took too long.
    bool expired() const noexcept;

    /// Waits for any of the descriptors, or `until`, or limit(). Resumes early
    /// too: look again at what was waited for. Throws Error when the connection
    /// was closed from another thread or the process was forked meanwhile.
    CheckedPause wait(std::vector<pollfd> interests,
                      std::optional<Time> until = std::nullopt) const;

    /// The same for one descriptor, and for none.
    CheckedPause wait(int descriptor, short events) const;
    CheckedPause wait() const;

    /// No wait at all: lets the driver look at signals, and looks itself at
    /// what ends the call, in a verb that may never have to wait.
    CheckedPause breathe() const;

    const std::shared_ptr<Waker> &waker() const noexcept { return waker_; }

    /// Throws as wait() does.
    void check() const;

  private:
    Limits limits_;
    std::shared_ptr<Waker> waker_;
    const std::atomic<bool> &closing_;
    unsigned generation_;
    Time last_activity_ = Clock::now();
};

inline CheckedPause Waiter::wait(std::vector<pollfd> interests, std::optional<Time> until) const {
    const auto end = limit();
    if (!until || (end && *end < *until))
        until = end;
    return CheckedPause(*this, std::move(interests), until);
}

inline CheckedPause Waiter::wait(int descriptor, short events) const {
    return wait(std::vector<pollfd>(1, pollfd{descriptor, events, 0}));
}

inline CheckedPause Waiter::wait() const { return wait(std::vector<pollfd>()); }

inline CheckedPause Waiter::breathe() const { return CheckedPause(*this, {}, Clock::now()); }

inline void CheckedPause::await_resume() const { waiter_.check(); }

} // namespace pyremctl
