// The framing of the remctl protocol (protocol.txt, "Basic Packet Format"):
// one byte of flags, four bytes of length in network order, the data.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace pyremctl {

constexpr unsigned char token_context = 0x02;
constexpr unsigned char token_protocol = 0x40; ///< absent from a protocol-1 server's tokens

constexpr std::size_t token_header_size = 5;                   ///< bytes
constexpr std::size_t token_max_length = std::size_t{1} << 20; ///< bytes of data libremctl accepts

/// Scans a stream of tokens and counts the complete ones.
///
/// A token whose header announces more data than libremctl accepts counts as complete
/// after its header, because the library refuses it then without reading on.
class TokenScanner {
  public:
    void advance(std::span<const char> bytes) noexcept;

    /// Complete tokens that were scanned and not taken yet.
    std::size_t whole() const noexcept { return whole_; }
    void take() noexcept { --whole_; }
    void take_all() noexcept { whole_ = 0; }

    /// True unless a token without token_protocol in its flags was scanned.
    bool all_with_protocol() const noexcept { return all_with_protocol_; }

    /// True in the middle of a token.
    bool inside() const noexcept { return header_count_ != 0 || left_ != 0; }

  private:
    void read_header() noexcept;

    std::array<unsigned char, token_header_size> header_{};
    std::size_t header_count_ = 0;
    std::size_t left_ = 0; // missing bytes of the current token
    std::size_t whole_ = 0;
    bool all_with_protocol_ = true;
    bool refused_ = false; // a token was too large: nothing after it can be parsed
};

} // namespace pyremctl
