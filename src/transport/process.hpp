// What a fork changes: which process this is.
#pragma once

namespace pyremctl {

/// How many forks lie between the first process and this one. A value that
/// was remembered and differs now was remembered by an ancestor.
unsigned fork_generation() noexcept;

} // namespace pyremctl
