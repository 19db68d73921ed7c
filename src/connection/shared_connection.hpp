// A connection that any thread may use, and any thread may close.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "connection/connection.hpp"
#include "connection/gate.hpp"
#include "transport/poll.hpp"

namespace pyremctl {

/// Serialises the calls of several threads on a Connection, lets close() end
/// the one that waits, and keeps the child of a fork off the parent's.
///
/// A call is made in two steps, so that what it returns can be looked at
/// before another thread's call makes it invalid:
///
///     auto turn = shared.enter(session, interrupts);
///     auto token = shared.run(interrupts, [](Connection &connection, Waiter &waiter) {
///         return connection.output(waiter);
///     });
class SharedConnection {
  public:
    SharedConnection();
    SharedConnection(const SharedConnection &) = delete;
    SharedConnection &operator=(const SharedConnection &) = delete;
    SharedConnection(SharedConnection &&) = delete;
    SharedConnection &operator=(SharedConnection &&) = delete;
    ~SharedConnection();

    /// See set_ccache, set_source_ip and set_timeout in the manual. Nothing
    /// takes a setting back.
    void set_ccache(std::optional<std::string> ccache);
    void set_source_ip(std::string source);
    void set_timeout(std::optional<Duration> inactivity);

    /// The end of all calls from now on, whatever moves; nothing for no end.
    void set_deadline(std::optional<Time> deadline);

    /// Waits for the turn. Throws Error in the child of a fork, where the
    /// connection is the parent's.
    Gate::Turn enter(const Gate::Session *session, Interrupts &interrupts);

    /// Waits for the turn to open: in the child of a fork the parent's
    /// connection is forgotten first. A session of the old one is at its end.
    Gate::Turn enter_to_open(Interrupts &interrupts);

    /// Reserves the connection for a run() or a stream().
    std::shared_ptr<Gate::Session> begin(Interrupts &interrupts);

    /// Runs a verb while holding the turn, and notes what it fails of.
    template <class Verb> auto run(Interrupts &interrupts, Verb verb);

    /// Closes for good; a call that waits in another thread ends with an Error.
    void close(Interrupts &interrupts);

    /// Ends the connection without a word; the next command makes a new one.
    /// A session that is not the present one has nothing to end any more.
    void drop(const Gate::Session *session, Interrupts &interrupts);

    /// True in the child of a fork, until it opens or closes the connection.
    bool forked() const noexcept;

    bool opened() const noexcept;

    /// Throws Error, and notes it, where no connection is open.
    void require_opened();
    bool pending() const noexcept { return connection_.pending(); }
    int descriptor() const noexcept { return connection_.descriptor(); }

    /// What the last call failed of, or "no error". (Manual, Remctl.error.)
    std::string error() const;

    /// Makes error() return this.
    void note(const std::string &error);

  private:
    /// Makes this thread's waker known to close() while a verb runs.
    class Running;

    void forget_parent() noexcept;
    std::unique_lock<std::mutex> lock() const;
    void finish_closing();
    Limits limits() const;

    mutable std::mutex mutex_; // guards what follows
    mutable unsigned mutex_generation_;
    Settings settings_;
    Limits limits_;
    std::string error_;
    std::shared_ptr<Waker> running_; // the waker of the verb that runs
    bool close_after_ = false;       // that verb was interrupted by a close()

    std::atomic<bool> closing_{false};
    unsigned generation_;
    std::shared_ptr<Gate> gate_;
    Connection connection_;
};

class SharedConnection::Running {
  public:
    explicit Running(SharedConnection &shared);
    Running(const Running &) = delete;
    Running &operator=(const Running &) = delete;
    Running(Running &&) = delete;
    Running &operator=(Running &&) = delete;
    ~Running();

    const std::shared_ptr<Waker> &waker() const noexcept { return waker_; }

  private:
    SharedConnection &shared_;
    std::shared_ptr<Waker> waker_;
};

template <class Verb> auto SharedConnection::run(Interrupts &interrupts, Verb verb) {
    const Running running(*this);
    Waiter waiter(limits(), running.waker(), closing_);
    try {
        return run_blocking(verb(connection_, waiter), *running.waker(), interrupts);
    } catch (const Error &error) {
        note(error.what());
        throw;
    }
}

} // namespace pyremctl
