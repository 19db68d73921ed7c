// A listening TCP socket on the loopback address.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdint>

#include "input.hpp"
#include "transport/descriptor.hpp"

namespace pyremctl::fuzz {

class Listener {
  public:
    Listener()
        : socket_(
              Descriptor::from([] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); })) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto *const raw = reinterpret_cast<sockaddr *>(&address);
        require(::bind(socket_.get(), raw, length) == 0 && ::listen(socket_.get(), 8) == 0 &&
                    ::getsockname(socket_.get(), raw, &length) == 0,
                "a server listens");
        port_ = ntohs(address.sin_port);
    }

    std::uint16_t port() const { return port_; }

    /// The next connection; empty after stop().
    Descriptor accept() const {
        pollfd interest{socket_.get(), POLLIN, 0};
        // Outside of from(), which keeps other threads from making descriptors.
        ::poll(&interest, 1, -1);
        return Descriptor::from(
            [&] { return ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC); });
    }

    /// Refuses connections from now on; another thread may be in accept().
    void stop() const { ::shutdown(socket_.get(), SHUT_RDWR); }

  private:
    Descriptor socket_;
    std::uint16_t port_ = 0;
};

} // namespace pyremctl::fuzz
