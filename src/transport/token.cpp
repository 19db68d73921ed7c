#include "transport/token.hpp"

#include <algorithm>

namespace pyremctl {

void TokenScanner::read_header() noexcept {
    header_count_ = 0;
    if ((header_[0] & token_protocol) == 0)
        all_with_protocol_ = false;
    left_ = std::size_t{header_[1]} << 24 | std::size_t{header_[2]} << 16 |
            std::size_t{header_[3]} << 8 | std::size_t{header_[4]};
    if (left_ > token_max_length)
        refused_ = true;
    if (refused_ || left_ == 0)
        ++whole_;
}

void TokenScanner::advance(std::span<const char> bytes) noexcept {
    while (!bytes.empty() && !refused_) {
        if (left_ != 0) {
            const std::size_t count = std::min(left_, bytes.size());
            bytes = bytes.subspan(count);
            left_ -= count;
            if (left_ == 0)
                ++whole_;
        } else {
            header_[header_count_++] = static_cast<unsigned char>(bytes.front());
            bytes = bytes.subspan(1);
            if (header_count_ == token_header_size)
                read_header();
        }
    }
}

} // namespace pyremctl
