// The bytes that libFuzzer gives, as a sequence of decisions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

namespace pyremctl::fuzz {

class Input {
  public:
    Input(const std::uint8_t *data, std::size_t size) : left_(data, size) {}

    bool empty() const { return left_.empty(); }

    /// A byte, 0 at the end.
    std::uint8_t byte() {
        if (left_.empty())
            return 0;
        const std::uint8_t first = left_.front();
        left_ = left_.subspan(1);
        return first;
    }

    /// A number below `limit`.
    std::size_t below(std::size_t limit) {
        std::size_t number = byte();
        if (limit > 256)
            number = number << 8 | byte();
        if (limit > 65536)
            number = number << 8 | byte();
        return limit == 0 ? 0 : number % limit;
    }

    /// Some bytes, as many as there are at the most.
    std::string bytes(std::size_t most) {
        const std::size_t count = std::min(below(most + 1), left_.size());
        std::string taken(reinterpret_cast<const char *>(left_.data()), count);
        left_ = left_.subspan(count);
        return taken;
    }

    /// All that is left.
    std::string rest() {
        std::string taken(reinterpret_cast<const char *>(left_.data()), left_.size());
        left_ = {};
        return taken;
    }

  private:
    std::span<const std::uint8_t> left_;
};

/// What must hold.
inline void require(bool holds, const char *what) {
    if (holds)
        return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

} // namespace pyremctl::fuzz
