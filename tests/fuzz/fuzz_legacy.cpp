// A server of protocol 1, true and false: how it shows itself, and its one
// answer to a command, which libremctl reads from a connection that it has made
// by itself. Each answer must come out as the protocol has it, or as an Error.
//
// The environment is as for fuzz_server.cpp.

#include <future>
#include <optional>
#include <thread>
#include <vector>

#include "connection/connection.hpp"
#include "listener.hpp"
#include "peer.hpp"
#include "support.hpp"
#include "transport/error.hpp"
#include "wire.hpp"

using namespace pyremctl;
using namespace pyremctl::fuzz;
using namespace std::chrono_literals;

namespace {

/// What an answer means: output and status (protocol.txt, protocol 1).
struct Meaning {
    std::string output;
    int status = 0;
};

std::optional<Meaning> meaning(const std::string &plain) {
    if (plain.size() < 8 || number(plain, 4) != plain.size() - 8)
        return std::nullopt;
    const std::uint32_t status = number(plain, 0);
    const std::uint32_t byte = status & 0xff;
    return Meaning{plain.substr(8), static_cast<int>(status != 0 && byte == 0 ? 255 : byte)};
}

/// What is wrong with it, if anything.
enum class Bend {
    handshake,
    early_end,
    signature,
    unsigned_answer,
    flags,
    garbled,
    cut,
    long_length,
    unsealed,
    stall,
    none,
};

/// A command's connection as the server has it: a handshake, a command, an answer.
struct Exchange {
    Bend bend = Bend::none;
    std::string plain;
    unsigned flags = 0;
    std::size_t where = 0;

