// What a failure to authenticate is about, and what to do.
#pragma once

#include <optional>
#include <string>

#include "credentials/keytab.hpp"

namespace pyremctl {

/// What was opened: as the user said it, and as it was not said.
struct Attempt {
    std::string host;
    std::optional<std::string> principal; ///< the server's
    std::optional<std::string> ccache;
};

/// One sentence on what is wrong and what to do, or nothing where it cannot be
/// told, or authentication was not what failed. `failure` is the text of an
/// open that failed. It looks at the ticket cache and at krb5.conf and asks
/// nobody, neither the KDC nor the name service. Never throws for a cache that
/// is out of order.
std::string explain(const std::string &failure, const Attempt &attempt);

/// The same for a ticket that was not to be had with a keytab, by libkrb5's
/// code for why.
std::string explain_request(int code, const KeytabIdentity &identity);

/// The same where the KDC of a principal's realm does not answer.
std::string explain_silence(const std::string &principal);

} // namespace pyremctl
