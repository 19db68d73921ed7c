#include "drivers/keeper.hpp"

#include <algorithm>
#include <ctime>
#include <list>
#include <utility>

#include "connection/admission.hpp"
#include "drivers/blocking.hpp"
#include "transport/error.hpp"

namespace pyremctl {

namespace {

using Options = std::shared_ptr<const PoolOptions>;

Task<Member> open_member(Options options, std::shared_ptr<Admission> admission, Call &call) {
    const Time begun = Clock::now();
    const auto client = options->model->like();
    if (options->offline)
        co_return Member{.client = client,
                         .end = begun + options->max_lifetime.value_or(std::chrono::years(1)),
                         .offline = true};
    const Target target = options->target;
    client->set_admission(std::move(admission));
    const auto verb = [target, identity = client->identity()](Connection &connection, Call &going) {
        return connection.open(target, going, identity);
    };
    co_await client->open(new_caller(), call, verb); // no other caller has it yet
    client->set_admission(nullptr);                  // it belongs to this thread
    const auto now = Clock::now();
    Time end = now + options->max_lifetime.value_or(std::chrono::years(1));
    if (const std::time_t ticket = client->expires())
        end = std::min(end, now + std::chrono::seconds(ticket - std::time(nullptr)));
    co_return Member{.client = client, .end = end};
}

/// A connection that is being opened.
struct Opening {
    std::list<Ledger::Slot> slot; // always one
    Call call;
    Operation<Member> operation;

    Opening(std::list<Ledger::Slot> right, const Options &options,
            const std::shared_ptr<Admission> &admission, const Call &whole)
        : slot(std::move(right)),
          call({.inactivity = std::nullopt, .deadline = Clock::now() + options->opening}, whole),
          operation(open_member(options, admission, call)) {}

    /// Runs until the next wait; null when it has ended and the ledger was told. `tell`
    /// is called before that, so that the caller that gets the connection can log it.
    template <class Tell> const Wait *advance(Ledger &ledger, Tell tell) {
        std::exception_ptr failure;
        try {
            if (const Wait *wait = operation.advance())
                return wait;
            Member made = operation.result();
            ledger.note([] { return "connection made"; });
            tell();
            slot.front().fill(std::move(made));
            return nullptr;
        } catch (const Error &error) {
            ledger.note([&] { return "no connection made: " + std::string(error.what()); },
                        std::nullopt, error.kind());
            failure = std::current_exception();
        } catch (...) {
            failure = std::current_exception();
        }
        tell();
        slot.front().fail(failure);
        return nullptr;
    }
};

void wake_by(Wait &wait, std::optional<Time> moment) {
    if (moment && (!wait.until || *moment < *wait.until))
        wait.until = moment;
}

/// The keeper's registration in the ledger.
class Presence {
  public:
    explicit Presence(std::shared_ptr<Ledger> ledger) noexcept : ledger_(std::move(ledger)) {}
    Presence(const Presence &) = delete;
    Presence &operator=(const Presence &) = delete;
    Presence(Presence &&) = delete;
    Presence &operator=(Presence &&) = delete;
    ~Presence() {
        if (!left_)
            ledger_->lose_keeper();
    }

    /// The ledger has removed the keeper itself.
    void left() noexcept { left_ = true; }

  private:
    bool left_ = false;
    std::shared_ptr<Ledger> ledger_;
};

} // namespace

Task<void> keep(std::shared_ptr<Ledger> ledger, Options options, bool stays, Call &call) {
    if (!ledger->enter_keeper(call.waker()))
        co_return;
    Presence presence(ledger);
    const auto admission = std::make_shared<Admission>();
    std::list<Opening> openings;
    // A helper thread has no log listener: the next caller logs what was noted here.
    const auto tell = [&] {
        if (!stays)
            ledger->overheard().overhear();
    };
    for (;;) {
        for (auto slots = ledger->missing(); !slots.empty();) {
            std::list<Ledger::Slot> one;
            one.splice(one.begin(), slots, slots.begin());
            openings.emplace_back(std::move(one), options, admission, call);
        }
        Wait all;
        bool ended = false;
        for (auto next = openings.begin(); next != openings.end();) {
            const auto opening = next++;
            const Wait *wait = opening->advance(*ledger, tell);
            if (wait == nullptr) {
                openings.erase(opening);
                ended = true;
                continue;
            }
            all.interests.insert(all.interests.end(), wait->interests.begin(),
                                 wait->interests.end());
            wake_by(all, wait->until);
            all.breath = all.breath || wait->breath;
        }
        if (ledger->closed())
            co_return;
        if (ended)
            continue; // a caller that came after that opening had started may be waiting
        if (openings.empty() && !stays && ledger->leave_keeper()) {
            presence.left();
            co_return;
        }
        wake_by(all, ledger->next_try());
        // NOLINTNEXTLINE(misc-const-correctness): it is awaited
        CheckedPause pause(call, std::move(all));
        co_await pause;
    }
}

void keep_in_thread(const std::shared_ptr<Ledger> &ledger, Options options) {
    run_on_helper([ledger, options = std::move(options)](
                      Call &call) { return keep(ledger, options, false, call); },
                  [ledger](const std::exception_ptr &failure) {
                      if (failure)
                          ledger->fail_keeper(failure);
                      ledger->overheard().overhear();
                  });
}

} // namespace pyremctl
