// What a failure to authenticate is about, and what to do.
#pragma once

#include <ctime>
#include <optional>
#include <string>

#include "credentials/keytab.hpp"
#include "transport/error.hpp"

namespace pyremctl {

/// What was opened, and how far that got.
struct Attempt {
    std::string host;
    std::optional<std::string> principal; ///< the server's
    std::optional<std::string> ccache;
    bool answered = false; ///< the server has answered: it refused, and not the KDC
    bool fresh = false;    ///< the ticket for the server is sure to be a new one
    std::time_t started = std::time(nullptr);
};

/// What a failure to authenticate is about.
struct Diagnosis {
    std::optional<ErrorKind> kind; ///< nothing where authentication was not what failed
    std::string hint;              ///< one sentence on what to do, or empty
};

/// What an open failed of, by the text of its failure. It looks at the ticket
/// cache and at krb5.conf and asks nobody, neither the KDC nor the name service.
/// It may have to wait for the cache: for a helper thread. Never throws for a
/// cache that is out of order.
Diagnosis explain(const std::string &failure, const Attempt &attempt);

/// Whether the server could not decrypt the ticket: it has another key than the
/// KDC, or had another one when the ticket was issued. For a helper thread.
bool is_about_key(const std::string &failure);

/// The same for a ticket that the KDC did not give for a keytab, by libkrb5's
/// code for why.
Diagnosis explain_request(int code, const KeytabIdentity &identity);

} // namespace pyremctl
