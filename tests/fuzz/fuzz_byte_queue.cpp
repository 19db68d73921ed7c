// ByteQueue against a string.
#include <cstring>

#include "input.hpp"
#include "transport/byte_queue.hpp"

using namespace pyremctl;
using namespace pyremctl::fuzz;

namespace {

/// Mostly little, now and then much.
std::size_t amount(Input &input) {
    return input.below(16) == 0 ? input.below(100'000) : input.below(2000);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input(data, size);
    ByteQueue queue;
    std::string model;
    unsigned char next = 0;
    while (!input.empty()) {
        switch (input.below(4)) {
        case 0: {
            const std::size_t wanted = amount(input);
            const auto room = queue.room(wanted);
            require(room.size() >= wanted, "room for what was wanted");
            const std::size_t count = std::min(amount(input), room.size());
            for (std::size_t i = 0; i < count; ++i)
                model += room[i] = static_cast<char>(next++);
            queue.commit(count);
            break;
        }
        case 1: {
            const std::size_t count = std::min(amount(input), model.size());
            queue.consume(count);
            model.erase(0, count);
            break;
        }
        case 2:
            queue.trim();
            break;
        default: {
            // A trickle, which is not to cost more and more.
            for (int i = 0; i < 50; ++i) {
                const auto room = queue.room(1);
                model += room[0] = static_cast<char>(next++);
                queue.commit(1);
            }
        }
        }
        const auto bytes = queue.bytes();
        require(queue.size() == model.size() && queue.empty() == model.empty(), "its size");
        require(model.empty() || std::memcmp(bytes.data(), model.data(), model.size()) == 0,
                "its bytes");
        if (model.size() > 1'000'000)
            break;
    }
    return 0;
}
