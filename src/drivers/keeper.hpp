// Opens the connections that a pool is missing.
#pragma once

#include <memory>

#include "drivers/ledger.hpp"
#include "drivers/pool.hpp"
#include "transport/task.hpp"

namespace pyremctl {

/// The keeper: opens the connections that the ledger reports missing, several at a time
/// but at most five at once to one address. It ends when the pool is closed and, unless
/// it `stays`, when nothing is missing. A ledger has one keeper at a time.
Task<void> keep(std::shared_ptr<Ledger> ledger, std::shared_ptr<const PoolOptions> options,
                bool stays, Call &call);

/// The same on a helper thread, for as long as something is missing. Throws Error if no
/// thread can be started.
void keep_in_thread(const std::shared_ptr<Ledger> &ledger,
                    std::shared_ptr<const PoolOptions> options);

} // namespace pyremctl
