// A pool's bookkeeping: who waits for a connection, which are idle, what is
// missing.
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

/// How many connections a pool has, and for how long.
struct PoolLimits {
    std::size_t min_size = 1;
    std::size_t max_size = 8;
    Duration max_idle{};
};

/// What stats() counts since the pool was made; any thread adds to them.
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
    bool offline = false; // it is never opened: a fake's
    Time idle_since{};    // NOLINT(readability-redundant-member-init): others are given
    unsigned asked = 0;   // Client::asked(), since when it is idle
};

/// Members on their way; one is moved from list to list, which takes no memory
/// and cannot fail.
using Members = std::list<Member>;

/// Counts and hands on, for one process. Any thread may call it, and no call
/// waits. What is lent, asked for or being made is an object, and the end of the
/// object, by whatever way, puts the ledger right. So no slot can be lost.
///
/// In the child of a fork it is the parent's: the objects leave it alone there.
class Ledger : public std::enable_shared_from_this<Ledger> {
  public:
    class Loan;
    class Request;
    class Slot;

    /// What there is at a moment.
    struct Sizes {
        std::size_t all = 0; // idle and lent
        std::size_t idle = 0;
        std::size_t waiting = 0;
        std::size_t opening = 0;
    };

    /// Starts what opens the missing connections, the keeper; it may throw.
    using Start = std::function<void(const std::shared_ptr<Ledger> &)>;

    /// `server` is named in the log. Without `start`, the caller that sees
    /// that the keeper is needed starts it.
    Ledger(PoolLimits limits, std::shared_ptr<PoolCounts> counts, Endpoint server, Start start);

    const PoolLimits &limits() const noexcept { return limits_; }
    PoolCounts &counts() noexcept { return *counts_; }
    Sizes sizes() const noexcept;
    bool closed() const noexcept { return closed_.load(); }

    /// Closes what is idle, ends all requests and openings, and has what is lent
    /// closed when it comes back.
    void close() noexcept;

    /// Closes members that have been idle for too long, or are too old.
    void prune() noexcept;

    /// Closes a member that turned out to be dead, and those that were idle for
    /// as long: what killed it has killed them.
    void lose(Loan loan) noexcept;

    /// Drops a member that the server has closed; of the others that says nothing.
    void drop(Loan loan) noexcept;

    // For the keeper, which opens connections.

    /// Slots for the connections that are to be opened now.
    std::list<Slot> missing();

    /// When the next try for min_size is due after one that failed, or nothing.
    std::optional<Time> next_try() const noexcept;

    /// The keeper begins: `waker` tells it that something is missing, or that
    /// the pool is closed. False where there is one already.
    bool enter_keeper(std::shared_ptr<Waker> waker) noexcept;

    /// The keeper ends, unless something is missing: then false, and it stays.
    bool leave_keeper() noexcept;

    /// The keeper has gone, whatever is missing.
    void lose_keeper() noexcept;

    /// True where there is one, or one is starting.
    bool has_keeper() const noexcept;

    /// No keeper can be had: all that wait are told why.
    void fail_keeper(const std::exception_ptr &failure) noexcept;

    /// What the keeper's thread has noted for the log, for the next caller to tell.
    journal::Overheard &overheard() noexcept { return overheard_; }

    /// Notes a sentence for the log, where somebody listens; how long it took, and
    /// of what kind a failure is.
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

    // With the mutex held.
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

    mutable std::mutex mutex_; // guards what follows
    std::size_t size_ = 0;     // idle, lent, or granted
    Members idle_;             // the last one has been idle least
    Requests waiting_;         // for a connection, in order
    Requests fillers_;         // for min_size connections
    Requests granted_;         // which look at what they were given
    std::list<Time> openings_; // when they began
    std::size_t demand_ = 0;   // openings that a request has called for
    bool used_ = false;        // min_size is upheld from the first use on
    Duration pause_{};         // after an opening that failed
    Time next_try_;
    std::shared_ptr<Waker> keeper_;
    bool starting_ = false; // the keeper
    journal::Overheard overheard_;
};

/// A member that is lent. Its end gives the member back.
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
    /// Without end(): a connection of which nothing was asked is as good as
    /// before, any other is closed.
    ~Loan();

    explicit operator bool() const noexcept { return !members_.empty(); }
    const Member &member() const noexcept { return members_.front(); }
    const std::shared_ptr<Client> &client() const noexcept { return members_.front().client; }

    /// Why it cannot be lent again; null where it can.
    const char *unusable() const;

    /// Gives it back: to be closed where `unusable` says why.
    void end(const char *unusable) noexcept;

  private:
    friend class Ledger;
    Loan(std::shared_ptr<Ledger> ledger, Members members) noexcept;
    Members release() noexcept;

    std::shared_ptr<Ledger> ledger_;
    Members members_; // one or none
    unsigned generation_ = fork_generation();
};

/// Somebody who waits: for a connection, or for min_size of them. It leaves by
/// itself; what it was given and has not taken passes to the next.
class Ledger::Request {
  public:
    enum class For { one, all };

    Request(std::shared_ptr<Ledger> ledger, For what, Call &call);
    Request(const Request &) = delete;
    Request &operator=(const Request &) = delete;
    Request(Request &&) = delete;
    Request &operator=(Request &&) = delete;
    ~Request();

    /// Queues; again, before all others, if what it got could not be used.
    void join();

    /// True when take() has something to give or to throw.
    bool settled() const noexcept;

    /// What it has got: for one a loan. Throws what the opening failed of, or
    /// that the pool is closed.
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
    // Guarded by the ledger's mutex.
    Requests node_{this}; // its place in a list, while it is in none
    Requests::iterator place_ = node_.begin();
    Requests *list_ = nullptr; // that it is in
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

    /// It was made: it goes to the first who waits, or is idle.
    void fill(Member member);

    /// It could not be made. Callers that have waited since before it began are told.
    void fail(const std::exception_ptr &failure) noexcept;

  private:
    friend class Ledger;
    void leave() noexcept; // with the mutex held

    const std::shared_ptr<Ledger> ledger_;
    const Time begun_ = Clock::now();
    std::list<Time> node_{begun_}; // its place among the openings, before and after
    std::list<Time>::iterator place_ = node_.begin();
    bool open_ = false; // it has its place
    const unsigned generation_ = fork_generation();
};

/// That a pool is closed.
Error pool_closed();

} // namespace pyremctl
