// A server's answers, true and false, behind a true GSS context: what reaches
// libremctl's own parser, and what our code makes of it. Messages are built
// from the input and bent before they are wrapped; each must come out as the
// protocol has it, or as an Error.
//
// The environment has to give a ticket (KRB5CCNAME, with one for the service in
// it), a keytab (KRB5_KTNAME) and the service's name (FUZZ_PRINCIPAL).
#include <sys/socket.h>

#include <optional>
#include <thread>
#include <vector>

#include "connection/connection.hpp"
#include "peer.hpp"
#include "support.hpp"
#include "transport/error.hpp"
#include "wire.hpp"

using namespace pyremctl;
using namespace pyremctl::fuzz;

namespace {

struct Session {
    Connection connection;
    test::Driver driver;
    std::unique_ptr<Peer> peer;

    Session() {
        auto [ours, theirs] = socket_pair();
        peer = std::make_unique<Peer>(std::move(theirs));
        driver.limits.inactivity = std::chrono::seconds(20);
        const char *const principal = std::getenv("FUZZ_PRINCIPAL");
        require(principal != nullptr, "FUZZ_PRINCIPAL is set: run it with scripts/dev fuzz");
        std::thread server([this] { peer->accept(); });
        Descriptor socket = std::move(ours);
        driver.run([&](Call &call) {
            return connection.adopt(std::move(socket), Target{"localhost", 0, principal}, call);
        });
        server.join();
    }

