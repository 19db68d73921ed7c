// What a failure to authenticate is about, and what to do.
#pragma once

#include <optional>
#include <string>

#include "credentials/keytab.hpp"
#include "transport/error.hpp"

namespace pyremctl {

/// What was opened: as the user said it, and as it was not said.
struct Attempt {
    std::string host;
    std::optional<std::string> principal; ///< the server's
    std::optional<std::string> ccache;
};

/// What a failure to authenticate is about.
struct Diagnosis {
    std::optional<ErrorKind> kind; ///< nothing where authentication was not what failed
    std::string hint;              ///< one sentence on what to do, or empty
};

/// What an open failed of, by the text of its failure. It looks at the ticket cache and at
/// krb5.conf and asks nobody, neither the KDC nor the name service. Never throws for a cache that
/// is out of order.
Diagnosis explain(const std::string &failure, const Attempt &attempt);

/// The same for a ticket that was not to be had with a keytab, by libkrb5's
/// code for why.
Diagnosis explain_request(int code, const KeytabIdentity &identity);

/// The same where the KDC of a principal's realm does not answer.
std::string explain_silence(const std::string &principal);

} // namespace pyremctl
