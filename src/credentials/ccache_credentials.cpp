// Credentials that are the tickets in a cache of the user's.
#include <utility>

#include "credentials/cache.hpp"
#include "credentials/credentials.hpp"
#include "credentials/hints.hpp"
#include "credentials/kerberos.hpp"
#include "handle/leaving.hpp"
#include "transport/process.hpp"

namespace pyremctl {

namespace {

class CcacheCredentials final : public Credentials {
  public:
    explicit CcacheCredentials(std::string name) : name_(std::move(name)) {}

    std::string source() const override { return "ticket cache " + name_; }

    Facts look() const override {
        const StateLock lock(this);
        Facts seen;
        seen.name = name_;
        seen.principal = seen_.principal;
        if (seen_.state == CacheFacts::State::ticket)
            seen.expires = seen_.expires;
        seen.valid = seen_.valid() && !closed();
        return seen;
    }

    // NOLINTNEXTLINE(misc-override-with-different-visibility)
    void check(Delay &delay) override {
        require_open();
        delay.at(hints::locked_cache(name_));
        CacheFacts facts = look_at(name_);
        const StateLock lock(this);
        std::swap(seen_, facts);
    }

    Error unseen() const override {
        return {ErrorKind::timeout, "cannot read the ticket cache " + name_ + ": timed out"};
    }

    bool needs_renewal() const override { return false; }

    std::shared_ptr<Lease> current() const override {
        require_open();
        return std::make_shared<Lease>(name_);
    }

    Error late() const override {
        return {ErrorKind::timeout, "the ticket cache " + name_ + " could not be used in time"};
    }

  protected:
    std::shared_ptr<Lease> renew(const std::shared_ptr<Lease> & /*old*/,
                                 Delay & /*delay*/) override {
        throw Error(ErrorKind::misuse, "the ticket cache " + name_ + " is not renewed from here")
            .with_hint("Renew it with kinit, or use Credentials.from_keytab().");
    }

  private:
    const std::string name_;
    CacheFacts seen_; // guarded by StateLock(this)
};

} // namespace

std::shared_ptr<Credentials> Credentials::from_ccache(const std::optional<std::string> &name) {
    const InLibrary call;
    try {
        const kerberos::Context context;
        const std::string asked = name ? *name : std::string(krb5_cc_default_name(context.get()));
        const auto cache = kerberos::make<krb5_ccache>(context, krb5_cc_resolve,
                                                       kerberos::absolute_name(asked).c_str());
        return std::make_shared<CcacheCredentials>(kerberos::full_name(context, cache.get()));
    } catch (const kerberos::Problem &problem) {
        throw Error(ErrorKind::ticket, "cannot use the ticket cache " + name.value_or("(default)") +
                                           ": " + problem.what());
    }
}

std::shared_ptr<Credentials> Credentials::from_unseen_ccache(const std::string &name) {
    return std::make_shared<CcacheCredentials>(kerberos::absolute_name(name));
}

} // namespace pyremctl
