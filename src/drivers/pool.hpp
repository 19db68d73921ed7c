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

/// How a pool connects, and how it looks after what it has.
struct PoolOptions {
    std::shared_ptr<Client> model; ///< not opened: its settings are the pool's
    Target target;
    bool offline = false; ///< nothing is opened: a fake's
    PoolLimits limits;
    std::optional<Duration> max_lifetime;
    Duration opening{};     ///< the longest that one connection may take to open
    Duration trusted{};     ///< one that was idle for less is only looked at
    Duration checking{};    ///< the longest that a check may take; a quarter of the call's at most
    bool in_threads = true; ///< else in an event loop, whose reactor runs keep()
};

/// Lends connections. A caller waits in a queue, and for nothing else: what
/// is missing is opened by the pool's keeper, in a helper thread or as a task of
/// an event loop, and nobody but the pool pays for it.
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

    /// Waits for a connection. One that was idle is checked before it is lent.
    Task<Loan> borrow(Caller caller, Call &call);

    /// Waits until there are min_size connections.
    Task<void> fill(Call &call);

    /// Opens what is missing until the pool is closed: for an event loop. It has
    /// no share of the pool. It ends at once where kept().
    Task<void> keep(Call &call);
    bool kept() const;

    void close() noexcept;
    bool closed() const noexcept { return closed_.load(); }

    /// At the end of an event loop: closes what is open. The pool serves on, in
    /// another one. How many connections were idle.
    std::size_t start_over();

    /// Throws Error where it is closed.
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
    // Guarded by StateLock(this): what the child of a fork goes on with.
    mutable std::shared_ptr<Ledger> ledger_;
    mutable unsigned generation_ = fork_generation();
};

} // namespace pyremctl