    explicit Exchange(Input &input) {
        const auto choice = input.below(24);
        if (choice < static_cast<std::size_t>(Bend::none))
            bend = static_cast<Bend>(choice);
        std::string data = input.bytes(80);
        if (input.below(16) == 0)
            data.resize(input.below(70'000), 'y');
        plain =
            four(input.below(2) == 0 ? input.byte() : input.byte() << 8) + four(data.size()) + data;
        switch (input.below(8)) {
        case 0:
            plain[input.below(plain.size())] ^= static_cast<char>(1 + input.below(255));
            break;
        case 1:
            plain.resize(input.below(plain.size() + 1));
            break;
        case 2:
            plain += input.bytes(20);
            break;
        default:
            break;
        }
        flags = input.byte();
        where = input.below(70'000);
    }

    std::optional<Meaning> expected() const {
        const bool sound = bend == Bend::none || (bend == Bend::flags && flags == flag_data) ||
                           (bend == Bend::handshake && (flags & flag_protocol) == 0) ||
                           (bend == Bend::signature && flags == flag_mic);
        return sound ? meaning(plain) : std::nullopt;
    }
};

class Server {
  public:
    Server(unsigned shows_itself, std::vector<Exchange> &exchanges)
        : shows_itself_(shows_itself), exchanges_(exchanges), thread_([this] { serve(); }) {}
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;
    Server(Server &&) = delete;
    Server &operator=(Server &&) = delete;
    ~Server() {
        give_up();
        listener_.stop();
        thread_.join();
    }

    /// Nobody waits for what it does not say.
    void give_up() {
        if (!std::exchange(given_up_, true))
            nobody_waits_.set_value();
    }

    std::uint16_t port() const { return listener_.port(); }

    std::atomic<std::size_t> had{0}; // commands

  private:
    std::optional<Peer> next() {
        Descriptor socket = listener_.accept();
        if (!socket)
            return std::nullopt;
        return std::optional<Peer>(std::in_place, std::move(socket));
    }

    void serve() {
        if (auto first = next()) {
            first->accept(shows_itself_);
            if (shows_itself_ == flag_context)
                first->receive(); // its end
        }
        for (const Exchange &exchange : exchanges_) {
            auto peer = next();
            if (!peer)
                return;
            answer(*peer, exchange);
        }
        listener_.stop();
    }

    void answer(Peer &peer, const Exchange &exchange) {
        if (exchange.bend == Bend::early_end)
            return;
        const unsigned shows_itself =
            exchange.bend == Bend::handshake ? exchange.flags : flag_context;
        if (!peer.accept(shows_itself) || (shows_itself & flag_protocol) != 0)
            return; // it has shown itself as another, and goes
        const std::string sealed = peer.receive();
        if (sealed.empty())
            return;
        const std::string command = peer.unwrap(sealed);
        ++had;
        if (exchange.bend == Bend::stall && exchange.where % 2 == 0)
            waited_.wait();
        if (exchange.bend != Bend::unsigned_answer) {
            std::string signature = peer.sign(command);
            if (exchange.bend == Bend::signature && exchange.flags == 0)
                signature[exchange.where % signature.size()] ^= 1;
            const bool bent = exchange.bend == Bend::signature && exchange.flags != 0;
            send(peer, test::token(bent ? exchange.flags : flag_mic, signature));
        }
        if (exchange.bend == Bend::stall)
            waited_.wait();
        std::string data =
            exchange.bend == Bend::unsealed ? exchange.plain : peer.wrap(exchange.plain);
        if (exchange.bend == Bend::garbled)
            data[exchange.where % data.size()] ^= 1;
        std::string token =
            test::token(exchange.bend == Bend::flags ? exchange.flags : flag_data, data);
        if (exchange.bend == Bend::cut)
            token.resize(exchange.where % token.size());
        if (exchange.bend == Bend::long_length)
            token = test::token(flag_data, data, (std::size_t{1} << 20) + 1 + exchange.where);
        send(peer, token);
    }

    static void send(Peer &peer, const std::string &data) { test::write_all(peer.socket(), data); }

    unsigned shows_itself_;
    const std::vector<Exchange> &exchanges_;
    Listener listener_;
    bool given_up_ = false;
    std::promise<void> nobody_waits_;
    std::shared_future<void> waited_ = nobody_waits_.get_future().share();
    std::thread thread_;
};

struct Client {
    Connection connection;
    test::Driver driver;

    template <class Verb> bool works(Verb verb) {
        try {
            driver.run(verb);
            return true;
        } catch (const Error &) {
            return false;
        }
    }

    bool open(std::uint16_t port) {
        const char *const principal = std::getenv("FUZZ_PRINCIPAL");
        require(principal != nullptr, "FUZZ_PRINCIPAL is set: run it with scripts/dev fuzz");
        return works([&](Call &call) {
            return connection.open(Target{"127.0.0.1", port, principal}, call);
        });
    }

    bool run(const SharedCommand &command, Result &result) {
        return works([&](Call &call) { return connection.run(command, result, call); });
    }

    bool by_token(const SharedCommand &command, Result &result) {
        bool good = works([&](Call &call) { return connection.command(command, call); });
        while (good && connection.pending())
            good = works([&](Call &call) -> Task<void> {
                const Token token = co_await connection.output(call);
                result.add(token);
            });
        return good;
    }
};

} // namespace

/// See fuzz_server.cpp.
extern "C" const char *__lsan_default_suppressions() {
    return "leak:gss_krb5int_unseal_token_v3\nleak:krb5int_setspecific\n";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input(data, size);
    const unsigned shows_itself = input.below(16) == 0 ? input.byte() : flag_context;
    std::vector<Exchange> exchanges;
    do {
        exchanges.emplace_back(input);
    } while (!input.empty() && exchanges.size() < 3);
    const auto way = input.below(2);
    bool stalls = false;
    for (const Exchange &exchange : exchanges)
        stalls = stalls || exchange.bend == Bend::stall;

    Client client;
    client.driver.limits.inactivity = stalls ? 100ms : 20s;
    Server server(shows_itself, exchanges);
    std::string word = "command";
    const auto command =
        std::make_shared<Request>(Request{.arguments = {{word.data(), word.size()}}, .name = {}});

    if (!client.open(server.port())) {
        const Bend first = exchanges.front().bend;
        require(shows_itself != flag_context || first == Bend::handshake ||
                    first == Bend::early_end || stalls,
                "a server of protocol 1 can be opened");
        require(!client.connection.opened() && !client.connection.may_have_run(), "and else not");
        return 0;
    }
    if (shows_itself != flag_context) {
        require((shows_itself & flag_protocol) != 0, "it has shown what it is");
        Result result;
        client.run(command, result); // reconnects, to one that is of protocol 1 by then
        return 0;
    }
    for (const Exchange &exchange : exchanges) {
        Result result;
        const std::size_t before = server.had;
        const bool good = way == 0 ? client.run(command, result) : client.by_token(command, result);
        const auto expected = exchange.expected();
        if (!stalls || good)
            require(good == expected.has_value(), "an answer, or an error");
        if (!good) {
            require(server.had == before || client.connection.may_have_run(),
                    "what ran may have run");
            require(!client.connection.pending(), "and no output is left");
            break;
        }
        require(result.status == expected->status, "the status");
        std::string output;
        if (result.stdout_data) {
            output.resize(result.stdout_data->size());
            result.stdout_data->move_to(output.data(), output.size());
        }
        require(output == expected->output, "the output");
        require(!result.stderr_data && !result.error, "and nothing else");
    }
    client.connection.close();
    return 0;
}
