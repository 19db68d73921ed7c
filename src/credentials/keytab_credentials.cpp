// Credentials from a keytab, with tickets in private caches.
#include <mutex>
#include <utility>

#include "credentials/credentials.hpp"
#include "credentials/hints.hpp"
#include "credentials/keytab.hpp"
#include "credentials/per_process.hpp"
#include "transport/task.hpp"

namespace pyremctl {

namespace {

// The pause after a failed renewal, while the old ticket is valid.
constexpr auto retry_after = std::chrono::seconds(30);

class KeytabCredentials final : public Credentials {
  public:
    KeytabCredentials(std::string keytab, std::optional<std::string> wanted)
        : keytab_(std::move(keytab)), wanted_(std::move(wanted)) {}

    std::string source() const override {
        const auto who = principal();
        return "keytab " + keytab_ + (who ? " of " + *who : "");
    }

    Facts look() const override {
        const State &state = state_.get();
        Facts facts;
        facts.principal = principal();
        const std::scoped_lock lock(state.mutex);
        if (state.ticket.lease) {
            facts.name = state.ticket.lease->name();
            facts.expires = state.ticket.expires;
            facts.valid = good(state);
        }
        return facts;
    }

    /// Reads the keytab, once. The contents of our own cache are known.
    // NOLINTNEXTLINE(misc-override-with-different-visibility)
    void check(Delay &delay) override {
        require_open();
        identity(delay);
    }

    Error unseen() const override {
        return {ErrorKind::timeout, "cannot read the keytab " + keytab_ + ": timed out"};
    }

    bool needs_renewal() const override {
        const State &state = state_.get();
        const std::scoped_lock lock(state.mutex);
        if (!good(state))
            return true;
        return is_due(state.ticket.starts, state.ticket.expires, std::time(nullptr)) &&
               Clock::now() >= state.next_try;
    }

    std::shared_ptr<Lease> current() const override {
        require_open();
        const State &state = state_.get();
        const std::scoped_lock lock(state.mutex);
        return good(state) ? state.ticket.lease : nullptr;
    }

    Error late() const override {
        const auto who = principal();
        return {ErrorKind::timeout, "cannot get a ticket " + (who ? "for " + *who + " " : "") +
                                        "with the keytab " + keytab_ + ": timed out"};
    }

    void close() noexcept override {
        Credentials::close();
        State &state = state_.get();
        Ticket last; // goes when the lock is given back
        const std::scoped_lock lock(state.mutex);
        last = std::exchange(state.ticket, {});
    }

  protected:
    std::shared_ptr<Lease> renew(Delay &delay) override {
        State &state = state_.get();
        Ticket used_up; // goes when the lock is given back
        try {
            // NOLINTNEXTLINE(misc-const-correctness)
            Ticket fresh = get_ticket(identity(delay), delay);
            const std::scoped_lock lock(state.mutex);
            require_open();
            used_up = std::exchange(state.ticket, fresh);
            return fresh.lease;
        } catch (...) {
            const std::scoped_lock lock(state.mutex);
            state.next_try = Clock::now() + retry_after;
            throw;
        }
    }

  private:
    struct State {
        mutable std::mutex mutex; // guards the members below
        Ticket ticket;            // the last ticket
        Time next_try;
    };

    static bool good(const State &state) noexcept {
        return state.ticket.lease && std::time(nullptr) < state.ticket.expires;
    }

    std::optional<std::string> principal() const {
        const StateLock lock(this);
        return read_ ? std::optional(read_->principal) : std::nullopt;
    }

    /// Reads the keytab if nobody has.
    KeytabIdentity identity(Delay &delay) {
        {
            const StateLock lock(this);
            if (read_)
                return *read_;
        }
        delay.at(hints::locked_keytab(keytab_));
        KeytabIdentity identity = read_keytab(keytab_, wanted_);
        const StateLock lock(this);
        read_ = identity;
        return identity;
    }

    const std::string keytab_;
    const std::optional<std::string> wanted_;
    std::optional<KeytabIdentity> read_; // guarded by StateLock(this)
    PerProcess<State> state_;
};

} // namespace

std::shared_ptr<Credentials> Credentials::from_keytab(const std::optional<std::string> &keytab,
                                                      const std::optional<std::string> &principal) {
    return std::make_shared<KeytabCredentials>(keytab_name(keytab), principal);
}

} // namespace pyremctl
