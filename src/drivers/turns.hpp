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

/// Identifies a caller: a thread, or a task of an event loop. It is a number and not an
/// address, because addresses are reused.
using Caller = std::uint64_t;

/// A number that no other caller of this process has had.
Caller new_caller() noexcept;

/// The number of no caller.
inline constexpr Caller nobody = 0;

/// Lets one call at a time through, first come, first served; during a session (a
/// stream()) only that session's calls. A call that leaves wakes the next one only.
///
/// A caller never waits for itself. A call by a signal handler in the middle of another
/// call of the same thread is refused. A call in the middle of the caller's own session
/// is let through; it fails because output is pending.
///
/// Turns belong to one connection. When it is closed they are retired: waiting calls
/// have to ask again (enter() returns nothing), and the running call is cancelled.
class Turns : public std::enable_shared_from_this<Turns> {
  public:
    /// Marks the calls of one stream().
    class Session : public SharedOnly {
      public:
        enum class State {
            present,
            ended,  ///< read to its end, or closed
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

        /// Lets other calls through. Calling it again does nothing.
        void end() noexcept;

        State state() const noexcept;

        /// Makes another caller the session's owner: see enter().
        void hand_to(Caller caller) noexcept;

        /// The server's error token: its code and its text.
        using Refusal = std::pair<std::uint32_t, std::string>;

        /// Called by the session's call that has the turn and has read the error.
        void refused(Refusal refusal, Caller caller);

        /// For a caller that finds the session ended; each caller gets the refusal
        /// once.
        std::optional<Refusal> refusal(Caller caller);

        /// Called by the session's call that has the turn and fails: the other callers
        /// fail with the same error. A null error means that the call was cut short.
        void fail(const Error *error, Caller caller) noexcept;

        /// Throws the error that ended the session, or that it was lost, once to each
        /// caller; after that the caller finds the end of the stream.
        void check(Caller caller);

        /// True in the child of a fork: the stream belongs to the parent.
        bool inherited() const noexcept { return generation_ != fork_generation(); }

      private:
        friend class Turns;

        bool told(Caller caller);

        std::shared_ptr<Turns> turns_;
        unsigned generation_;
        State state_ = State::present; // guarded by the turns' mutex
        std::optional<Error> failure_; // likewise, and the members below
        std::optional<Refusal> refusal_;
        std::vector<Caller> told_; // the callers that know how it ended
    };

    /// Holds the turn for as long as the object lives.
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

        /// Starts a new session of this caller: until it ends, only its calls get the
        /// turn.
        std::shared_ptr<Session> begin_session();

        /// For a call that reopens the connection: ends the session of the old one.
        void lose_session() noexcept;

      private:
        std::shared_ptr<Turns> turns_;
        unsigned generation_ = 0;
    };

    /// Waits for the turn. `call` must live as long as the turn. Returns nothing if the
    /// turns were retired or the session is no longer the current one. `session` is
    /// null for a call outside any session.
    Task<Turn> enter(const Session *session, Caller caller, Call &call);

    /// The same without a wait: returns nothing if one is needed, or if enter() would
    /// return nothing.
    Turn enter_at_once(const Session *session, Caller caller, Call &call);

    /// Ends the session and cancels its running call; if that call ends normally all
    /// the same, spoiled() tells the next caller. If no call is running, takes the turn
    /// ahead of all waiting calls. Returns nothing if the session is no longer the
    /// current one. `as` is `ended`, or `failed` if the session's other calls must be
    /// told that it was cut short.
    Turn leave_session(Session &session, Session::State as = Session::State::ended) noexcept;

    /// For the holder of the turn: true once after a session was closed in the middle
    /// of a call, when an answer may be half read.
    bool spoiled() noexcept;

    /// Takes the turn ahead of all waiting calls; returns nothing if a call is running.
    Turn seize() noexcept;

    /// The same, but a running call is cancelled; if it ends normally all the same,
    /// spoiled() tells the next caller.
    Turn seize_or_cancel() noexcept;

    /// How many calls are waiting.
    std::size_t waiting() const noexcept;

    /// Lets no more calls through and cancels the running call. True if there was none.
    bool retire() noexcept;

  private:
    /// A call that waits for its turn. Its destructor leaves the queue.
    struct Waiter;

    // Call these with the mutex held.
    bool free_for(const Session *session, Caller caller) const noexcept;
    bool gone(const Session *session) const noexcept;
    void take(Caller caller, Call *call) noexcept;
    bool take_over() noexcept;
    Turn take_or_spoil() noexcept;
    void leave() noexcept;
    void open_session(Session &session) noexcept;
    void let_in(Caller caller) noexcept;
    void close_session(Session::State state) noexcept;

    mutable std::mutex mutex_; // guards the members below
    bool retired_ = false;
    bool busy_ = false;
    bool spoiled_ = false;
    Caller caller_ = nobody;    // of the running call, while busy_
    Call *running_ = nullptr;   // the running call
    Waiter *granted_ = nullptr; // has the turn but does not know it yet
    Session *session_ = nullptr;
    Caller session_caller_ = nobody;
    std::list<Waiter *> inside_;  // waiting calls of the session
    std::list<Waiter *> outside_; // waiting calls outside the session
};

} // namespace pyremctl
