// Whose turn it is on a connection that several threads use.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "transport/poll.hpp"
#include "transport/process.hpp"

namespace pyremctl {

/// Lets one call at a time through, and for the length of a session (a run()
/// or a stream()) only that session's calls.
///
/// Waiting for one's turn can be interrupted like any other wait. A thread
/// never waits for itself: a call made by a signal handler in the middle of
/// another call is refused, and one in the middle of the same thread's session
/// is let through, to be told that output is pending.
class Gate : public std::enable_shared_from_this<Gate> {
  public:
    /// Marks the calls of one run() or stream().
    class Session {
      public:
        explicit Session(std::shared_ptr<Gate> gate) noexcept
            : gate_(std::move(gate)), generation_(fork_generation()) {}
        Session(const Session &) = delete;
        Session &operator=(const Session &) = delete;
        Session(Session &&) = delete;
        Session &operator=(Session &&) = delete;
        ~Session() { end(); }

        /// Lets others through. Does nothing the second time.
        void end() noexcept;

      private:
        std::shared_ptr<Gate> gate_;
        unsigned generation_;
    };

    /// The turn, for as long as it lives.
    class Turn {
      public:
        explicit Turn(std::shared_ptr<Gate> gate) noexcept : gate_(std::move(gate)) {}
        Turn(Turn &&) noexcept = default;
        Turn &operator=(Turn &&) = delete;
        Turn(const Turn &) = delete;
        Turn &operator=(const Turn &) = delete;
        ~Turn() {
            if (gate_)
                gate_->leave();
        }

      private:
        std::shared_ptr<Gate> gate_;
    };

    /// Waits for the turn. `session` is null for a call outside any. Throws
    /// Error where it is not the present one any more.
    Turn enter(const Session *session, Interrupts &interrupts);

    /// For the holder of the turn who closes the connection, or makes another:
    /// no session of the old one has a share in what follows.
    void end_session() noexcept;

    /// True when it is the present session.
    bool present(const Session &session) const;

    /// Waits for the turn past any session: for closing.
    Turn enter_to_close(Interrupts &interrupts);

    /// Waits until no other session and no call is going on. Throws Error when
    /// this thread itself is in the middle of a session.
    std::shared_ptr<Session> begin(Interrupts &interrupts);

    /// True when the call going on was made by this thread.
    bool mine() const;

  private:
    template <class Free> std::unique_lock<std::mutex> wait_until(Free free, Interrupts &);
    Turn take(std::unique_lock<std::mutex> lock);
    void leave() noexcept;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool busy_ = false;
    std::thread::id caller_;
    const Session *session_ = nullptr;
    std::thread::id session_thread_;
};

} // namespace pyremctl
