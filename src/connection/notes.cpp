#include "connection/notes.hpp"

#include <array>
#include <cstdio>

#include "connection/connection.hpp"
#include "transport/journal.hpp"
#include "transport/socket.hpp"

namespace pyremctl {

namespace {

constexpr auto topic = journal::Topic::connections;

std::string since(Time begin) {
    const std::chrono::duration<double, std::milli> taken = Clock::now() - begin;
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.1f ms", taken.count());
    return text.data();
}

std::string counted(std::size_t number, const char *what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

std::string in_quotes(const std::string &name) { return '"' + name + '"'; }

} // namespace

template <class Make> void Notes::say(Make make) const noexcept {
    journal::note(topic, [&] { return where_ + ": " + make(); });
}

void Notes::about(const Target &target, std::uint16_t port) {
    where_ = target.host.empty() ? target.principal.value_or("") : target.host;
    where_ += port != 0 ? " (port " + std::to_string(port) + ")" : " (a socket)";
}

void Notes::connected(int socket, Time begin) const noexcept {
    say([&] { return "connected to " + peer_in_digits(socket) + " in " + since(begin); });
}

void Notes::authenticated(const Target &target, Time begin) const noexcept {
    say([&] {
        return "authenticated, the server is " + target.principal.value_or("host/" + target.host) +
               ", in " + since(begin);
    });
}

void Notes::old_protocol() const noexcept {
    say([] { return std::string("the server speaks protocol 1"); });
}

void Notes::reconnecting(std::string_view why) noexcept {
    say([&] { return "reconnecting: " + std::string(why); });
    lost_ = false;
}

void Notes::asked(const Request &request) {
    name_.reset();
    if (!request.name || !journal::kept(topic))
        return;
    name_ = request.name;
    asked_at_ = Clock::now();
    bytes_ = 0;
    say([&] {
        std::size_t bytes = 0;
        for (const iovec &argument : request.arguments)
            bytes += argument.iov_len;
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
    say([&] {
        const std::string what = token.type == Token::Type::status
                                     ? "status " + std::to_string(token.status)
                                     : "error " + std::to_string(token.error);
        return what + " of " + in_quotes(*name_) + " after " + since(asked_at_) + ", " +
               counted(bytes_, "byte") + " of output";
    });
    name_.reset();
}

void Notes::sign_of_life(bool given, Time begin) const noexcept {
    say([&] {
        return (given ? "NOOP answered after " : "NOOP is not known to the server, after ") +
               since(begin);
    });
}

void Notes::failed(const Error &error) noexcept { ended(name_of(error.kind()), error.what()); }

void Notes::ended(const char *kind, const char *why) noexcept {
    say([&] {
        std::string text = lost_ ? "dropped" : "failed";
        if (kind != nullptr)
            text += " (" + std::string(kind) + ")";
        return text + ": " + why;
    });
    lost_ = false;
    name_.reset();
}

void Notes::closed() const noexcept {
    say([] { return std::string("closed"); });
}

} // namespace pyremctl
