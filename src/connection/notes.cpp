#include "connection/notes.hpp"

#include <array>
#include <atomic>
#include <cstdio>

#include "connection/connection.hpp"
#include "transport/journal.hpp"
#include "transport/socket.hpp"

namespace pyremctl {

namespace {

constexpr auto topic = journal::Topic::connections;

/// How long it has taken, as text and as a fact.
std::string since(Time begin, journal::Facts &facts) {
    const std::chrono::duration<double> taken = Clock::now() - begin;
    facts.seconds = taken.count();
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.1f ms", taken.count() * 1000);
    return text.data();
}

/// The log's name for an error token with this code.
const char *kind_of_refusal(std::uint32_t code) noexcept {
    constexpr std::uint32_t unknown_command = 5;
    constexpr std::uint32_t access = 6;
    if (code == unknown_command)
        return "unknown_command";
    return code == access ? "denied" : "refused";
}

std::uint64_t next_number() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::string counted(std::size_t number, const char *what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

std::string in_quotes(const std::string &name) { return '"' + name + '"'; }

} // namespace

Notes::Notes() noexcept : number_(next_number()) {}

template <class Make> void Notes::say(Make make) const noexcept {
    journal::note(topic, [&](journal::Facts &facts) {
        if (!host_.empty())
            facts.host = host_;
        if (port_ != 0)
            facts.port = port_;
        facts.connection = number_;
        facts.command = name_;
        return where_ + ": " + make(facts);
    });
}

void Notes::about(const Target &target, std::uint16_t port) {
    where_ = target.host.empty() ? target.principal.value_or("") : target.host;
    host_ = target.host;
    port_ = port;
    where_ += port != 0 ? " (port " + std::to_string(port) + ")" : " (a socket)";
}

void Notes::connected(int socket, Time begin) const noexcept {
    say([&](journal::Facts &facts) {
        return "connected to " + peer_in_digits(socket) + " in " + since(begin, facts);
    });
}

void Notes::authenticated(const Target &target, Time begin) const noexcept {
    say([&](journal::Facts &facts) {
        return "authenticated, the server is " + target.principal.value_or("host/" + target.host) +
               ", in " + since(begin, facts);
    });
}

void Notes::old_protocol() const noexcept {
    say([](journal::Facts & /*none*/) { return std::string("the server speaks protocol 1"); });
}

void Notes::reconnecting(std::string_view why) noexcept {
    say([&](journal::Facts & /*none*/) { return "reconnecting: " + std::string(why); });
    lost_ = false;
}

void Notes::asked(const Request &request) {
    name_.reset();
    if (!request.name || !journal::kept(topic))
        return;
    name_ = request.name;
    asked_at_ = Clock::now();
    bytes_ = 0;
    say([&](journal::Facts &facts) {
        std::size_t bytes = 0;
        for (const iovec &argument : request.arguments)
            bytes += argument.iov_len;
        facts.bytes = bytes;
        return "command " + in_quotes(*name_) + ": " +
               counted(request.arguments.size(), "argument") + ", " + counted(bytes, "byte");
    });
}

void Notes::answered(const Token &token) noexcept {
    if (!name_)
        return;
    if (token.type == Token::Type::output) {
        bytes_ += token.data.size();
        return;
    }
    say([&](journal::Facts &facts) {
        const bool ran = token.type == Token::Type::status;
        if (ran)
            facts.status = token.status;
        else
            facts.kind = kind_of_refusal(static_cast<std::uint32_t>(token.error));
        facts.bytes = bytes_;
        const std::string what =
            ran ? "status " + std::to_string(token.status) : "error " + std::to_string(token.error);
        return what + " of " + in_quotes(*name_) + " after " + since(asked_at_, facts) + ", " +
               counted(bytes_, "byte") + " of output";
    });
    name_.reset();
}

void Notes::sign_of_life(bool given, Time begin) const noexcept {
    say([&](journal::Facts &facts) {
        return (given ? "NOOP answered after " : "NOOP is not known to the server, after ") +
               since(begin, facts);
    });
}

void Notes::failed(const Error &error) noexcept { ended(name_of(error.kind()), error.what()); }

void Notes::ended(const char *kind, const char *why) noexcept {
    say([&](journal::Facts &facts) {
        if (kind != nullptr)
            facts.kind = kind;
        if (name_) { // a command has ended
            facts.bytes = bytes_;
            static_cast<void>(since(asked_at_, facts));
        }
        std::string text = lost_ ? "dropped" : "failed";
        if (kind != nullptr)
            text += " (" + std::string(kind) + ")";
        return text + ": " + why;
    });
    lost_ = false;
    name_.reset();
}

void Notes::closed() const noexcept {
    say([](journal::Facts & /*none*/) { return std::string("closed"); });
}

} // namespace pyremctl
