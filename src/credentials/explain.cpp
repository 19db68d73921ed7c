#include "credentials/explain.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "credentials/cache.hpp"
#include "credentials/hints.hpp"
#include "credentials/kerberos.hpp"
#include "credentials/service_ticket.hpp"
#include "handle/leaving.hpp"
#include "transport/descriptor.hpp"
#include "transport/error.hpp"

namespace pyremctl {

namespace {

using namespace kerberos;

constexpr const char *no_credentials = "No credentials were supplied";
constexpr const char *not_found = "not found in Kerberos database";

/// The text between the last occurrences of two strings, or nothing.
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

/// A principal's name without its realm.
std::string without_realm(const std::string &principal) {
    return principal.substr(0, principal.rfind('@'));
}

std::string default_realm(const Context &context) {
    char *realm = nullptr;
    if (krb5_get_default_realm(context.get(), &realm) != 0)
        return "";
    std::string text(realm);
    krb5_free_default_realm(context.get(), realm);
    return text;
}

/// Whether the text contains libkrb5's message for one of the codes, in the current
/// language.
bool has_words(const Context &context, const std::string &text,
               std::initializer_list<krb5_error_code> codes) {
    return std::ranges::any_of(
        codes, [&](krb5_error_code code) { return has(text, context.words(code)); });
}

constexpr std::initializer_list<krb5_error_code> about_key = {
    KRB5KRB_AP_ERR_BADKEYVER, KRB5_KT_KVNONOTFOUND, KRB5KRB_AP_ERR_BAD_INTEGRITY,
    KRB5KRB_AP_ERR_MODIFIED};

/// A failure, and what is known about its cause.
class Explanation {
  public:
    Explanation(std::string failure, Attempt attempt)
        : failure_(std::move(failure)), attempt_(std::move(attempt)),
          cache_(look_at(attempt_.cache())) {}

    Diagnosis diagnosis() const {
        if (has(failure_, no_credentials) && !attempt_.ccache)
            if (auto found = about_client_keytab())
                return *found;
        if (std::string hint = about_chosen_client(); !hint.empty())
            return {.kind = ErrorKind::ticket, .hint = std::move(hint)};
        if (cache_decides())
            return {.kind = ErrorKind::ticket, .hint = hints::about_cache(cache_)};
        if (mentions({KRB5_CC_NOT_KTYPE}) || lacks_granting_ticket())
            return {.kind = ErrorKind::ticket, .hint = about_tickets()};
        if (std::string hint = about_silence(); !hint.empty())
            return {.kind = ErrorKind::kdc, .hint = std::move(hint)};
        return {.kind = ErrorKind::authenticate, .hint = about_names_and_keys()};
    }

  private:
    bool lacks_granting_ticket() const {
        return !attempt_.answered && mentions({KRB5_CC_NOTFOUND}) && !cache_.granting;
    }

    std::string about_tickets() const {
        if (lacks_granting_ticket())
            return "The cache " + cache_.name +
                   " has tickets for some servers, and none that others are got with: get one "
                   "with kinit, or name a keytab with keytab=.";
        return "The tickets in the cache " + cache_.name +
               " have encryption types that this machine does not permit (permitted_enctypes "
               "in krb5.conf, or the system's crypto policy): get a new ticket with kinit.";
    }

    /// For KDCs that cannot be reached.
    std::string about_silence() const {
        if (mentions({KRB5_REALM_CANT_RESOLVE}) || has(failure_, "Cannot resolve"))
            return hints::kdc_unresolved(context_, silent_realm());
        if (has(failure_, "Cannot contact any KDC") || has(failure_, "Cannot find KDC") ||
            mentions({KRB5_KDC_UNREACH, KRB5_REALM_UNKNOWN}))
            return hints::kdc_unreachable(context_, silent_realm());
        return "";
    }

    /// Of a client that was chosen for the server, and that no cache is of.
    std::string about_chosen_client() const {
        const std::string client =
            between(failure_, "Can't find client principal ", " in cache collection");
        const std::string file = attempt_.default_cache.home + "/.k5identity";
        if (client.empty() || attempt_.ccache || ::access(file.c_str(), F_OK) != 0)
            return "";
        return file + " chooses " + client + " for this server, who has no tickets in " +
               attempt_.default_cache.name + ": get some (kinit " + client +
               ", with a collection such as DIR: or KCM: as the cache), or correct that file.";
    }

    std::string about_names_and_keys() const {
        if (mentions({KRB5_PARSE_MALFORMED}))
            return "principal= is not a valid Kerberos principal: write it like host/" +
                   attempt_.host + " or host/" + attempt_.host + "@REALM.";
        if (mentions({KRB5_CONFIG_NODEFREALM}))
            return "Kerberos knows no default realm: set default_realm in krb5.conf, or give the "
                   "server's name with its realm in principal=.";
        if (has(failure_, not_found) || mentions({KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN}))
            return unknown_server();
        return attempt_.answered ? about_server() : about_kdc();
    }

