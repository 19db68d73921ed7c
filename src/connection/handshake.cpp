#include "connection/handshake.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "connection/busy_channel.hpp"
#include "connection/failures.hpp"
#include "connection/hint_in_time.hpp"
#include "connection/kdc_gate.hpp"
#include "credentials/inspection.hpp"
#include "transport/error.hpp"
#include "transport/token.hpp"

namespace pyremctl {

namespace {

using SharedPlace = std::shared_ptr<KdcGate::Place>;

/// Its destructor notes that a call in the library has been abandoned.
class Leaving {
  public:
    explicit Leaving(SharedPlace place) : place_(std::move(place)) {}
    Leaving(const Leaving &) = delete;
    Leaving &operator=(const Leaving &) = delete;
    Leaving(Leaving &&) = delete;
    Leaving &operator=(Leaving &&) = delete;
    ~Leaving() { place_->abandon(); }

  private:
    SharedPlace place_;
};

/// Inspects an open that has sent nothing for a while, early enough to have a hint by the
/// time it times out.
class Doubt {
  public:
    Doubt(Attempt attempt, const Call &call)
        : attempt_(std::move(attempt)), waker_(call.waker()), when_(time_of_doubt(call)) {}

    /// Call this while the open waits.
    void look(KdcGate::Place &place) {
        if (!inspection_ && Clock::now() >= when_)
            inspection_ = Inspection::start(attempt_, waker_);
        if (inspection_ && inspection_->done())
            place.is_for(inspection_->realm());
    }

    /// When to look next; nothing if the inspection has started.
    std::optional<Time> when() const {
        return inspection_ ? std::nullopt : std::optional<Time>(when_);
    }

    std::string hint() const { return inspection_ ? inspection_->hint() : ""; }

  private:
    static Time time_of_doubt(const Call &call) {
        constexpr auto slow = std::chrono::milliseconds(500);
        const Time now = Clock::now();
        const auto limit = call.limit();
        return limit ? now + std::min<Duration>(slow, (*limit - now) / 4) : now + slow;
    }

    Attempt attempt_;
    std::shared_ptr<Waker> waker_;
    Time when_;
    std::shared_ptr<Inspection> inspection_;
};

Task<SharedPlace> enter_library(const Attempt &attempt, Call &call) {
    const Call::Queue queue(call);
    co_return co_await KdcGate::enter(attempt, call);
}

/// Carries bytes until the library has authenticated or failed. Returns false if the server
/// speaks protocol 1.
Task<bool> carry(Channel &channel, const BusyChannel &busy, const Authentication &outcome,
                 KdcGate::Place &place, Doubt &doubt, Call &call) {
    call.touch();
    for (;;) {
        const bool done = busy.done();
        if (channel.pump())
            call.touch();
        const bool sent = channel.sent() != 0;
        if (sent)
            place.leave();
        if (channel.first_flags().value_or(0) == token_context)
            co_return false;
        // If it failed, there is nothing to send: the empty first token is never sent
        // alone.
        if (done && !outcome.opened)
            co_return true;
        if (channel.broken())
            throw lost("sending token", channel.problem());
        if (done && !channel.outgoing())
            co_return true;
        if (call.expired())
            throw sent ? timed_out("receiving token") : kdc_silent(doubt.hint());
        const bool waits = !sent && !done;
        if (waits)
            doubt.look(place);
        co_await call.wait(channel.interests(!done), waits ? doubt.when() : std::nullopt);
    }
}

/// The server or the KDC refused. Returns true if the ticket was stale and has been
/// removed; otherwise throws the failure with its kind and hint.
Task<bool> refused_for_a_stale_ticket(Handshaking &work, std::string said, Call &call) {
    Error failure = refused(said, *work.channel);
    work.attempt.answered = work.channel->first_flags().has_value();
    const bool ours = work.tickets.lease && work.tickets.lease->ours();
    if (work.again && ours && work.attempt.answered) {
        const bool forgotten = co_await ticket_forgotten(failure.what(), work.attempt, call);
        if (forgotten)
            co_return true;
    }
    work.attempt.fresh = ours;
    Diagnosis why = co_await explain_in_time(failure.what(), work.attempt, call);
    throw(why.kind ? Error(*why.kind, failure.what()) : std::move(failure))
        .with_hint(std::move(why.hint));
}

/// Throws if the server has sent anything else meanwhile.
void check_end(Channel &channel) {
    if (!channel.all_with_protocol())
        throw Error(ErrorKind::protocol,
                    "the server fell back to protocol 1 in the middle of the handshake");
    if (!channel.settle())
        throw Error(ErrorKind::protocol, "unexpected data from the server after the handshake");
}

} // namespace

Task<Handshake> shake_hands(std::shared_ptr<Handshaking> work, Call &call) {
    const SharedPlace place = co_await enter_library(work->attempt, call);
    const Leaving leaving(place);
    const auto outcome = std::make_shared<Authentication>();
    BusyChannel busy(
        work->channel, call.waker(),
        [outcome, attempt = work->attempt, tickets = work->tickets, place](Channel &held) {
            *outcome = authenticate(held.handle(), tickets, attempt, [&](Handle &) {
                return held.open(attempt.host, attempt.principal);
            });
        });
    Doubt doubt(work->attempt, call);
    const bool ended = co_await carry(*work->channel, busy, *outcome, *place, doubt, call);
    if (!ended)
        co_return Handshake::old_protocol;
    busy.finish();
    if (!outcome->opened) {
        const bool stale = co_await refused_for_a_stale_ticket(*work, outcome->error, call);
        if (stale)
            co_return Handshake::stale_ticket;
    }
    check_end(*work->channel);
    work->expires = outcome->expires;
    co_return Handshake::done;
}

} // namespace pyremctl
