// The sentences of hints: what is wrong, and what to do.
#pragma once

#include <string>
#include <vector>

#include "credentials/cache.hpp"

namespace pyremctl::kerberos {
class Context;
}

namespace pyremctl::hints {

/// The realm at the end of a principal's name, or empty.
std::string realm_of(const std::string &principal);

/// No KDC of the realm `can be reached`, or `has answered in time`. Of the first
/// it may be the name service: that is asked, where krb5.conf has nothing but
/// names, as libkrb5 has just done.
std::string kdc_unreachable(const kerberos::Context &context, const std::string &realm);
std::string kdc_silent(const kerberos::Context &context, const std::string &realm);

/// The names of a realm's KDCs cannot be resolved, or were not resolved in time.
std::string kdc_unresolved(const kerberos::Context &context, const std::string &realm);
std::string kdc_names_slow(const std::string &realm, const std::vector<std::string> &names);

/// The KDCs of a realm that krb5.conf lists by name and not by address, without ports.
std::vector<std::string> named_kdcs(const kerberos::Context &context, const std::string &realm);

/// Whether one of them can be resolved. It asks the name service.
bool any_resolves(const std::vector<std::string> &names);

/// There is no descriptor left.
std::string no_descriptors();

/// A cache or a keytab could not be read in time.
std::string locked_cache(const std::string &name);
std::string locked_keytab(const std::string &name);

/// The server's name was not looked up in DNS in time.
std::string slow_name_service(const std::string &host);

/// What is wrong with a cache that has no valid ticket.
std::string about_cache(const CacheFacts &cache);

/// `offset`: how far the KDC's clock was ahead of this one; 0 where unknown.
std::string clocks_apart(long offset);

} // namespace pyremctl::hints