    bool mentions(std::initializer_list<krb5_error_code> codes) const {
        return has_words(context_, failure_, codes);
    }

    /// Whether the cache is the cause. With the default cache, GSS-API may have used
    /// another cache of the collection, or the default client keytab, so the failure's
    /// text must agree.
    bool cache_decides() const {
        const bool refused = mentions(
            {KRB5KRB_AP_ERR_TKT_EXPIRED, KRB5KRB_AP_ERR_TKT_NYV, KRB5KRB_AP_ERR_TKT_INVALID});
        if (cache_.state == CacheFacts::State::ticket)
            return !cache_.valid() && (attempt_.ccache || refused);
        return attempt_.ccache || cache_.state == CacheFacts::State::unreadable ||
               has(failure_, "No Kerberos credentials available") ||
               mentions({KRB5_FCC_NOFILE, KRB5_CC_NOTFOUND});
    }

    /// Without a ticket, GSS-API uses the client keytab. Nothing if that is not the
    /// cause of the failure.
    std::optional<Diagnosis> about_client_keytab() const {
        if (cache_.state == CacheFacts::State::unreadable)
            return std::nullopt;
        std::string name;
        try {
            const auto keytab = make<krb5_keytab>(context_, krb5_kt_client_default);
            name = full_name(context_, keytab.get());
        } catch (const Problem &) {
            return std::nullopt;
        }
        try {
            return about_request(read_keytab(std::nullopt, std::nullopt));
        } catch (const Error &error) {
            if (!is_named(name) || cache_.state == CacheFacts::State::ticket)
                return std::nullopt;
            const std::string start = cache_.state == CacheFacts::State::missing
                                          ? "There is no ticket cache "
                                          : "There is no ticket in the cache ";
            return Diagnosis{.kind = ErrorKind::ticket,
                             .hint = start + cache_.name +
                                     ", and the client keytab cannot be used (" + error.what() +
                                     "): get a ticket with kinit, or correct KRB5_CLIENT_KTNAME."};
        }
    }

    /// Whether the client keytab was set by the user, or exists.
    bool is_named(const std::string &name) const {
        const auto path = name.substr(name.find(':') + 1);
        return attempt_.default_cache.client_keytab || ::access(path.c_str(), F_OK) == 0;
    }

    std::optional<Diagnosis> about_request(const KeytabIdentity &identity) const {
        if (has(failure_, "Client '") && has(failure_, not_found))
            return explain_request(KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, identity);
        if (has(failure_, "No key table entry found"))
            return explain_request(KRB5_KT_NOTFOUND, identity);
        if (has(failure_, "Cannot contact any KDC"))
            return explain_request(KRB5_KDC_UNREACH, identity);
        constexpr std::array<krb5_error_code, 13> codes = {KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN,
                                                           KRB5KDC_ERR_PREAUTH_FAILED,
                                                           KRB5KRB_AP_ERR_BAD_INTEGRITY,
                                                           KRB5KDC_ERR_CLIENT_REVOKED,
                                                           KRB5KDC_ERR_NAME_EXP,
                                                           KRB5KDC_ERR_KEY_EXP,
                                                           KRB5KRB_AP_ERR_SKEW,
                                                           KRB5_KDCREP_SKEW,
                                                           KRB5KDC_ERR_ETYPE_NOSUPP,
                                                           KRB5_KT_NOTFOUND,
                                                           KRB5_KDC_UNREACH,
                                                           KRB5_REALM_CANT_RESOLVE,
                                                           KRB5_REALM_UNKNOWN};
        for (const krb5_error_code code : codes)
            if (mentions({code}))
                return explain_request(code, identity);
        return std::nullopt;
    }

    std::string about_kdc() const {
        if (mentions({KRB5KRB_AP_ERR_SKEW, KRB5_KDCREP_SKEW, KRB5KRB_AP_ERR_TKT_NYV,
                      KRB5KRB_AP_ERR_TKT_EXPIRED}))
            return hints::clocks_apart(cache_.clock_offset);
        if (has(failure_, "PROCESS_TGS") ||
            mentions({KRB5KRB_AP_ERR_BAD_INTEGRITY, KRB5KRB_AP_ERR_MODIFIED,
                      KRB5KRB_AP_ERR_BADKEYVER, KRB5KRB_AP_ERR_NOKEY, KRB5KRB_AP_ERR_NOT_US}))
            return "The KDC does not accept the ticket of " + cache_.principal.value_or("?") +
                   " in the cache " + cache_.name +
                   " any more, for its own key has been changed: get a new one with kinit.";
        if (mentions({KRB5KDC_ERR_SERVICE_REVOKED, KRB5KDC_ERR_MUST_USE_USER2USER,
                      KRB5KDC_ERR_SERVICE_EXP}))
            return "The KDC gives no tickets for " + server() +
                   ": its principal is locked or has expired (kadmin: getprinc; modprinc "
                   "+allow_tix, +allow_svr or -expire).";
        return "";
    }

