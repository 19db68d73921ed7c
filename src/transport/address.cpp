#include "transport/address.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "transport/descriptor.hpp"
#include "transport/error.hpp"

namespace pyremctl {

namespace {

bool means_any(const std::string &source) { return source == "any" || source == "all"; }

} // namespace

Address Address::copy_of(const sockaddr *address, socklen_t length) {
    Address copy;
    copy.length = std::min<socklen_t>(length, sizeof copy.storage);
    std::memcpy(&copy.storage, address, copy.length);
    return copy;
}

Lookup look_up(const std::string &host, std::uint16_t port, bool numeric) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | (numeric ? AI_NUMERICHOST : 0);
    addrinfo *found = nullptr;
    const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    Lookup lookup;
    if (status != 0) {
        const int error = errno;
        lookup.out_of_descriptors = !numeric && out_of_descriptors();
        if (lookup.out_of_descriptors)
            lookup.problem = problem_of(EMFILE);
        else
            lookup.problem = status == EAI_SYSTEM ? problem_of(error) : ::gai_strerror(status);
        return lookup;
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    for (const addrinfo *entry = found; entry != nullptr; entry = entry->ai_next)
        lookup.addresses.push_back(Address::copy_of(entry->ai_addr, entry->ai_addrlen));
    return lookup;
}

std::optional<Address> source_address(const std::string &source) {
    if (means_any(source) || source.empty())
        return std::nullopt;
    const Lookup lookup = look_up(source, 0, true);
    if (lookup.addresses.empty())
        return std::nullopt;
    return lookup.addresses.front();
}

bool is_source(const std::string &source) {
    return means_any(source) || source_address(source).has_value();
}

std::vector<Address> interleave(const std::vector<Address> &addresses) {
    std::vector<Address> preferred;
    std::vector<Address> others;
    for (const Address &address : addresses)
        (address.family() == addresses.front().family() ? preferred : others).push_back(address);
    std::vector<Address> ordered;
    for (std::size_t i = 0; i < std::max(preferred.size(), others.size()); ++i) {
        if (i < preferred.size())
            ordered.push_back(preferred[i]);
        if (i < others.size())
            ordered.push_back(others[i]);
    }
    return ordered;
}

std::vector<Address> at_port(std::vector<Address> addresses, std::uint16_t port) {
    for (Address &address : addresses) {
        if (address.family() == AF_INET)
            reinterpret_cast<sockaddr_in &>(address.storage).sin_port = htons(port);
        else if (address.family() == AF_INET6)
            reinterpret_cast<sockaddr_in6 &>(address.storage).sin6_port = htons(port);
    }
    return addresses;
}

} // namespace pyremctl
