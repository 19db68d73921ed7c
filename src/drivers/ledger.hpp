// A pool's bookkeeping: who waits for a connection, which connections are idle, how
// many are missing.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "drivers/client.hpp"
#include "transport/address.hpp"
#include "transport/call.hpp"
#include "transport/error.hpp"
#include "transport/journal.hpp"
#include "transport/process.hpp"
#include "transport/waker.hpp"

namespace pyremctl {

/// How many connections a pool has, and how long idle ones are kept.
struct PoolLimits {
    std::size_t min_size = 1;
    std::size_t max_size = 8;
    Duration max_idle{};
};

/// The counters of stats() since the pool was created; any thread updates them.
struct PoolCounts {
    std::atomic<unsigned long> requests{0};
    std::atomic<unsigned long> queued{0};
    std::atomic<unsigned long> wait_ms{0};
    std::atomic<unsigned long> request_errors{0};
    std::atomic<unsigned long> bad_returns{0};
    std::atomic<unsigned long> made{0};
    std::atomic<unsigned long> not_made{0};
    std::atomic<unsigned long> lost{0};
};

/// A connection of a pool.
struct Member {
    std::shared_ptr<Client> client;
    Time end;             // when it is too old to be lent
    bool offline = false; // never opened: a fake connection
    Time idle_since{};    // NOLINT(readability-redundant-member-init): others are given
    unsigned asked = 0;   // Client::asked() when it became idle
};

/// A member is moved from list to list, which allocates no memory and cannot fail.
using Members = std::list<Member>;

/// Counts and hands out connections, for one process. Any thread may call it, and no
/// call waits. Each loan, request and opening is an object whose destructor corrects
/// the ledger, so no slot can be lost.
///
/// In the child of a fork the ledger still belongs to the parent: the objects do not
/// touch it there.
class Ledger : public std::enable_shared_from_this<Ledger> {
  public:
    class Loan;
    class Request;
    class Slot;

    /// The numbers at one moment.
    struct Sizes {
        std::size_t all = 0; // idle and lent
        std::size_t idle = 0;
        std::size_t waiting = 0;
        std::size_t opening = 0;
    };

    /// Starts the keeper, which opens the missing connections. It may throw.
    using Start = std::function<void(const std::shared_ptr<Ledger> &)>;

    /// `server` is named in the log. Without `start`, the user of the ledger starts the
    /// keeper.
    Ledger(PoolLimits limits, std::shared_ptr<PoolCounts> counts, Endpoint server, Start start);

    const PoolLimits &limits() const noexcept { return limits_; }
    PoolCounts &counts() noexcept { return *counts_; }
    Sizes sizes() const noexcept;
    bool closed() const noexcept { return closed_.load(); }

    /// Closes idle connections, ends all requests and openings; lent connections are
    /// closed when they are returned.
    void close() noexcept;

    /// Closes members that were idle for too long or are too old.
    void prune() noexcept;

    /// Closes a member that is dead, and those that were idle for as long or longer,
    /// which probably died of the same cause.
    void lose(Loan loan) noexcept;

    /// Drops a member that the server has closed. The others may still be alive.
    void drop(Loan loan) noexcept;

    // For the keeper, which opens connections.

    /// Slots for the connections that are to be opened now.
    std::list<Slot> missing();

    /// When the next attempt to reach min_size is due, or nothing.
    std::optional<Time> next_try() const noexcept;

    /// Registers the keeper: `waker` tells it that something is missing, or that the
    /// pool is closed. False if there is a keeper already.
    bool enter_keeper(std::shared_ptr<Waker> waker) noexcept;

    /// Removes the keeper, unless something is missing: then returns false, and it
    /// stays.
    bool leave_keeper() noexcept;

    /// Removes the keeper, whatever is missing.
    void lose_keeper() noexcept;

    /// True if there is a keeper, or one is starting.
    bool has_keeper() const noexcept;

    /// The keeper failed or could not start: every waiting request fails with this
    /// exception.
    void fail_keeper(const std::exception_ptr &failure) noexcept;

    /// The log entries of the keeper's thread, for the next caller to log.
    journal::Overheard &overheard() noexcept { return overheard_; }

    /// Notes a sentence for the log, with how long it took and the kind of a failure,
    /// if the log is on.
    template <class Make>
    void note(Make make, std::optional<Duration> time = std::nullopt,
              std::optional<ErrorKind> kind = std::nullopt) const noexcept {
        journal::note(journal::Topic::pools, [&](journal::Facts &facts) {
            facts.host = server_.host;
            if (server_.port != 0)
                facts.port = server_.port;
            if (time)
                facts.seconds = std::chrono::duration<double>(*time).count();
            if (kind)
                facts.kind = name_of(*kind);
            return where_ + ": " + make();
        });
    }

    /// The same, followed by ", N of N open, N idle, N waiting".
    template <class Make>
    void note_with_sizes(Make make, std::optional<Duration> time = std::nullopt,
                         std::optional<ErrorKind> kind = std::nullopt) const noexcept {
        note([&] { return make() + numbers(); }, time, kind);
    }

  private:
    using Requests = std::list<Request *>;

