// Credentials that get their tickets with a keytab, into caches of their own.
#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>

#include "credentials/credentials.hpp"
#include "credentials/explain.hpp"
#include "credentials/keytab.hpp"
#include "credentials/per_process.hpp"
#include "transport/task.hpp"

namespace pyremctl {

namespace {

constexpr std::time_t soon = 300; // seconds: a ticket that ends so soon is renewed
// After a failure, while the old ticket is good.
constexpr auto retry_after = std::chrono::seconds(30);

class KeytabCredentials final : public Credentials {
  public:
    explicit KeytabCredentials(KeytabIdentity identity) : identity_(std::move(identity)) {}

    std::string source() const override {
        return "keytab " + identity_.keytab + " of " + identity_.principal;
    }

    Facts look() const override {
        const State &state = state_.get();
        const std::scoped_lock lock(state.mutex);
        Facts facts;
        facts.principal = identity_.principal;
        if (state.ticket.lease) {
            facts.name = state.ticket.lease->name();
            facts.expires = state.ticket.expires;
            facts.valid = good(state);
        }
        return facts;
    }

    bool needs_renewal() const override {
        const State &state = state_.get();
        const std::scoped_lock lock(state.mutex);
        if (!good(state))
            return true;
        const std::time_t life = state.ticket.expires - state.ticket.starts;
        const std::time_t left = state.ticket.expires - std::time(nullptr);
        return left < std::max(life / 4, soon) && Clock::now() >= state.next_try;
    }

    std::shared_ptr<Lease> current() const override {
        require_open();
        const State &state = state_.get();
        const std::scoped_lock lock(state.mutex);
        return good(state) ? state.ticket.lease : nullptr;
    }

    std::shared_ptr<Lease> renew(const std::shared_ptr<Lease> &old) override {
        require_open();
        State &state = state_.get();
        Ticket used_up; // goes when the lock is given back
        std::unique_lock lock(state.mutex);
        if (good(state) && state.ticket.lease != old)
            return state.ticket.lease; // got while this caller's thread was on its way here
        auto flight = state.flight;
        if (flight) {
            state.landed.wait(lock, [&] { return flight->done; });
        } else {
            flight = state.flight = std::make_shared<Flight>();
            lock.unlock();
            fly(*flight);
            lock.lock();
            used_up = land(state, *flight);
        }
        const std::exception_ptr failure = flight->failure;
        const std::shared_ptr<Lease> lease = flight->ticket.lease;
        lock.unlock();
        if (failure)
            std::rethrow_exception(failure);
        require_open();
        return lease;
    }

    Error late() const override {
        return Error(ErrorKind::timeout, "cannot get a ticket for " + identity_.principal +
                                             " with the keytab " + identity_.keytab + ": timed out")
            .with_hint(explain_silence(identity_.principal));
    }

    void close() noexcept override {
        Credentials::close();
        State &state = state_.get();
        Ticket last; // goes when the lock is given back
        const std::scoped_lock lock(state.mutex);
        last = std::exchange(state.ticket, {});
    }

  private:
    /// A request to the KDC that is on its way, and what came of it.
    struct Flight {
        bool done = false;
        Ticket ticket;
        std::exception_ptr failure;
    };

    struct State {
        mutable std::mutex mutex; // guards what follows, flights included
        std::condition_variable landed;
        std::shared_ptr<Flight> flight; // null when none is on its way
        Ticket ticket;                  // the last that was got
        Time next_try;
    };

    static bool good(const State &state) noexcept {
        return state.ticket.lease && std::time(nullptr) < state.ticket.expires;
    }

    /// Without the lock.
    void fly(Flight &flight) const noexcept {
        try {
            flight.ticket = get_ticket(identity_);
        } catch (...) {
            flight.failure = std::current_exception();
        }
    }

    /// With the lock. Returns the ticket that the new one takes the place of.
    Ticket land(State &state, Flight &flight) const {
        flight.done = true;
        state.flight.reset();
        state.landed.notify_all();
        if (flight.failure)
            state.next_try = Clock::now() + retry_after;
        else if (!closed())
            return std::exchange(state.ticket, flight.ticket);
        return {};
    }

    const KeytabIdentity identity_;
    PerProcess<State> state_;
};

} // namespace

std::shared_ptr<Credentials> Credentials::from_keytab(const std::optional<std::string> &keytab,
                                                      const std::optional<std::string> &principal) {
    return std::make_shared<KeytabCredentials>(read_keytab(keytab, principal));
}

} // namespace pyremctl
