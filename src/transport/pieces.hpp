// A long answer, kept without holding it twice when it is handed on.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

namespace pyremctl {

/// Bytes in pieces that grow with their number, each given back to the system
/// as soon as it was moved out: at no time is more than the whole and a
/// sixteenth of it held.
class Pieces {
  public:
    std::size_t size() const noexcept { return size_; }

    /// Throws std::bad_alloc.
    void append(std::string_view data) {
        while (!data.empty()) {
            if (pieces_.empty() || pieces_.back().used == pieces_.back().size)
                pieces_.emplace_back(std::clamp(size_ / 16, smallest, largest));
            Piece &last = pieces_.back();
            const std::size_t count = std::min(last.size - last.used, data.size());
            std::memcpy(last.memory + last.used, data.data(), count);
            last.used += count;
            size_ += count;
            data.remove_prefix(count);
        }
    }

    /// Writes all of it to `target`, which has room for size() bytes, and is
    /// empty then.
    void move_to(char *target) noexcept {
        for (Piece &piece : pieces_) {
            std::memcpy(target, piece.memory, piece.used);
            target += piece.used;
            piece.free();
        }
        pieces_.clear();
        size_ = 0;
    }

  private:
    static constexpr std::size_t smallest = 64UL * 1024;
    static constexpr std::size_t largest = 16UL * 1024 * 1024;

    /// Memory of the system's own, so that it goes back there at once.
    struct Piece {
        char *memory;
        std::size_t size;
        std::size_t used = 0;

        explicit Piece(std::size_t wanted) : size(wanted) {
            void *mapped =
                ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (mapped == MAP_FAILED)
                throw std::bad_alloc();
            memory = static_cast<char *>(mapped);
        }
        Piece(Piece &&other) noexcept
            : memory(std::exchange(other.memory, nullptr)), size(other.size), used(other.used) {}
        Piece(const Piece &) = delete;
        Piece &operator=(const Piece &) = delete;
        Piece &operator=(Piece &&) = delete;
        ~Piece() { free(); }

        void free() noexcept {
            if (memory != nullptr)
                ::munmap(memory, size);
            memory = nullptr;
        }
    };

    std::vector<Piece> pieces_;
    std::size_t size_ = 0;
};

} // namespace pyremctl
