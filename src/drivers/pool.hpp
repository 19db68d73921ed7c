// A pool of connections to one server.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "drivers/client.hpp"
#include "drivers/ledger.hpp"
#include "transport/shared_only.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// How a pool connects, and how it maintains its connections.
struct PoolOptions {
    std::shared_ptr<Client> model; ///< an unopened client with the pool's settings
    Target target;
    bool offline = false; ///< opens nothing: a fake
    PoolLimits limits;
    std::optional<Duration> max_lifetime;
    Duration opening{};     ///< the longest time that one connection may take to open
    Duration trusted{};     ///< a connection that was idle for less than this is not pinged
    Duration checking{};    ///< the longest time of a check; at most a quarter of the call's
    bool in_threads = true; ///< else an event loop's reactor runs keep()
};

/// Lends connections. A caller waits in a queue, and for nothing else: the pool's
/// keeper opens missing connections, in a helper thread or as a task of an event loop.
///
/// The child of a fork has an empty pool.
class Pool : public SharedOnly, public std::enable_shared_from_this<Pool> {
  public:
    using Loan = Ledger::Loan;

    explicit Pool(PoolOptions options);
    Pool(const Pool &) = delete;
    Pool &operator=(const Pool &) = delete;
    Pool(Pool &&) = delete;
    Pool &operator=(Pool &&) = delete;
    ~Pool();

    const PoolOptions &options() const noexcept { return *options_; }

    /// Waits for a connection. An idle connection is checked before it is lent.
    Task<Loan> borrow(Caller caller, Call &call);

    /// Waits until there are min_size connections.
    Task<void> fill(Call &call);

    /// For an event loop: opens missing connections until the pool is closed. The task
    /// does not keep the pool alive. It ends immediately if kept().
    Task<void> keep(Call &call);
    bool kept() const;

    void close() noexcept;
    bool closed() const noexcept { return closed_.load(); }

    /// Called at the end of an event loop: closes the connections. The pool can then be
    /// used in another loop. Returns how many connections were idle.
    std::size_t start_over();

    /// Throws Error if the pool is closed.
    void require_open() const;

    Ledger::Sizes sizes() const { return current()->sizes(); }
    PoolCounts &counts() const noexcept { return *counts_; }

  private:
    using Shared = std::shared_ptr<const PoolOptions>;

    std::shared_ptr<Ledger> current() const;
    std::shared_ptr<Ledger> make_ledger() const;

    const Shared options_;
    const std::shared_ptr<PoolCounts> counts_ = std::make_shared<PoolCounts>();
    std::atomic<bool> closed_{false};
    // Guarded by StateLock(this): the state that the child of a fork continues with.
    mutable std::shared_ptr<Ledger> ledger_;
    mutable unsigned generation_ = fork_generation();
};

} // namespace pyremctl
