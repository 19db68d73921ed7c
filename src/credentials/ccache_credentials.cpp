// Credentials that are the tickets in a cache of the user's.
#include <utility>

#include "credentials/cache.hpp"
#include "credentials/credentials.hpp"
#include "credentials/kerberos.hpp"
#include "handle/leaving.hpp"

namespace pyremctl {

namespace {

class CcacheCredentials final : public Credentials {
  public:
    explicit CcacheCredentials(std::string name) : name_(std::move(name)) {}

    std::string source() const override { return "ticket cache " + name_; }

    Facts look() const override {
        const CacheFacts facts = look_at(name_);
        Facts seen;
        seen.name = name_;
        seen.principal = facts.principal;
        if (facts.state == CacheFacts::State::ticket)
            seen.expires = facts.expires;
        seen.valid = facts.valid() && !closed();
        return seen;
    }

    bool needs_renewal() const override { return false; }

    std::shared_ptr<Lease> current() const override {
        require_open();
        return std::make_shared<Lease>(name_);
    }

    std::shared_ptr<Lease> renew(const std::shared_ptr<Lease> & /*old*/) override {
        require_open();
        throw Error(ErrorKind::misuse, "the ticket cache " + name_ + " is not renewed from here")
            .with_hint("Renew it with kinit, or use Credentials.from_keytab().");
    }

    Error late() const override {
        return {ErrorKind::timeout, "the ticket cache " + name_ + " could not be used in time"};
    }

  private:
    std::string name_;
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

} // namespace pyremctl
