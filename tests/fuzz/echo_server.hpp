// A server of protocol 2 that answers each command with the command's own name.
#pragma once

#include <string>
#include <thread>
#include <utility>

#include "input.hpp"
#include "listener.hpp"
#include "peer.hpp"
#include "support.hpp"
#include "wire.hpp"

namespace pyremctl::fuzz {

constexpr unsigned char type_command = 1;
constexpr unsigned char type_output = 3;
constexpr unsigned char type_status = 4;
constexpr unsigned char type_noop = 7;

/// Serves one connection after the other. A command is a name, and how to answer it: a
/// digit for as many tokens of output, each of which is the name, or "x" to hang up.
class EchoServer {
  public:
    EchoServer() : thread_([this] { serve(); }) {}
    EchoServer(const EchoServer &) = delete;
    EchoServer &operator=(const EchoServer &) = delete;
    EchoServer(EchoServer &&) = delete;
    EchoServer &operator=(EchoServer &&) = delete;
    /// Call it when no client is connected.
    ~EchoServer() {
        listener_.stop();
        thread_.join();
    }

    std::uint16_t port() const { return listener_.port(); }

  private:
    void serve() {
        for (;;) {
            Descriptor socket = listener_.accept();
            if (!socket)
                return;
            Peer peer(std::move(socket));
            if (!peer.accept())
                continue;
            while (answer(peer)) {
            }
        }
    }

    /// False at the end of the connection.
    static bool answer(Peer &peer) {
        const std::string sealed = peer.receive();
        if (sealed.empty())
            return false;
        const std::string message = peer.unwrap(sealed);
        if (message.size() >= 2 && message[1] == type_noop) {
            send(peer, std::string{3, type_noop});
            return true;
        }
        if (message.size() < 8 || message[1] != type_command)
            return false;
        const std::size_t length = number(message, 8);
        const std::string name = message.substr(12, length);
        const char how = message.at(message.size() - 1);
        if (how == 'x')
            return false;
        for (char count = '0'; count < how; ++count)
            send(peer, std::string{2, type_output, 1} + four(name.size()) + name);
        send(peer, std::string{2, type_status, 7});
        return true;
    }

    static void send(Peer &peer, const std::string &message) {
        test::write_all(peer.socket(), test::token(flag_data | flag_protocol, peer.wrap(message)));
    }

    Listener listener_;
    std::thread thread_;
};

} // namespace pyremctl::fuzz
