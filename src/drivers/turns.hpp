// Whose turn it is on a connection that several callers use.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transport/call.hpp"
#include "transport/error.hpp"
#include "transport/process.hpp"
#include "transport/shared_only.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// Tells callers apart: threads, or the tasks of an event loop. Not by their
/// addresses, which are used again.
using Caller = std::uint64_t;

/// A number that no other caller of this process has had.
Caller new_caller() noexcept;

/// Which no caller is.
inline constexpr Caller nobody = 0;

/// Lets one call at a time through, in the order in which they came, and for
/// the length of a session (a stream()) only that session's calls. A call
/// that leaves wakes the one whose turn is next, and nobody else.
///
/// A caller never waits for itself: a call made by a signal handler in the
/// middle of another call is refused, and one in the middle of the caller's own
/// session is let through, to be told that output is pending.
///
/// Turns are for one connection. When it is closed they are retired: calls that
/// wait have to ask again (enter() gives nothing), and the one that runs is
/// cancelled.
class Turns : public std::enable_shared_from_this<Turns> {
  public:
    /// Marks the calls of one stream().
    class Session : public SharedOnly {
      public:
        enum class State {
            present,
            ended,  ///< read to its end, or left
            lost,   ///< the connection was closed, or opened again
            failed, ///< one of its calls failed, or was cut short
        };

        explicit Session(std::shared_ptr<Turns> turns) noexcept
            : turns_(std::move(turns)), generation_(fork_generation()) {}
        Session(const Session &) = delete;
        Session &operator=(const Session &) = delete;
        Session(Session &&) = delete;
        Session &operator=(Session &&) = delete;
        ~Session() { end(); }

        /// Lets others through. Does nothing the second time.
        void end() noexcept;

        State state() const noexcept;

        /// The session is another caller's from now on: see enter().
        void hand_to(Caller caller) noexcept;

        /// The answer was the server's refusal: its code, and its text.
        using Refusal = std::pair<std::uint32_t, std::string>;

        /// For its call that has the turn and has read that.
        void refused(Refusal refusal, Caller caller);

        /// For a caller that finds the session at its end; each is told once.
        std::optional<Refusal> refusal(Caller caller);

        /// For its call that has the turn and fails: the other callers fail of the
        /// same. Without an error it was cut short.
        void fail(const Error *error, Caller caller) noexcept;

        /// Throws what the session has failed of, or that it was lost; to each
        /// caller once, as after its own failure: then it finds the end.
        void check(Caller caller);

        /// True in the child of a fork: the parent's stream goes on.
        bool inherited() const noexcept { return generation_ != fork_generation(); }

      private:
        friend class Turns;

        bool told(Caller caller);

        std::shared_ptr<Turns> turns_;
        unsigned generation_;
        State state_ = State::present; // guarded by the turns' mutex
        std::optional<Error> failure_; // as this is, and this
        std::optional<Refusal> refusal_;
        std::vector<Caller> told_; // how it ended
    };

    /// The turn, for as long as it lives.
    class Turn {
      public:
        Turn() noexcept = default;
        explicit Turn(std::shared_ptr<Turns> turns) noexcept
            : turns_(std::move(turns)), generation_(fork_generation()) {}
        Turn(Turn &&) noexcept = default;
        Turn &operator=(Turn &&other) noexcept {
            std::swap(turns_, other.turns_);
            std::swap(generation_, other.generation_);
            return *this;
        }
        Turn(const Turn &) = delete;
        Turn &operator=(const Turn &) = delete;
        ~Turn();

        explicit operator bool() const noexcept { return turns_ != nullptr; }

        /// Makes all calls that follow those of a new session of this caller.
        std::shared_ptr<Session> begin_session();

        /// For one that reopens the connection: no session of the old one
        /// has a share in what follows.
        void lose_session() noexcept;

      private:
        std::shared_ptr<Turns> turns_;
        unsigned generation_ = 0;
    };

    /// Waits for the turn of `call`, which lasts as long as the turn; nothing
    /// where the turns were retired, or the session is not the present one any
    /// more. `session` is null for a call outside any.
    Task<Turn> enter(const Session *session, Caller caller, Call &call);

    /// The same where no wait is needed; nothing where one is, and where
    /// enter() would give nothing.
    Turn enter_at_once(const Session *session, Caller caller, Call &call);

    /// Ends the session, and cancels its call that runs; where that has got to
    /// its end all the same, spoiled() tells the next caller. Where none runs
    /// the turn is the caller's of this, past all that wait. Nothing where the
    /// session is not the present one any more. `as`: `ended`, or `failed` where
    /// its other calls are to be told that it was cut short.
    Turn leave_session(Session &session, Session::State as = Session::State::ended) noexcept;

    /// True once after a session was left in the middle of a call, for the
    /// holder of the turn: an answer may be half read.
    bool spoiled() noexcept;

    /// The turn, past all that wait; nothing where a call runs.
    Turn seize() noexcept;

    /// The same, and a call that runs is cancelled; where that has got to its
    /// end all the same, spoiled() tells the next caller.
    Turn seize_or_cancel() noexcept;

    /// How many calls stand in line.
    std::size_t waiting() const noexcept;

    /// Lets nobody through any more and cancels the call that runs. True when
    /// there was none.
    bool retire() noexcept;

  private:
    /// A call that waits for its turn. It leaves the line by its destructor.
    struct Waiter;

    // All of these with the mutex held.
    bool free_for(const Session *session, Caller caller) const noexcept;
    bool gone(const Session *session) const noexcept;
    void take(Caller caller, Call *call) noexcept;
    bool take_over() noexcept;
    Turn take_or_spoil() noexcept;
    void leave() noexcept;
    void open_session(Session &session) noexcept;
    void let_in(Caller caller) noexcept;
    void close_session(Session::State state) noexcept;

    mutable std::mutex mutex_; // guards what follows
    bool retired_ = false;
    bool busy_ = false;
    bool spoiled_ = false;
    Caller caller_ = nobody;    // of the call that runs, while busy_
    Call *running_ = nullptr;   // and the call
    Waiter *granted_ = nullptr; // which has the turn and does not know it yet
    Session *session_ = nullptr;
    Caller session_caller_ = nobody;
    std::list<Waiter *> inside_;  // who waits in the session
    std::list<Waiter *> outside_; // and outside any
};

} // namespace pyremctl
