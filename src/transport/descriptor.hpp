// The one owner of a file descriptor.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <mutex>
#include <utility>

#include "transport/process.hpp"

namespace pyremctl {

/// Owns a file descriptor and closes it; -1 means none.
///
/// All our descriptors are registered: the child of a fork closes its copies before
/// anything else happens, and owners that are destroyed in the child have nothing left
/// to close.
class Descriptor {
  public:
    Descriptor() noexcept = default;
    Descriptor(Descriptor &&other) noexcept
        : number_(std::exchange(other.number_, -1)), generation_(other.generation_) {}
    Descriptor &operator=(Descriptor &&other) noexcept {
        if (this != &other) {
            reset();
            number_ = std::exchange(other.number_, -1);
            generation_ = other.generation_;
        }
        return *this;
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    ~Descriptor() { reset(); }

    /// Owns the descriptor that `make` returns, or -1 (errno is kept). No fork can
    /// happen between creation and registration.
    template <class Make> static Descriptor from(Make make);

    int get() const noexcept { return number_; }
    explicit operator bool() const noexcept { return number_ >= 0; }

    /// Passes the ownership to the caller.
    int release() noexcept;

    void reset() noexcept;

    /// The same for a call that creates two and stores them in `numbers`; both are -1
    /// if it failed.
    template <class Make> static std::pair<Descriptor, Descriptor> pair_from(Make make);

  private:
    friend class LentDescriptor;
    static std::unique_lock<std::mutex> making();
    static void close_socket(int number) noexcept;
    void own(int number); // call with making() locked

    int number_ = -1;
    unsigned generation_ = fork_generation();
};

template <class Make> Descriptor Descriptor::from(Make make) {
    Descriptor made; // declared before the lock, which its destructor takes
    const auto lock = making();
    made.own(make());
    return made;
}

template <class Make> std::pair<Descriptor, Descriptor> Descriptor::pair_from(Make make) {
    std::pair<Descriptor, Descriptor> made;
    const auto lock = making();
    int numbers[2] = {-1, -1};
    make(numbers);
    made.first.number_ = numbers[0]; // closed if registering fails
    made.second.number_ = numbers[1];
    made.first.own(numbers[0]);
    made.second.own(numbers[1]);
    return made;
}

/// True if the process can open no other descriptor once it holds `held` more: those
/// that an attempt held and has closed. Libraries report what they could not open as
/// missing, or with any errno.
bool out_of_descriptors(std::size_t held = 0);

/// A descriptor that was passed to a library, which may close it at any time, and that
/// the child of a fork must close all the same. It is identified by its inode, because
/// its number may belong to another file by then.
class LentDescriptor {
  public:
    explicit LentDescriptor(int number);
    LentDescriptor(const LentDescriptor &) = delete;
    LentDescriptor &operator=(const LentDescriptor &) = delete;
    LentDescriptor(LentDescriptor &&) = delete;
    LentDescriptor &operator=(LentDescriptor &&) = delete;
    ~LentDescriptor();

    int number() const noexcept { return number_; }

    /// Makes the library's number refer to another file, and returns the one that it
    /// referred to. Without a free descriptor, does nothing and returns none.
    Descriptor replace(const Descriptor &by);

    /// Makes it refer to that file again. The library must not have closed the number.
    void restore(Descriptor file) noexcept;

  private:
    friend struct OwnedDescriptors;
    friend class Descriptor;
    LentDescriptor() noexcept = default; // not yet in the list

    int number_ = -1;
    unsigned generation_ = fork_generation();
    ino_t inode_ = 0;
    LentDescriptor *previous_ = nullptr;
    LentDescriptor *next_ = nullptr;
};

} // namespace pyremctl
