#include "drivers/pool.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "drivers/keeper.hpp"
#include "transport/error.hpp"

namespace pyremctl {

namespace {

// A check may take one part in this many of the call's remaining time.
constexpr int check_share = 4;

/// A duration in seconds, formatted.
std::string number(const char *format, Duration time) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), format, std::chrono::duration<double>(time).count());
    return text.data();
}

std::string in_units(Duration time, const char *unit) { return number("%.1f ", time) + unit; }

Error waited_too_long(const Ledger::Request &request, const Ledger &ledger) {
    std::string text = "no connection of the pool was free in " +
                       number("%.3g", Clock::now() - request.asked()) + " seconds";
    if (const auto opening = ledger.sizes().opening)
        text += " (" + std::to_string(opening) + " being opened)";
    return {ErrorKind::timeout, text};
}

/// Counts a request that ends without a connection.
class Counted {
  public:
    explicit Counted(std::shared_ptr<Ledger> ledger) noexcept : ledger_(std::move(ledger)) {}
    Counted(const Counted &) = delete;
    Counted &operator=(const Counted &) = delete;
    Counted(Counted &&) = delete;
    Counted &operator=(Counted &&) = delete;
    ~Counted() {
        if (!served_)
            ++ledger_->counts().request_errors;
    }

    void served() noexcept { served_ = true; }

  private:
    bool served_ = false;
    std::shared_ptr<Ledger> ledger_;
};

/// True if nothing unexpected has arrived on the socket. Usually that would be the end
/// of file of a server that has closed the connection.
bool is_quiet(int descriptor) noexcept {
    pollfd look{descriptor, POLLIN, 0};
    return descriptor >= 0 && ::poll(&look, 1, 0) == 0;
}

/// Waits until the request has a result.
Task<Ledger::Loan> wait_for(std::shared_ptr<Ledger> ledger, Ledger::Request &request, Call &call) {
    while (!request.settled()) {
        if (call.overdue()) {
            const Duration waited = Clock::now() - request.asked();
            ledger->note_with_sizes(
                [&] { return "waited for " + in_units(waited, "s") + " and got none"; }, waited,
                ErrorKind::timeout);
            throw waited_too_long(request, *ledger);
        }
        co_await call.wait();
    }
    ledger->overheard().retell();
    co_return request.take();
}

/// Whether the server answers a noop, within a limit of its own.
Task<bool> answers(std::shared_ptr<Ledger> ledger, std::shared_ptr<Client> client,
                   Duration checking, Caller caller, Call &call) {
    if (const auto left = call.left())
        checking = std::min(checking, *left / check_share);
    Call check({.inactivity = std::nullopt, .deadline = Clock::now() + checking}, call);
    const auto verb = [](Connection &connection, Call &going) { return connection.noop(going); };
    Operation<Client::Completed<bool>> asking(client->perform(nullptr, caller, check, verb));
    try {
        while (const Wait *wait = asking.advance()) {
            CheckedPause pause(call, *wait); // NOLINT(misc-const-correctness): it is awaited
            co_await pause;
            if (ledger->closed())
                throw pool_closed();
        }
        asking.result();
    } catch (const Error &) {
        call.check(); // throws in the child of a fork, which must not touch the ledger
        if (ledger->closed())
            throw pool_closed();
        co_return false;
    }
    ledger->note([] { return "checked, the connection is alive"; });
    co_return true;
}

/// The keeper in an event loop. If it fails, so do the waiting requests.
Task<void> keep_or_fail(std::shared_ptr<Ledger> ledger, std::shared_ptr<const PoolOptions> options,
                        Call &call) {
    try {
        co_await keep(ledger, std::move(options), true, call);
    } catch (...) {
        ledger->fail_keeper(std::current_exception());
    }
}

} // namespace

Pool::Pool(PoolOptions options)
    : options_(std::make_shared<const PoolOptions>(std::move(options))), ledger_(make_ledger()) {}

Pool::~Pool() {
    if (generation_ != fork_generation())
        lose(std::move(ledger_));
    else
        ledger_->close();
}

std::shared_ptr<Ledger> Pool::make_ledger() const {
    Ledger::Start start;
    if (options_->in_threads)
        start = [options = options_](const std::shared_ptr<Ledger> &ledger) {
            keep_in_thread(ledger, options);
        };
    return std::make_shared<Ledger>(
        options_->limits, counts_,
        Endpoint{.host = options_->target.host, .port = options_->target.port}, std::move(start));
}

/// The ledger of this process. The parent's is abandoned and never looked at again:
/// threads that do not exist in the child may have left it in any state.
std::shared_ptr<Ledger> Pool::current() const {
    const StateLock lock(this);
    if (generation_ != fork_generation()) {
        lose(std::exchange(ledger_, make_ledger()));
        generation_ = fork_generation();
        if (closed())
            ledger_->close();
    }
    return ledger_;
}

void Pool::require_open() const {
    if (closed())
        throw pool_closed();
}

Task<Pool::Loan> Pool::borrow(Caller caller, Call &call) {
    const auto options = options_;
    const auto ledger = current();
    ++ledger->counts().requests;
    Counted counted(ledger);
    ledger->overheard().retell();
    ledger->prune();
    Ledger::Request request(ledger, Ledger::Request::For::one, call);
    if (call.overdue()) // a limit of 0 or less
        throw waited_too_long(request, *ledger).for_good();
    for (bool first = true;; first = false) {
        request.join();
        if (first && !request.settled()) {
            ++ledger->counts().queued;
            ledger->note_with_sizes([] { return std::string("waiting"); });
        }
        Loan loan = co_await wait_for(ledger, request, call);
        const Member &member = loan.member();
        const bool trusted = Clock::now() - member.idle_since < options->trusted;
        // A server of protocol 1 closes the connection after each command, and the next
        // command makes a new one.
        if (!member.offline && !member.client->protocol1() &&
            !is_quiet(member.client->descriptor())) {
            ledger->drop(std::move(loan));
            continue;
        }
        if (!member.offline && !trusted &&
            !co_await answers(ledger, member.client, options->checking, caller, call)) {
            ledger->lose(std::move(loan));
            continue;
        }
        counted.served();
        const Duration waited = Clock::now() - request.asked();
        ledger->counts().wait_ms += static_cast<unsigned long>(
            std::chrono::round<std::chrono::milliseconds>(waited).count());
        ledger->note_with_sizes([&] { return "lent after " + in_units(1000 * waited, "ms"); },
                                waited);
        co_return loan;
    }
}

Task<void> Pool::fill(Call &call) {
    const auto ledger = current();
    Ledger::Request request(ledger, Ledger::Request::For::all, call);
    if (call.overdue()) // a limit of 0 or less
        throw waited_too_long(request, *ledger).for_good();
    request.join();
    co_await wait_for(ledger, request, call);
}

bool Pool::kept() const { return current()->has_keeper(); }

Task<void> Pool::keep(Call &call) { return keep_or_fail(current(), options_, call); }

void Pool::close() noexcept {
    const auto ledger = current();
    if (!closed_.exchange(true)) {
        ledger->overheard().retell();
        ledger->note_with_sizes([] { return std::string("closed"); });
    }
    ledger->close();
}

std::size_t Pool::start_over() {
    auto fresh = make_ledger();
    {
        const StateLock lock(this);
        if (generation_ != fork_generation()) {
            lose(std::exchange(ledger_, fresh));
            generation_ = fork_generation();
            return 0;
        }
        std::swap(ledger_, fresh);
        if (closed())
            ledger_->close();
    }
    const std::size_t idle = fresh->sizes().idle;
    fresh->close();
    return idle;
}

} // namespace pyremctl
