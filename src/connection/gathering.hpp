// When it is better to let a server's tokens gather than to be woken for each.
#pragma once

#include <cstddef>
#include <optional>

#include "transport/task.hpp"

namespace pyremctl {

/// Watches how fast a server sends. To be woken for a token of 4 KiB costs more
/// than to read it, where the processor has instructions for AES, and the
/// server pays for its part of it. So once a server has sent a little at a time
/// and at once, for a quarter of a megabyte, its tokens are let gather for a
/// moment. A reader that finds more than that is the slower side, and is left alone.
class Gathering {
  public:
    /// Before a wait for the server: the moment until which it is better to
    /// wait for nothing, or none.
    std::optional<Time> until() noexcept;

    /// What was received: bytes, or none.
    void came(std::size_t bytes) noexcept;

    /// What comes next has nothing to do with what came.
    void start_over() noexcept { *this = {}; }

  private:
    bool gathers() const noexcept;

    std::optional<Time> waiting_; // since when
    bool at_once_ = false;        // whether the last wait was short
    std::size_t bytes_ = 0;       // that have come since then
    int in_a_row_ = 0;            // waits that were short, and for little
};

} // namespace pyremctl
