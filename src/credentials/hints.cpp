#include "credentials/hints.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "credentials/kerberos.hpp"
#include "credentials/times.hpp"
#include "transport/address.hpp"
#include "transport/error.hpp"

#include <profile.h>

namespace pyremctl::hints {

namespace {

using kerberos::Context;

constexpr long noticeable = 60; // seconds of clock difference

constexpr const char *get_a_ticket = "get a ticket with kinit, or name a keytab with keytab=.";

/// The KDCs of a realm in krb5.conf.
std::vector<std::string> configured_kdcs(const Context &context, const std::string &realm) {
    profile_t profile = nullptr;
    if (krb5_get_profile(context.get(), &profile) != 0)
        return {};
    const std::array<const char *, 4> path = {"realms", realm.c_str(), "kdc", nullptr};
    char **values = nullptr;
    std::vector<std::string> kdcs;
    if (profile_get_values(profile, path.data(), &values) == 0) {
        for (const char *const *value = values; *value != nullptr; ++value)
            kdcs.emplace_back(*value);
        profile_free_list(values);
    }
    profile_release(profile);
    return kdcs;
}

std::string joined(const std::vector<std::string> &parts) {
    std::string text;
    for (const std::string &part : parts)
        text += (text.empty() ? "" : ", ") + part;
    return text;
}

/// A KDC entry of krb5.conf without protocol and port.
std::string host_of(std::string kdc) {
    if (const auto slash = kdc.find('/'); slash != std::string::npos)
        kdc.erase(0, slash + 1);
    if (kdc.starts_with('['))
        return kdc.substr(1, kdc.find(']') - 1);
    return kdc.substr(0, kdc.find(':'));
}

bool is_address(const std::string &host) {
    in6_addr address{};
    return ::inet_pton(AF_INET, host.c_str(), &address) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

/// libkrb5 says of names that it could not resolve no more than that no KDC
/// could be reached.
bool only_unknown_names(const std::vector<std::string> &kdcs) {
    std::vector<std::string> hosts(kdcs.size());
    std::ranges::transform(kdcs, hosts.begin(), host_of);
    return !hosts.empty() && std::ranges::none_of(hosts, is_address) && !any_resolves(hosts);
}

std::string no_kdc(const Context &context, const std::string &realm, const char *what) {
    const std::string kdcs = joined(configured_kdcs(context, realm));
    if (kdcs.empty())
        return "No KDC of the realm " + realm +
               " is known, or none answers: name one in krb5.conf (kdc in [realms]), or check the "
               "realm's SRV records in DNS.";
    return "No KDC of the realm " + realm + " " + what + " (krb5.conf has " + kdcs +
           "): check the network, and whether the KDC runs.";
}

} // namespace

std::string realm_of(const std::string &principal) {
    const auto at = principal.rfind('@');
    return at == std::string::npos ? "" : principal.substr(at + 1);
}

std::string kdc_unreachable(const Context &context, const std::string &realm) {
    if (only_unknown_names(configured_kdcs(context, realm)))
        return kdc_unresolved(context, realm);
    return no_kdc(context, realm, "can be reached");
}

std::string kdc_silent(const Context &context, const std::string &realm) {
    return no_kdc(context, realm, "has answered in time");
}

std::string kdc_unresolved(const Context &context, const std::string &realm) {
    const std::string names = joined(named_kdcs(context, realm));
    if (names.empty())
        return no_kdc(context, realm, "can be reached");
    return "No KDC of the realm " + realm + " can be found, for its name cannot be resolved (" +
           names + "): correct it in krb5.conf (kdc in [realms]), or check DNS.";
}

std::string kdc_names_slow(const std::string &realm, const std::vector<std::string> &names) {
    return "The names of the KDCs of the realm " + realm + " were not resolved in time (" +
           joined(names) + "): check DNS, or give their addresses in krb5.conf (kdc in [realms]).";
}

std::vector<std::string> named_kdcs(const Context &context, const std::string &realm) {
    std::vector<std::string> names;
    for (const std::string &kdc : configured_kdcs(context, realm))
        if (std::string host = host_of(kdc); !is_address(host))
            names.push_back(std::move(host));
    return names;
}

bool any_resolves(const std::vector<std::string> &names) {
    constexpr std::uint16_t port = 88;
    return std::ranges::any_of(names, [](const std::string &name) {
        return !look_up(name, port, false).addresses.empty();
    });
}

std::string locked_cache(const std::string &name) {
    return "The ticket cache " + name +
           " could not be read in time: another process has it locked, or the service that keeps "
           "it does not answer; check with klist.";
}

std::string locked_keytab(const std::string &name) {
    return "The keytab " + name +
           " could not be read in time: another process has it locked; check with klist -k.";
}

std::string slow_name_service(const std::string &host) {
    return "DNS did not answer in time when Kerberos looked up " + host +
           " there: check DNS, or set dns_canonicalize_hostname = false and rdns = false in "
           "krb5.conf.";
}

std::string clocks_apart(long offset) {
    if (std::abs(offset) >= noticeable)
        return "This machine's clock was " + length_of(offset) +
               (offset > 0 ? " behind" : " ahead of") +
               " the KDC's when the ticket was got: set the clocks right (NTP), and get a new "
               "ticket.";
    return "The clocks of this machine, the server and the KDC are further apart than Kerberos "
           "allows (clockskew in krb5.conf, 5 minutes by default): set them right (NTP).";
}

std::string no_descriptors() { return "Descriptors have run out: " + descriptors_used_up() + "."; }

std::string about_cache(const CacheFacts &cache) {
    const std::string whose =
        "The ticket of " + cache.principal.value_or("?") + " in the cache " + cache.name;
    switch (cache.state) {
    case CacheFacts::State::missing:
        return "There is no ticket cache " + cache.name + ": " + get_a_ticket;
    case CacheFacts::State::unreadable:
        return "The ticket cache " + cache.name + " cannot be read (" + cache.problem +
               "): check its name and its owner, or replace it with kinit.";
    case CacheFacts::State::no_ticket:
        return "There is no ticket in the cache " + cache.name + ": " + get_a_ticket;
    case CacheFacts::State::ticket:
        break;
    }
    if (cache.expired())
        return whose + " expired at " + in_utc(cache.expires) + ", " + length_of(cache.left()) +
               " ago: " + get_a_ticket;
    if (cache.postdated)
        return whose + " is postdated, and valid from " + in_utc(cache.starts) +
               " on: validate it then with kinit -v, or get one that is valid now with kinit.";
    return "";
}

} // namespace pyremctl::hints
