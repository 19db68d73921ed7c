// Batches tokens of a fast server, to avoid one wake-up per token.
#pragma once

#include <cstddef>
#include <optional>

#include "transport/task.hpp"

namespace pyremctl {

/// Watches how fast a server sends. Waking up for a token of 4 KiB costs more than
/// reading it (on processors with AES instructions), and costs the server time too. So
/// once a server has sent a quarter of a megabyte in small pieces with short pauses,
/// reading waits for a moment so that tokens collect. If more data than that is found
/// each time, the reader is the slower side, and no batching is needed.
class Gathering {
  public:
    /// Called before a wait for the server: the time until which it is better not to
    /// watch the socket, or nothing.
    std::optional<Time> until() noexcept;

    /// Called after each receive, with the number of bytes.
    void came(std::size_t bytes) noexcept;

    /// Forgets the measurements, for a new command.
    void start_over() noexcept { *this = {}; }

  private:
    bool gathers() const noexcept;

    std::optional<Time> waiting_; // since when it has been waiting
    bool at_once_ = false;        // the last wait was short
    std::size_t bytes_ = 0;       // bytes received since then
    int in_a_row_ = 0;            // number of short waits in a row that brought little data
};

} // namespace pyremctl
