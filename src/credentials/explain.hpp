// What a failure to authenticate is about, and what to do.
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

/// The cache that an open has chosen, where none was named to it. Its helper
/// thread tells; who looks for what it waits for, or failed of, looks there.
class ChosenCache {
  public:
    void set(std::string name) {
        const StateLock lock(this);
        name_.swap(name);
    }
    /// Empty as long as nothing is chosen.
    std::string get() const {
        const StateLock lock(this);
        return name_;
    }

  private:
    std::string name_;
};

/// What was opened, and how far that got.
struct Attempt {
    std::string host;
    std::optional<std::string> principal; ///< the server's
    std::optional<std::string> ccache;
    DefaultCache default_cache{}; ///< where no other was named; no name: that of now
    std::shared_ptr<ChosenCache> chosen = std::make_shared<ChosenCache>();
    bool answered = false; ///< the server has answered: it refused, and not the KDC
    bool fresh = false;    ///< the ticket for the server is sure to be a new one
    std::time_t started = std::time(nullptr);

    /// The cache that is looked into for a reason; nothing: the default one of now.
    std::optional<std::string> cache() const {
        if (ccache)
            return ccache;
        if (std::string name = chosen->get(); !name.empty())
            return name;
        return default_cache.name.empty() ? ccache : default_cache.name;
    }
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
