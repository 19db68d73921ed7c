// Helper threads, kept for a while after their work.
#pragma once

#include <functional>

namespace pyremctl::workers {

/// Runs `work`, which does not throw, on a helper thread: an idle one, or a new
/// one. There is no limit to their number, for then as many silent peers would
/// stop all. Idle ones end after half a second, and before a fork; the system
/// lists them as "remctl-idle".
///
/// A helper blocks all signals: handlers run where Python wants them, and a
/// write to a peer that is gone raises no SIGPIPE. Throws Error if no
/// thread can be started.
void run(std::function<void()> work);

} // namespace pyremctl::workers