    // Call these with the mutex held.
    void serve() noexcept;
    void settle(Request &request) noexcept;
    std::size_t missing_for_min() const noexcept;
    std::size_t missing_now(Time now) const noexcept;
    void call_for_opening(Time now) noexcept;
    void put_off(Time begun) noexcept;

    void look_after() noexcept;
    void take_back(Members members, const char *unusable) noexcept;
    void remove(const Members &members) noexcept;
    void rest(Members &members, Slot *slot) noexcept;
    std::string numbers() const;

    const PoolLimits limits_;
    const std::shared_ptr<PoolCounts> counts_;
    const Endpoint server_;
    const std::string where_;
    const Start start_;
    const unsigned generation_ = fork_generation();
    std::atomic<bool> closed_{false};

    mutable std::mutex mutex_; // guards the members below
    std::size_t size_ = 0;     // idle, lent, or granted
    Members idle_;             // sorted: the last one has been idle for the shortest time
    Requests waiting_;         // for a connection, in order
    Requests fillers_;         // waiting for min_size connections
    Requests granted_;         // settled, but not yet taken
    std::list<Time> openings_; // when each one started
    std::size_t demand_ = 0;   // openings that requests have asked for
    bool used_ = false;        // min_size counts from the first use on
    Duration pause_{};         // before the next attempt after a failed opening
    Time next_try_;
    std::shared_ptr<Waker> keeper_;
    bool starting_ = false; // a keeper is starting
    journal::Overheard overheard_;
};

/// A lent member. Destroying the loan returns the member.
class Ledger::Loan {
  public:
    Loan() noexcept = default;
    Loan(Loan &&) noexcept = default;
    Loan &operator=(Loan &&other) noexcept {
        std::swap(ledger_, other.ledger_);
        std::swap(members_, other.members_);
        std::swap(generation_, other.generation_);
        return *this;
    }
    Loan(const Loan &) = delete;
    Loan &operator=(const Loan &) = delete;
    /// Without end(), an unused connection goes back to the pool; a used one is closed.
    ~Loan();

    explicit operator bool() const noexcept { return !members_.empty(); }
    const Member &member() const noexcept { return members_.front(); }
    const std::shared_ptr<Client> &client() const noexcept { return members_.front().client; }

    /// Why it cannot be lent again; null if it can.
    const char *unusable() const;

    /// Returns it; it is closed if `unusable` gives a reason.
    void end(const char *unusable) noexcept;

  private:
    friend class Ledger;
    Loan(std::shared_ptr<Ledger> ledger, Members members) noexcept;
    Members release() noexcept;

    std::shared_ptr<Ledger> ledger_;
    Members members_; // one or none
    unsigned generation_ = fork_generation();
};

/// A caller that waits for one connection, or for min_size of them. Its destructor
/// leaves the queue; a connection that it was given but has not taken goes to the next
/// request.
class Ledger::Request {
  public:
    enum class For { one, all };

    Request(std::shared_ptr<Ledger> ledger, For what, Call &call);
    Request(const Request &) = delete;
    Request &operator=(const Request &) = delete;
    Request(Request &&) = delete;
    Request &operator=(Request &&) = delete;
    ~Request();

    /// Joins the queue; at its head when called again, after a connection that could
    /// not be used.
    void join();

    /// True when take() has something to give or to throw.
    bool settled() const noexcept;

    /// The result; a loan if one connection was asked for. Throws the error of the
    /// opening, or that the pool is closed.
    Loan take();

    Time asked() const noexcept { return asked_; }

  private:
    friend class Ledger;
    void move_to(Requests *list) noexcept; // with the mutex held

    const std::shared_ptr<Ledger> ledger_;
    const For what_;
    const std::shared_ptr<Waker> waker_;
    const Time asked_ = Clock::now();
    const unsigned generation_ = fork_generation();
    // The members below are guarded by the ledger's mutex.
    Requests node_{this}; // holds its list node while it is in no list
    Requests::iterator place_ = node_.begin();
    Requests *list_ = nullptr; // the list that it is in
    bool settled_ = false;
    bool again_ = false;
    Members members_; // one or none
    std::exception_ptr failure_;
};

/// The right to open a connection.
class Ledger::Slot {
  public:
    explicit Slot(std::shared_ptr<Ledger> ledger);
    Slot(const Slot &) = delete;
    Slot &operator=(const Slot &) = delete;
    Slot(Slot &&) = delete;
    Slot &operator=(Slot &&) = delete;
    ~Slot();

    /// The connection is open: it goes to the first waiting request, or becomes idle.
    void fill(Member member);

    /// The opening failed. Requests that were already waiting when it started fail with
    /// it.
    void fail(const std::exception_ptr &failure) noexcept;

  private:
    friend class Ledger;
    void leave() noexcept; // with the mutex held

    const std::shared_ptr<Ledger> ledger_;
    const Time begun_ = Clock::now();
    std::list<Time> node_{begun_}; // holds its list node while it is not in openings_
    std::list<Time>::iterator place_ = node_.begin();
    bool open_ = false; // it is in openings_
    const unsigned generation_ = fork_generation();
};

/// The error for using a closed pool.
Error pool_closed();

} // namespace pyremctl
