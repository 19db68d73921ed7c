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

    /// A copy of what a system call gave.
    static Address copy_of(const sockaddr *address, socklen_t length);
};

/// The outcome of a look-up: addresses, or why there are none.
struct Lookup {
    std::vector<Address> addresses;
    std::string problem; ///< gai_strerror's words; empty on success
    bool out_of_descriptors = false;
};

/// Asks the system's resolver for the TCP addresses of a host. May block for
/// as long as the resolver likes, unless `numeric`: then only an address in
/// digits is understood, and the answer comes at once.
Lookup look_up(const std::string &host, std::uint16_t port, bool numeric);

/// The address to connect from, as set_source_ip takes it: an IPv4 or IPv6
/// address in digits. Nothing for "any" and "all", which libremctl takes to
/// mean no choice, and nothing for what is no address (see is_source).
std::optional<Address> source_address(const std::string &source);

/// True when set_source_ip understands it.
bool is_source(const std::string &source);

/// Orders addresses for connecting: families in turn, the first one first
/// (RFC 8305 section 4).
std::vector<Address> interleave(const std::vector<Address> &addresses);

/// The same addresses at another port.
std::vector<Address> at_port(std::vector<Address> addresses, std::uint16_t port);

} // namespace pyremctl
