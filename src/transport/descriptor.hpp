// The one owner of a file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace pyremctl {

/// Owns a file descriptor and closes it; -1 stands for none.
class Descriptor {
  public:
    Descriptor() noexcept = default;
    explicit Descriptor(int number) noexcept : number_(number) {}
    Descriptor(Descriptor &&other) noexcept : number_(other.release()) {}
    Descriptor &operator=(Descriptor &&other) noexcept {
        if (this != &other)
            reset(other.release());
        return *this;
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    ~Descriptor() { reset(); }

    int get() const noexcept { return number_; }
    explicit operator bool() const noexcept { return number_ >= 0; }

    /// Gives the descriptor away: the caller owns it from now on.
    int release() noexcept { return std::exchange(number_, -1); }

    void reset(int number = -1) noexcept {
        const int old = std::exchange(number_, number);
        if (old >= 0)
            ::close(old);
    }

  private:
    int number_ = -1;
};

} // namespace pyremctl
