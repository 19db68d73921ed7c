// Numbers as they stand in messages: four bytes, in network order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace pyremctl::fuzz {

inline std::string four(std::size_t value) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8)
        text += static_cast<char>(value >> shift & 0xff);
    return text;
}

inline std::uint32_t number(const std::string &plain, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value = value << 8 | static_cast<unsigned char>(plain[at + i]);
    return value;
}

} // namespace pyremctl::fuzz
