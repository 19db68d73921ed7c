// What a fork changes: which process this is.
#pragma once

#include <utility>

namespace pyremctl {

/// How many forks lie between the first process and this one. A value that
/// was remembered and differs now was remembered by an ancestor.
unsigned fork_generation() noexcept;

/// Loses something for good, in the child of a fork: what waits on threads
/// that are not there must not be destroyed.
// NOLINTNEXTLINE(*-owning-memory,clang-analyzer-cplusplus.NewDeleteLeaks): that is the purpose.
template <class T> void lose(T thing) { [[maybe_unused]] auto *lost = new T(std::move(thing)); }

} // namespace pyremctl
