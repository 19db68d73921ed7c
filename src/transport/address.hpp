// Names and addresses of servers.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pyremctl {

/// A socket address of any family.
struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;

    int family() const noexcept { return storage.ss_family; }
    const sockaddr *get() const noexcept { return reinterpret_cast<const sockaddr *>(&storage); }

    /// A copy of an address from a system call.
    static Address copy_of(const sockaddr *address, socklen_t length);
};

/// The result of a look-up: addresses, or the reason why there are none.
struct Lookup {
    std::vector<Address> addresses;
    std::string problem;             ///< the text of gai_strerror; empty on success
    bool out_of_descriptors = false; ///< the resolver could open none: the reason it failed
};

/// Asks the system's resolver for the TCP addresses of a host. It may block for as long
/// as the resolver does. If `numeric`, it only parses numeric addresses and never
/// blocks.
Lookup look_up(const std::string &host, std::uint16_t port, bool numeric);

/// The address to connect from, as in set_source_ip: a numeric IPv4 or IPv6 address.
/// Nothing for "any" and "all", which mean no choice in libremctl, and nothing for an
/// invalid address (see is_source).
std::optional<Address> source_address(const std::string &source);

/// True if set_source_ip accepts it.
bool is_source(const std::string &source);

/// Orders addresses for connecting: the families alternate, starting with the first one
/// (RFC 8305 section 4).
std::vector<Address> interleave(const std::vector<Address> &addresses);

/// The same addresses at another port.
std::vector<Address> at_port(std::vector<Address> addresses, std::uint16_t port);

} // namespace pyremctl