    void send(const std::string &data) { test::write_all(peer->socket(), data); }
};

/// A token as the interface gives it.
struct Seen {
    Token::Type type{};
    std::string data;
    int stream = 0;
    int status = 0;
    std::uint32_t error = 0;
    bool operator==(const Seen &) const = default;
};

/// What a message means (protocol.txt, MESSAGE_OUTPUT and after it); nothing
/// when it means nothing.
std::optional<Seen> meaning(const std::string &plain) {
    if (plain.size() < 3 || (plain[0] != 2 && plain[0] != 3))
        return std::nullopt;
    Seen seen;
    switch (plain[1]) {
    case 3:
        if (plain.size() < 7 || (plain[2] != 1 && plain[2] != 2) ||
            number(plain, 3) != plain.size() - 7)
            return std::nullopt;
        seen.type = Token::Type::output;
        seen.stream = plain[2];
        seen.data = plain.substr(7);
        return seen;
    case 4:
        if (plain.size() != 3)
            return std::nullopt;
        seen.type = Token::Type::status;
        seen.status = static_cast<unsigned char>(plain[2]);
        return seen;
    case 5:
        if (plain.size() < 10 || number(plain, 6) != plain.size() - 10)
            return std::nullopt;
        seen.type = Token::Type::error;
        seen.error = number(plain, 2);
        seen.data = plain.substr(10);
        return seen;
    default:
        return std::nullopt;
    }
}

std::string message(Input &input) {
    switch (input.below(6)) {
    case 0:
    case 1: {
        const char stream = static_cast<char>(1 + input.below(2));
        std::string data = input.bytes(200);
        if (input.below(16) == 0)
            data.resize(input.below(60'000), 'y');
        return std::string("\2\3") + stream + four(data.size()) + data;
    }
    case 2:
        return std::string("\2\4") + static_cast<char>(input.byte());
    case 3: {
        const std::string text = input.bytes(60);
        return std::string("\2\5") + four(input.below(12)) + four(text.size()) + text;
    }
    case 4:
        return std::string("\3\7", 2);
    default:
        return input.bytes(40);
    }
}

/// An answer: bytes for the socket, and what they mean.
struct Answer {
    std::string bytes;
    std::vector<Seen> meant;
    bool whole = false;  ///< it ends with a status or an error
    bool beyond = false; ///< and there is more behind that
};

Answer answer(Input &input, Peer &peer) {
    Answer answer;
    bool out_of_step = false;
    while (!input.empty() && answer.bytes.size() < 120'000 && !answer.beyond) {
        std::string plain = message(input);
        unsigned flags = flag_data | flag_protocol;
        bool sound = true;
        std::string sealed;
        const auto bend = input.below(12);
        if (bend == 0 && !plain.empty())
            plain[input.below(plain.size())] ^= static_cast<char>(1 + input.below(255));
        if (bend == 1)
            plain.resize(input.below(plain.size() + 1));
        if (bend == 2)
            plain += input.bytes(20);
        if (bend == 3) {
            sealed = plain; // not sealed at all
            sound = false;
        } else {
            sealed = peer.wrap(plain);
        }
        if (bend == 4) {
            flags = input.byte();
            sound = flags == (flag_data | flag_protocol);
        }
        if (bend == 5) {
            sealed[input.below(sealed.size())] ^= static_cast<char>(1 + input.below(255));
            sound = false;
        }
        std::string token = test::token(flags, sealed);
        if (bend == 6) {
            // Never to nothing: one that was wrapped and not sent is a gap for the next answer.
            token.resize(1 + input.below(token.size() - 1));
            sound = false;
        }
        if (bend == 7) {
            token = test::token(flags, sealed, (std::size_t{1} << 20) + input.below(70'000));
            sound = false;
        }
        answer.bytes += token;
        if (answer.whole) {
            answer.beyond = !token.empty();
            break;
        }
        const auto seen = meaning(plain);
        if (out_of_step || !sound || !seen) {
            out_of_step = true; // nothing after it means anything
            continue;
        }
        answer.meant.push_back(*seen);
        answer.whole = seen->type != Token::Type::output;
        if (answer.whole && input.below(4) != 0)
            break;
    }
    return answer;
}

Seen see(const Token &token) {
    return {token.type, std::string(token.data), token.stream, token.status, token.error};
}

SharedCommand command_of(std::string &word) {
    return std::make_shared<Request>(
        Request{.arguments = {{word.data(), word.size()}}, .name = {}});
}

/// Reads the answer token by token. True when it was whole.
bool read_tokens(Session &session, const Answer &expected) {
    std::vector<Seen> seen;
    bool failed = false;
    try {
        while (session.connection.pending()) {
            session.driver.run([&](Call &call) -> Task<void> {
                const Token token = co_await session.connection.output(call);
                seen.push_back(see(token));
            });
        }
    } catch (const Error &) {
        failed = true;
    }
    require(seen == expected.meant, "the tokens are what the server meant");
    require(failed == !expected.whole, "and whatever else came is an error");
    return !failed;
}

bool read_all(Session &session, const Answer &expected, std::string &word) {
    Result result;
    bool failed = false;
    std::thread server([&] {
        session.peer->receive();
        session.send(expected.bytes);
        if (!expected.whole)
            ::shutdown(session.peer->socket(), SHUT_WR);
    });
    try {
        session.driver.run(
            [&](Call &call) { return session.connection.run(command_of(word), result, call); });
    } catch (const Error &) {
        failed = true;
    }
    server.join();
    std::string out[2];
    for (const Seen &seen : expected.meant) {
        if (seen.type == Token::Type::output)
            out[seen.stream - 1] += seen.data;
        if (seen.type == Token::Type::status)
            require(result.status == seen.status, "the status");
        if (seen.type == Token::Type::error)
            require(result.error == seen.error && result.error_text == seen.data, "the error");
    }
    const auto size = [](const std::optional<Pieces> &pieces) {
        return pieces ? pieces->size() : 0;
    };
    require(size(result.stdout_data) == out[0].size(), "all of the output");
    require(size(result.stderr_data) == out[1].size(), "all of the error output");
    require(failed == !expected.whole, "and whatever else came is an error");
    return !failed;
}

bool read_noop(Session &session, const Answer &expected) {
    bool failed = false;
    bool known = false;
    std::thread server([&] {
        session.peer->receive();
        session.send(expected.bytes);
        ::shutdown(session.peer->socket(), SHUT_WR);
    });
    try {
        known = session.driver.run([&](Call &call) { return session.connection.noop(call); });
    } catch (const Error &) {
        failed = true;
    }
    server.join();
    require(!(failed && known), "it is one or the other");
    return false; // this server has nothing more to give
}

} // namespace

/// Leaks that are not ours. libremctl 3.18 forgets the data of a token that GSS-API unwraps but
/// finds repeated or out of order (token_recv_priv): once for a connection, which is dropped then.
/// And libkrb5 keeps data for each thread, which cannot be found while a thread ends.
extern "C" const char *__lsan_default_suppressions() {
    return "leak:gss_krb5int_unseal_token_v3\nleak:krb5int_setspecific\n";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static std::unique_ptr<Session> session;
    Input input(data, size);
    const auto way = input.below(8);
    if (!session)
        session = std::make_unique<Session>();
    std::string word = "command";
    bool whole = false;
    const Answer expected = answer(input, *session->peer);
    if (way == 0) {
        whole = read_noop(*session, expected);
    } else if (way < 4) {
        whole = read_all(*session, expected, word);
    } else {
        session->driver.run(
            [&](Call &call) { return session->connection.command(command_of(word), call); });
        session->peer->receive();
        session->send(expected.bytes);
        if (!expected.whole)
            ::shutdown(session->peer->socket(), SHUT_WR);
        whole = read_tokens(*session, expected);
    }
    if (whole && !expected.beyond)
        return 0; // it serves on
    if (whole) {
        // What came behind the answer is nobody's: such a connection is not used again.
        bool refused = false;
        try {
            session->driver.run(
                [&](Call &call) { return session->connection.command(command_of(word), call); });
        } catch (const Error &) {
            refused = true;
        }
        require(refused, "a connection on which the server spoke out of turn is not used");
    }
    session.reset();
    return 0;
}
