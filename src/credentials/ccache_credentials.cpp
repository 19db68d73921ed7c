// Credentials from a ticket cache of the user.
#include <utility>

#include "credentials/cache.hpp"
#include "credentials/credentials.hpp"
#include "credentials/hints.hpp"
#include "credentials/kerberos.hpp"
#include "credentials/private_keyring.hpp"
#include "transport/process.hpp"

namespace pyremctl {

namespace {

class CcacheCredentials final : public Credentials {
  public:
    explicit CcacheCredentials(std::string name) : name_(std::move(name)) {}

    std::string source() const override { return "ticket cache " + name(); }

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
        const std::string asked = name();
        delay.at(hints::locked_cache(asked));
        CacheFacts facts = look_at(asked);
        if (facts.impossible)
            throw Error(ErrorKind::ticket,
                        "cannot use the ticket cache " + asked + ": " + facts.problem);
        const StateLock lock(this);
        name_.swap(facts.name); // from a collection, one cache is chosen here and kept
        std::swap(seen_, facts);
    }

    Error unseen() const override {
        return {ErrorKind::timeout, "cannot read the ticket cache " + name() + ": timed out"};
    }

    bool of_thread() const override { return is_private_keyring(name()); }

    bool needs_renewal() const override { return false; }

    std::shared_ptr<Lease> current() const override {
        require_open();
        return lease_of(name());
    }

    Error late() const override {
        return {ErrorKind::timeout, "the ticket cache " + name() + " could not be used in time"};
    }

  protected:
    std::shared_ptr<Lease> newer_than(const std::shared_ptr<Lease> & /*old*/) const override {
        return nullptr;
    }

    std::shared_ptr<Lease> renew(Delay & /*delay*/) override {
        throw Error(ErrorKind::misuse, "the ticket cache " + name() + " is not renewed from here")
            .with_hint("Renew it with kinit, or use Credentials.from_keytab().");
    }

  private:
    std::string name() const {
        const StateLock lock(this);
        return name_;
    }

    std::string name_; // guarded by StateLock(this), like the next one
    CacheFacts seen_;
};

} // namespace

std::shared_ptr<Credentials> Credentials::from_ccache(const std::string &name) {
    return std::make_shared<CcacheCredentials>(kerberos::typed_name(name));
}

} // namespace pyremctl
