// Explains why a ticket request with a keytab failed.
#include <cerrno>

#include "credentials/explain.hpp"
#include "credentials/hints.hpp"
#include "credentials/kerberos.hpp"
#include "handle/leaving.hpp"
#include "transport/error.hpp"

namespace pyremctl {

namespace {

ErrorKind kind_of(int code) {
    switch (code) {
    case EMFILE:
        return ErrorKind::local;
    case KRB5_KDC_UNREACH:
    case KRB5_REALM_UNKNOWN:
    case KRB5_REALM_CANT_RESOLVE:
        return ErrorKind::kdc;
    case KRB5KRB_AP_ERR_SKEW:
    case KRB5_KDCREP_SKEW:
        return ErrorKind::authenticate;
    default:
        return ErrorKind::ticket;
    }
}

std::string sentence(const kerberos::Context &context, int code, const KeytabIdentity &identity) {
    const std::string &client = identity.principal;
    const std::string realm = hints::realm_of(client);
    switch (code) {
    case EMFILE:
        return hints::no_descriptors();
    case KRB5_KDC_UNREACH:
    case KRB5_REALM_UNKNOWN:
        return hints::kdc_unreachable(context, realm);
    case KRB5_REALM_CANT_RESOLVE:
        return hints::kdc_unresolved(context, realm);
    case KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN:
        return "The KDC of the realm " + realm + " does not know " + client +
               ", whose key is in the keytab " + identity.keytab +
               ": check the keytab, or create the principal (kadmin: addprinc).";
    case KRB5KDC_ERR_PREAUTH_FAILED:
    case KRB5KRB_AP_ERR_BAD_INTEGRITY:
        return "The key of " + client + " in the keytab " + identity.keytab +
               " is not the one that the KDC has: export it again (kadmin: ktadd).";
    case KRB5KDC_ERR_CLIENT_REVOKED:
        return "The KDC has locked " + client +
               ": have it unlocked (kadmin: modprinc +allow_tix, or -unlock after too many "
               "failures).";
    case KRB5KDC_ERR_NAME_EXP:
        return "The principal " + client +
               " has expired: have it extended (kadmin: modprinc -expire).";
    case KRB5KDC_ERR_KEY_EXP:
        return "The key of " + client +
               " has expired: change it and export it again (kadmin: ktadd), or have it extended "
               "(kadmin: modprinc -pwexpire).";
    case KRB5KRB_AP_ERR_SKEW:
    case KRB5_KDCREP_SKEW:
        return hints::clocks_apart(0);
    case KRB5KDC_ERR_ETYPE_NOSUPP:
    case KRB5_KT_NOTFOUND:
        return "The keytab " + identity.keytab + " has no key of " + client +
               " of an encryption type that the KDC and this machine accept: export it again "
               "(kadmin: ktadd).";
    default:
        return "";
    }
}

} // namespace

Diagnosis explain_request(int code, const KeytabIdentity &identity) {
    const InLibrary call;
    try {
        return {.kind = kind_of(code), .hint = sentence(kerberos::Context(), code, identity)};
    } catch (const kerberos::Problem &) {
        return {.kind = ErrorKind::local, .hint = ""};
    }
}

} // namespace pyremctl
