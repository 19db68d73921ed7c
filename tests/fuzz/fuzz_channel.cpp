// Channel between a server and a library that are both this program: any bytes,
// cut anywhere, in any order of pumping, flushing, receiving, stalling and
// ending. What arrives at either end is what was written at the other.
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "connection/channel.hpp"
#include "input.hpp"
#include "transport/socket.hpp"

using namespace pyremctl;
using namespace pyremctl::fuzz;

namespace {

/// Bytes that tell where they belong: a stream begins with the first.
const std::string &pattern() {
    static const std::string bytes = [] {
        std::string made(std::size_t{1} << 22, '\0');
        for (std::size_t i = 0; i < made.size(); ++i)
            made[i] = static_cast<char>((i * 131) >> 3 ^ i);
        return made;
    }();
    return bytes;
}

/// Mostly little, now and then more than any buffer holds.
std::size_t amount(Input &input) {
    return input.below(8) == 0 ? input.below(400'000) : input.below(9000);
}

/// What was written in one direction, and how much of it has arrived.
struct Flow {
    std::size_t written = 0;
    std::size_t arrived = 0;
};

/// A stream of tokens of all sizes, so that the scanner has something to find.
class Tokens {
  public:
    /// The next bytes of the stream.
    std::string take(std::size_t most, Input &input) {
        if (left_.empty()) {
            const std::size_t length = amount(input);
            left_ = std::string("\x44\0", 2);
            left_ += static_cast<char>(length >> 16 & 0xff);
            left_ += static_cast<char>(length >> 8 & 0xff);
            left_ += static_cast<char>(length & 0xff);
            left_ += std::string(length, static_cast<char>(++count_));
        }
        std::string piece = left_.substr(0, most);
        return piece;
    }
    void wrote(std::size_t count) {
        left_.erase(0, count);
        if (left_.empty())
            ++whole;
    }

    std::size_t whole = 0; ///< written to their end

  private:
    std::string left_;
    unsigned count_ = 0;
};

std::string read_some(int descriptor, std::size_t most) {
    std::string got(most, '\0');
    const auto count = ::recv(descriptor, got.data(), most, MSG_DONTWAIT);
    got.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return got;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input(data, size);
    auto [server, socket] = socket_pair();
    const int small = input.byte() % 2 == 0 ? 4608 : 100'000;
    ::setsockopt(server.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    Channel channel(std::move(socket));
    const int library = channel.library_end();
    Flow up;           // from the library to the server
    std::string sent;  // by the server, all of it
    std::string heard; // by the library, all of it
    Tokens tokens;
    bool server_open = true;
    bool server_ended = false;
    std::size_t taken = 0;
    std::size_t compared = 0;

    const auto hear = [&](std::size_t most) {
        heard += read_some(library, most);
        require(heard.size() <= sent.size() &&
                    heard.compare(compared, heard.size() - compared, sent, compared,
                                  heard.size() - compared) == 0,
                "down: what was sent, in its order");
        compared = heard.size();
    };
    const auto take_up = [&, &sender = server](std::size_t most) {
        if (!server_open)
            return;
        const std::string got = read_some(sender.get(), most);
        require(got.size() <= up.written - up.arrived, "up: no more than was written");
        require(pattern().compare(up.arrived, got.size(), got) == 0, "up: the right bytes");
        up.arrived += got.size();
    };

    while (!input.empty()) {
        switch (input.below(12)) {
        case 0: { // the library writes
            const std::size_t most = std::min(amount(input), pattern().size() - up.written);
            const auto count =
                ::send(library, pattern().data() + up.written, most, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count > 0)
                up.written += static_cast<std::size_t>(count);
            break;
        }
        case 1: { // the server writes
            if (!server_open || server_ended)
                break;
            const std::string piece = tokens.take(1 + amount(input), input);
            const auto count =
                ::send(server.get(), piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count > 0) {
                sent.append(piece, 0, static_cast<std::size_t>(count));
                tokens.wrote(static_cast<std::size_t>(count));
            }
            break;
        }
        case 2:
            channel.pump();
            break;
        case 3:
            channel.flush();
            break;
        case 4:
            channel.await_server();
            channel.receive();
            break;
        case 5:
            hear(1 + amount(input));
            break;
        case 6:
            take_up(1 + amount(input));
            break;
        case 7: // the server will say no more
            if (server_open && input.below(8) == 0) {
                ::shutdown(server.get(), SHUT_WR);
                server_ended = true;
            }
            break;
        case 8: // the server has gone
            if (server_open && input.below(16) == 0) {
                server.reset();
                server_open = false;
            }
            break;
        case 9:
            if (channel.token_ready() && taken < tokens.whole) {
                channel.take_token();
                ++taken;
            }
            break;
        case 10:
            for (const pollfd &interest : channel.interests(input.below(2) == 0))
                require(interest.events != 0 && interest.fd >= 0, "an interest in something");
            break;
        default:
            channel.trim();
        }
        require(channel.sent() <= up.written, "no more sent than written");
        require(!server_open || channel.outgoing() || channel.sent() == up.written,
                "all was sent when nothing is outgoing");
    }

    // Now everybody does his part: all arrives.
    if (server_open) {
        if (!server_ended)
            ::shutdown(server.get(), SHUT_WR);
        for (std::size_t quiet = 0; quiet < 4;) {
            const std::size_t before = up.arrived + heard.size();
            channel.pump();
            hear(70'000);
            take_up(70'000);
            quiet = up.arrived + heard.size() == before ? quiet + 1 : 0;
        }
        require(heard == sent, "down: all that was sent");
        require(up.arrived == up.written || up.written <= 5, "up: all that was written");
        require(channel.token_ready(), "the end of file can be read");
        require(channel.problem() == "unexpected end of file", "what has happened");
    } else {
        for (int i = 0; i < 100; ++i) {
            channel.pump();
            hear(70'000);
        }
        require(channel.token_ready(), "the end of file can be read, though the server has gone");
    }
    if (input.byte() % 2 == 0)
        channel.abort();
    else
        channel.close();
    char byte = 0;
    require(::recv(library, &byte, 1, MSG_DONTWAIT) <= 0, "the library hears no more");
    return 0;
}
