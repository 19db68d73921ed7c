#include "credentials/explain.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "credentials/cache.hpp"
#include "credentials/kerberos.hpp"
#include "handle/leaving.hpp"
#include "transport/error.hpp"

#include <profile.h>

namespace pyremctl {

namespace {

using namespace kerberos;

constexpr long noticeable = 60; // seconds that clocks are apart

std::string moment(std::time_t time) {
    std::tm parts{};
    std::array<char, 32> text{};
    if (::gmtime_r(&time, &parts) == nullptr)
        return "?";
    const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
    return {text.data(), length};
}

std::string length_of(long seconds) {
    seconds = std::abs(seconds);
    if (seconds < 120)
        return std::to_string(seconds) + " s";
    if (seconds < 7200)
        return std::to_string(seconds / 60) + " min";
    if (seconds < 172800)
        return std::to_string(seconds / 3600) + " h";
    return std::to_string(seconds / 86400) + " days";
}

/// What stands between two pieces of the text, the last time; or nothing.
std::string between(const std::string &text, std::string_view before, std::string_view after) {
    const auto end = text.rfind(after);
    if (end == std::string::npos || end == 0)
        return "";
    const auto start = text.rfind(before, end - 1);
    if (start == std::string::npos)
        return "";
    return text.substr(start + before.size(), end - start - before.size());
}

bool has(const std::string &text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// Whether libkrb5's words for one of the codes, in whatever language, are in
/// the text.
bool has_words(const Context &context, const std::string &text,
               std::initializer_list<krb5_error_code> codes) {
    return std::ranges::any_of(
        codes, [&](krb5_error_code code) { return has(text, context.words(code)); });
}

std::string realm_of(const std::string &principal) {
    const auto at = principal.rfind('@');
    return at == std::string::npos ? "" : principal.substr(at + 1);
}

std::string default_realm(const Context &context) {
    char *realm = nullptr;
    if (krb5_get_default_realm(context.get(), &realm) != 0)
        return "";
    std::string text(realm);
    krb5_free_default_realm(context.get(), realm);
    return text;
}

/// The KDCs of a realm as krb5.conf has them.
std::string configured_kdcs(const Context &context, const std::string &realm) {
    profile_t profile = nullptr;
    if (krb5_get_profile(context.get(), &profile) != 0)
        return "";
    const std::array<const char *, 4> path = {"realms", realm.c_str(), "kdc", nullptr};
    char **values = nullptr;
    std::string text;
    if (profile_get_values(profile, path.data(), &values) == 0) {
        for (const char *const *value = values; *value != nullptr; ++value)
            text += (text.empty() ? "" : ", ") + std::string(*value);
        profile_free_list(values);
    }
    profile_release(profile);
    return text;
}

/// `what` the KDCs of a realm did not do.
std::string no_kdc(const Context &context, const std::string &realm, const char *what) {
    const std::string kdcs = configured_kdcs(context, realm);
    if (kdcs.empty())
        return "No KDC of the realm " + realm +
               " is known or answers: name one in krb5.conf (kdc in [realms]), or check its SRV "
               "records in DNS.";
    return "No KDC of the realm " + realm + " " + what + " (krb5.conf has " + kdcs +
           "): check the network, and whether the KDC runs.";
}

constexpr const char *unreachable = "can be reached";
constexpr const char *silent = "has answered in time";

std::string clocks_apart(long offset) {
    if (std::abs(offset) >= noticeable)
        return "This machine's clock was " + length_of(offset) +
               (offset > 0 ? " behind" : " ahead of") +
               " the KDC's when the ticket was got: set the clocks right (NTP), and get a new "
               "ticket.";
    return "The clocks of this machine, the server and the KDC are further apart than Kerberos "
           "allows (clockskew in krb5.conf, 5 minutes by default): set them right (NTP).";
}

/// What is wrong with a cache that is out of order.
std::string about_cache(const CacheFacts &cache) {
    switch (cache.state) {
    case CacheFacts::State::missing:
        return "There is no ticket cache " + cache.name +
               ": get a ticket with kinit, or name a keytab with keytab=.";
    case CacheFacts::State::unreadable:
        return "The ticket cache " + cache.name + " cannot be read (" + cache.problem +
               "): check its name and its owner, or make it anew with kinit.";
    case CacheFacts::State::no_ticket:
        return "There is no ticket in the cache " + cache.name +
               ": get one with kinit, or name a keytab with keytab=.";
    case CacheFacts::State::ticket:
        break;
    }
    return "The ticket of " + cache.principal.value_or("?") + " in the cache " + cache.name +
           " expired at " + moment(cache.expires) + ", " + length_of(cache.left()) +
           " ago: get a new one with kinit, or name a keytab with keytab=.";
}

/// A failure and what is known of how it came about.
class Explanation {
  public:
    Explanation(std::string failure, Attempt attempt)
        : failure_(std::move(failure)), attempt_(std::move(attempt)),
          cache_(look_at(attempt_.ccache)) {}

    Diagnosis diagnosis() const {
        if (cache_decides())
            return {.kind = ErrorKind::ticket, .hint = about_cache(cache_)};
        if (has(failure_, "not found in Kerberos database") ||
            mentions({KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN}))
            return {.kind = ErrorKind::authenticate, .hint = unknown_server()};
        if (has(failure_, "Cannot contact any KDC") || has(failure_, "Cannot find KDC") ||
            mentions({KRB5_KDC_UNREACH, KRB5_REALM_UNKNOWN}))
            return {.kind = ErrorKind::kdc, .hint = no_kdc(context_, silent_realm(), unreachable)};
        if (failure_.ends_with(": timed out"))
            return {.kind = ErrorKind::kdc, .hint = no_kdc(context_, silent_realm(), silent)};
        return {.kind = ErrorKind::authenticate, .hint = about_names_and_keys()};
    }

  private:
    std::string about_names_and_keys() const {
        if (mentions({KRB5KRB_AP_ERR_SKEW, KRB5_KDCREP_SKEW, KRB5KRB_AP_ERR_TKT_NYV,
                      KRB5KRB_AP_ERR_TKT_EXPIRED}))
            return clocks_apart(cache_.clock_offset);
        if (mentions({KRB5_PARSE_MALFORMED}))
            return "principal= is no Kerberos name: write it like host/" + attempt_.host +
                   " or host/" + attempt_.host + "@REALM.";
        if (mentions({KRB5_CONFIG_NODEFREALM}))
            return "Kerberos knows no default realm: set default_realm in krb5.conf, or give the "
                   "server's name with its realm in principal=.";
        return about_server_key();
    }

    bool mentions(std::initializer_list<krb5_error_code> codes) const {
        return has_words(context_, failure_, codes);
    }

    /// Whether it is the cache that is out of order. With the default one
    /// GSS-API may have used another of its collection, or the default client
    /// keytab: then the failure has to agree.
    bool cache_decides() const {
        if (cache_.state == CacheFacts::State::ticket)
            return cache_.left() < noticeable &&
                   (mentions({KRB5KRB_AP_ERR_TKT_EXPIRED}) || (attempt_.ccache && !cache_.valid()));
        return attempt_.ccache || cache_.state == CacheFacts::State::unreadable ||
               has(failure_, "No Kerberos credentials available") ||
               mentions({KRB5_FCC_NOFILE, KRB5_CC_NOTFOUND});
    }

    std::string server() const {
        if (const auto name = between(failure_, "Server ", " not found in Kerberos database");
            !name.empty())
            return name;
        return attempt_.principal.value_or("host/" + attempt_.host);
    }

    std::string silent_realm() const {
        std::string realm = between(failure_, "realm '", "'");
        if (realm.empty())
            realm = between(failure_, "realm \"", "\"");
        if (realm.empty() && cache_.principal)
            realm = realm_of(*cache_.principal);
        return realm.empty() ? default_realm(context_) : realm;
    }

    /// The client's own name, where the server's should be.
    bool names_client() const {
        if (!attempt_.principal || !cache_.principal)
            return false;
        return *attempt_.principal == *cache_.principal ||
               *attempt_.principal + "@" + realm_of(*cache_.principal) == *cache_.principal;
    }

    std::string its_own_name() const {
        return "principal= is the server's name, and " + cache_.principal.value_or("this") +
               " is the client's: leave it out, or give the server's.";
    }

    std::string unknown_server() const {
        if (names_client())
            return its_own_name();
        const std::string name = server();
        const std::string_view granting = "krbtgt/";
        if (name.starts_with(granting))
            return "The KDC of the realm " + realm_of(name) + " does not know the realm " +
                   name.substr(granting.size(), name.rfind('@') - granting.size()) +
                   ", which the server's name has: check the name (principal=, or [domain_realm] "
                   "in krb5.conf).";
        if (attempt_.principal)
            return "The KDC does not know " + name +
                   ", which principal= gives as the server's name: check its spelling and its "
                   "realm.";
        return "The KDC does not know " + name + ", the name made from the host " + attempt_.host +
               ": use the host's full name, or give the server's name with principal=.";
    }

    std::string about_server_key() const {
        const std::string fits = "in the server's keytab (klist -k there) does not fit";
        if (mentions({KRB5KRB_AP_ERR_NOT_US, KRB5KRB_AP_ERR_NOKEY, KRB5_KT_NOTFOUND,
                      KRB5_PRINC_NOMATCH, KRB5KRB_AP_WRONG_PRINC}))
            return names_client() ? its_own_name()
                                  : "The server's keytab has no key of " + server() +
                                        ": put it in there (kadmin: ktadd), or give the name that "
                                        "it has with principal=.";
        if (mentions({KRB5KRB_AP_ERR_BADKEYVER, KRB5_KT_KVNONOTFOUND}))
            return "The server's keytab has another version of the key of " + server() +
                   " than the KDC: put the new key in there (kadmin: ktadd), and get a new ticket.";
        if (mentions({KRB5KRB_AP_ERR_BAD_INTEGRITY, KRB5KRB_AP_ERR_MODIFIED}))
            return "The key of " + server() + " " + fits +
                   " the KDC's: put the KDC's key in there (kadmin: ktadd), and get a new ticket.";
        return "";
    }

    std::string failure_;
    Attempt attempt_;
    Context context_;
    CacheFacts cache_;
};

/// An open gets so far only when the handshake has begun.
bool hung_up(const std::string &failure) {
    return failure == "error receiving token: unexpected end of file";
}

std::string no_descriptors() { return "Descriptors have run out: " + descriptors_used_up() + "."; }

bool about_authentication(const std::string &failure) {
    return has(failure, "GSS-API error") || failure.starts_with("error opening ticket cache");
}

} // namespace

Diagnosis explain(const std::string &failure, const Attempt &attempt) {
    if (hung_up(failure))
        return {.kind = std::nullopt,
                .hint = "The server hung up before anybody was authenticated: its log says why "
                        "(often it has no keytab that it can read)."};
    if (!about_authentication(failure))
        return {};
    if (has(failure, std::strerror(EMFILE)))
        return {.kind = ErrorKind::local, .hint = no_descriptors()};
    const InLibrary call;
    try {
        return Explanation(failure, attempt).diagnosis();
    } catch (const Problem &problem) {
        return {.kind = ErrorKind::local,
                .hint = "Kerberos cannot be set up (" + std::string(problem.what()) +
                        "): check krb5.conf."};
    }
}

Diagnosis explain_request(int code, const KeytabIdentity &identity) {
    const InLibrary call;
    const std::string realm = realm_of(identity.principal);
    try {
        const Context context;
        switch (code) {
        case EMFILE:
            return {.kind = ErrorKind::local, .hint = no_descriptors()};
        case KRB5_KDC_UNREACH:
        case KRB5_REALM_UNKNOWN:
            return {.kind = ErrorKind::kdc, .hint = no_kdc(context, realm, unreachable)};
        case KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN:
            return {.kind = ErrorKind::ticket,
                    .hint = "The KDC of the realm " + realm + " does not know " +
                            identity.principal +
                            ": check the keytab, and principal= (here the client's)."};
        case KRB5KRB_AP_ERR_SKEW:
        case KRB5_KDCREP_SKEW:
            return {.kind = ErrorKind::authenticate, .hint = clocks_apart(0)};
        case KRB5KDC_ERR_ETYPE_NOSUPP:
        case KRB5_KT_NOTFOUND:
            return {.kind = ErrorKind::ticket,
                    .hint = "The keytab has no key of " + identity.principal +
                            " of a kind that the KDC takes: export it anew (kadmin: ktadd)."};
        default:
            return {.kind = ErrorKind::ticket, .hint = ""};
        }
    } catch (const Problem &) {
        return {.kind = ErrorKind::local, .hint = ""};
    }
}

std::string explain_silence(const std::string &principal) {
    const InLibrary call;
    try {
        return no_kdc(Context(), realm_of(principal), silent);
    } catch (const Problem &) {
        return "";
    }
}

} // namespace pyremctl
