// Explains an authentication failure and what to do.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "credentials/default_cache.hpp"
#include "credentials/keytab.hpp"
#include "transport/error.hpp"
#include "transport/process.hpp"

namespace pyremctl {

/// The cache that an open has chosen because none was named. The helper thread of the
/// open sets it, for Inspection and explain().
class ChosenCache {
  public:
    void set(std::string name) {
        const StateLock lock(this);
        name_.swap(name);
    }
    /// Empty until a cache is chosen.
    std::string get() const {
        const StateLock lock(this);
        return name_;
    }

  private:
    std::string name_;
};

/// An open, and how far it got.
struct Attempt {
    std::string host;
    std::optional<std::string> principal; ///< the server's
    std::optional<std::string> ccache;
    DefaultCache default_cache{}; ///< if no cache was named; an empty one: the current default
    std::shared_ptr<ChosenCache> chosen = std::make_shared<ChosenCache>();
    bool answered = false; ///< the server has answered: the error is not the KDC's
    bool fresh = false;    ///< the ticket for the server is certainly new
    std::time_t started = std::time(nullptr);

    /// The cache to examine for the cause; nothing: the current default.
    std::optional<std::string> cache() const {
        if (ccache)
            return ccache;
        if (std::string name = chosen->get(); !name.empty())
            return name;
        return default_cache.name.empty() ? ccache : default_cache.name;
    }
};

/// The kind of an authentication failure, and a hint.
struct Diagnosis {
    std::optional<ErrorKind> kind; ///< nothing if authentication is not what failed
    std::string hint;              ///< one sentence on what to do, or empty
};

/// Finds the cause of a failed open from its error text. It reads the ticket cache and
/// krb5.conf and contacts neither the KDC nor the name service. It may block on the
/// cache: call it on a helper thread. It does not throw for an unusable cache.
Diagnosis explain(const std::string &failure, const Attempt &attempt);

/// Whether the server could not decrypt the ticket: its key differs from the KDC's, or
/// from the one when the ticket was issued. Call it on a helper thread.
bool is_about_key(const std::string &failure);

/// The same for a ticket request with a keytab that failed with this libkrb5 code.
Diagnosis explain_request(int code, const KeytabIdentity &identity);

} // namespace pyremctl
