// Stores a long answer so that it is never held in memory twice.
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

/// Bytes in pieces of growing size. move_to() frees each piece as soon as it is copied,
/// so that never more than the whole and a sixteenth of it is held.
///
/// Do not append to one that was moved in part.
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

    /// Moves at most `most` bytes from the front to `target`. Returns how many.
    std::size_t move_to(char *target, std::size_t most) noexcept {
        std::size_t moved = 0;
        while (moved < most && first_ < pieces_.size()) {
            Piece &piece = pieces_[first_];
            const std::size_t count = std::min(piece.used - piece.taken, most - moved);
            std::memcpy(target + moved, piece.memory + piece.taken, count);
            piece.taken += count;
            moved += count;
            if (piece.taken == piece.used) {
                piece.free();
                ++first_;
            }
        }
        size_ -= moved;
        return moved;
    }

  private:
    static constexpr std::size_t smallest = 64UL * 1024;
    static constexpr std::size_t largest = 16UL * 1024 * 1024;

    /// Memory that comes from the system directly, so that it is returned immediately.
    struct Piece {
        char *memory;
        std::size_t size;
        std::size_t used = 0;
        std::size_t taken = 0; // moved out, from its front

        explicit Piece(std::size_t wanted) : size(wanted) {
            void *mapped =
                ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (mapped == MAP_FAILED)
                throw std::bad_alloc();
            memory = static_cast<char *>(mapped);
        }
        Piece(Piece &&other) noexcept
            : memory(std::exchange(other.memory, nullptr)), size(other.size), used(other.used),
              taken(other.taken) {}
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
    std::size_t first_ = 0; // pieces before it are moved out
    std::size_t size_ = 0;
};

} // namespace pyremctl
