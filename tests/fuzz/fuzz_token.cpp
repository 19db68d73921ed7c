// TokenScanner against a description of the protocol's framing that sees all
// bytes at once, however they are cut.
#include <string_view>

#include "input.hpp"
#include "transport/token.hpp"

using namespace pyremctl;
using namespace pyremctl::fuzz;

namespace {

struct Expected {
    std::size_t whole = 0;
    bool all_with_protocol = true;
    bool inside = false;
    bool refused = false;
};

Expected look_at(std::string_view stream) {
    Expected expected;
    std::size_t at = 0;
    while (at < stream.size()) {
        expected.inside = true;
        if (stream.size() - at < token_header_size)
            return expected;
        std::size_t length = 0;
        for (std::size_t i = 1; i < token_header_size; ++i)
            length = length << 8 | static_cast<unsigned char>(stream[at + i]);
        if ((static_cast<unsigned char>(stream[at]) & token_protocol) == 0)
            expected.all_with_protocol = false;
        at += token_header_size;
        if (length > token_max_length) {
            ++expected.whole;
            expected.refused = true;
            return expected;
        }
        if (stream.size() - at < length)
            return expected;
        at += length;
        ++expected.whole;
        expected.inside = false;
    }
    return expected;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input(data, size);
    const std::size_t cuts = input.byte();
    std::string stream;
    // Tokens as they are, lengths that are long, and nonsense between them.
    while (!input.empty()) {
        switch (input.below(4)) {
        case 0:
            stream += input.bytes(300);
            break;
        case 1:
            stream += std::string("\x44\0\0\0\5hello", 10);
            break;
        case 2: {
            // Now and then around the limit of a token.
            const std::size_t length =
                input.below(16) == 0 ? token_max_length - 2 + input.below(4) : input.below(5000);
            stream += static_cast<char>(input.byte());
            for (int shift = 24; shift >= 0; shift -= 8)
                stream += static_cast<char>(length >> shift & 0xff);
            stream += std::string(std::min(length, std::size_t{20'000}), 'x');
            break;
        }
        default:
            stream += std::string("\x44\0\0\0\0", 5);
        }
        if (stream.size() > 200'000)
            break;
    }
    TokenScanner scanner;
    std::size_t fed = 0;
    std::size_t taken = 0;
    std::size_t step = cuts;
    while (fed < stream.size()) {
        step = (step * 31 + cuts) % 4099;
        const std::size_t count = std::min(step + 1, stream.size() - fed);
        scanner.advance(std::span(stream).subspan(fed, count));
        fed += count;
        if (step % 3 == 0 && scanner.whole() > 0) {
            scanner.take();
            ++taken;
        }
        if (step % 16 == 0 || fed == stream.size()) {
            const Expected now = look_at(std::string_view(stream).substr(0, fed));
            require(scanner.whole() + taken == now.whole, "as many tokens as there are");
            require(scanner.all_with_protocol() == now.all_with_protocol, "their flags");
            require(now.refused || scanner.inside() == now.inside, "in the middle of one or not");
        }
    }
    scanner.take_all();
    require(scanner.whole() == 0, "none is left");
    return 0;
}