    std::string about_server() const {
        const std::string name = server();
        if (mentions({KRB5KRB_AP_ERR_SKEW, KRB5KRB_AP_ERR_TKT_NYV, KRB5KRB_AP_ERR_TKT_EXPIRED}))
            return hints::clocks_apart(cache_.clock_offset);
        if (mentions({KRB5KRB_AP_ERR_NOT_US, KRB5KRB_AP_ERR_NOKEY, KRB5_KT_NOTFOUND,
                      KRB5_PRINC_NOMATCH, KRB5KRB_AP_WRONG_PRINC}))
            return names_client() ? its_own_name()
                                  : "The server's keytab has no key of " + name +
                                        ": put it in there (kadmin: ktadd), or give the name that "
                                        "it has with principal=.";
        if (!mentions(about_key))
            return "";
        if (attempt_.fresh || is_fresh(context_, cache_.name, attempt_))
            return "The server's keytab does not have the key of " + name +
                   " that the KDC has: put that one in there (kadmin: ktadd).";
        return "The server cannot decrypt the ticket for " + name + " in the cache " + cache_.name +
               ": if its key has been changed since, get new tickets with kinit; if that does not "
               "help, put the KDC's key into the server's keytab (kadmin: ktadd).";
    }

    std::string server() const {
        return without_realm(attempt_.principal.value_or("host/" + attempt_.host));
    }

    std::string silent_realm() const {
        std::string realm = between(failure_, "realm '", "'");
        if (realm.empty())
            realm = between(failure_, "realm \"", "\"");
        if (realm.empty() && cache_.principal)
            realm = hints::realm_of(*cache_.principal);
        return realm.empty() ? default_realm(context_) : realm;
    }

    /// True if principal= has the client's name instead of the server's.
    bool names_client() const {
        if (!attempt_.principal || !cache_.principal)
            return false;
        return *attempt_.principal == *cache_.principal ||
               *attempt_.principal == without_realm(*cache_.principal);
    }

    std::string its_own_name() const {
        return "principal= is the server's name, and " + cache_.principal.value_or("this") +
               " is the client's: leave it out, or give the server's.";
    }

    /// The realm in the library's text may be a guess.
    std::string unknown_server() const {
        if (names_client())
            return its_own_name();
        const std::string found = between(failure_, "Server ", std::string(" ") + not_found);
        const std::string_view granting = "krbtgt/";
        if (found.starts_with(granting))
            return unknown_realm(without_realm(found).substr(granting.size()),
                                 hints::realm_of(found));
        const std::string name = found.empty() ? server() : without_realm(found);
        if (attempt_.principal)
            return "The KDC does not know " + *attempt_.principal +
                   ", which principal= gives as the server's name: check its spelling and its "
                   "realm.";
        return "The KDC does not know " + name + ", the name made from the host " + attempt_.host +
               ": use the host's full name, or give the server's name with principal=.";
    }

    std::string unknown_realm(const std::string &realm, const std::string &asked) const {
        const std::string start =
            "The KDC of the realm " + asked + " does not know the realm " + realm + ", ";
        if (attempt_.principal && has(*attempt_.principal, "@"))
            return start + "which principal= gives as the server's: check its spelling.";
        return start + "to which Kerberos takes the server to belong: give the server's realm in "
                       "[domain_realm] of krb5.conf, or in principal=.";
    }

    std::string failure_;
    Attempt attempt_;
    Context context_;
    CacheFacts cache_;
};

// An open holds its socket and the pair during the handshake, and has closed them since.
constexpr std::size_t held_by_an_open = 3;

/// True for errors that only occur after the handshake has started.
bool hung_up(const std::string &failure) {
    const std::string start = "error receiving token: ";
    return failure == start + "unexpected end of file" ||
           failure == start + std::strerror(ECONNRESET);
}

bool about_authentication(const std::string &failure) {
    return has(failure, "GSS-API error") || failure.starts_with("error opening ticket cache");
}

} // namespace

bool is_about_key(const std::string &failure) {
    const InLibrary call;
    try {
        return about_authentication(failure) && has_words(Context(), failure, about_key);
    } catch (const Problem &) {
        return false;
    }
}

Diagnosis explain(const std::string &failure, const Attempt &attempt) {
    if (hung_up(failure))
        return {.kind = std::nullopt,
                .hint = "The server hung up before the client was authenticated: its log says why "
                        "(often it has no keytab that it can read)."};
    if (!about_authentication(failure))
        return {};
    if (has(failure, std::strerror(EMFILE)) || out_of_descriptors(held_by_an_open))
        return {.kind = ErrorKind::local, .hint = hints::no_descriptors()};
    const InLibrary call;
    try {
        return Explanation(failure, attempt).diagnosis();
    } catch (const Problem &problem) {
        return {.kind = ErrorKind::local,
                .hint = "Kerberos cannot be set up (" + std::string(problem.what()) +
                        "): check krb5.conf."};
    }
}

} // namespace pyremctl
