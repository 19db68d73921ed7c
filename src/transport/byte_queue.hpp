// A buffer for bytes between two descriptors.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

namespace pyremctl {

/// A first-in, first-out queue of bytes in one piece of memory.
class ByteQueue {
  public:
    std::size_t size() const noexcept { return tail_ - head_; }
    bool empty() const noexcept { return head_ == tail_; }
    std::span<const char> bytes() const noexcept { return {memory_.get() + head_, size()}; }

    /// Makes room for at least `wanted` more bytes; report with commit() how many were
    /// written.
    std::span<char> room(std::size_t wanted) {
        if (capacity_ - tail_ < wanted)
            make_room(wanted);
        return {memory_.get() + tail_, capacity_ - tail_};
    }

    void commit(std::size_t count) noexcept { tail_ += count; }

    void consume(std::size_t count) noexcept {
        head_ += count;
        if (head_ == tail_)
            head_ = tail_ = 0;
    }

    /// Frees the memory if the queue is empty.
    void trim() noexcept {
        if (!empty())
            return;
        memory_.reset();
        capacity_ = 0;
    }

  private:
    void make_room(std::size_t wanted) {
        const std::size_t held = size();
        if (held + wanted <= capacity_ && held <= head_) {
            // Moves at most as many bytes as were taken since the last move.
            std::memmove(memory_.get(), memory_.get() + head_, held);
        } else {
            // Grow by at least half, so that small additions do not copy the data each
            // time.
            const std::size_t larger = std::max(held + wanted, capacity_ + (capacity_ / 2));
            std::unique_ptr<char[]> memory(new char[larger]);
            if (held != 0)
                std::memcpy(memory.get(), memory_.get() + head_, held);
            memory_ = std::move(memory);
            capacity_ = larger;
        }
        head_ = 0;
        tail_ = held;
    }

    std::unique_ptr<char[]> memory_; // left uninitialised: it is always written before it is read
    std::size_t capacity_ = 0;
    std::size_t head_ = 0;
    std::size_t tail_ = 0;
};

} // namespace pyremctl
