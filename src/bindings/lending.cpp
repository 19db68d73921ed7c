#include "bindings/lending.hpp"

#include "bindings/convert.hpp"
#include "bindings/errors.hpp"
#include "bindings/listeners.hpp"
#include "bindings/unlocked.hpp"
#include "drivers/blocking.hpp"
#include "transport/process.hpp"

namespace py = pybind11;

namespace pyremctl {

namespace {

const char *const cut_short = "its block was cut short";

/// Why a fake connection cannot be lent again; null if it can.
const char *unusable_fake(const py::object &connection) {
    if (!connection.attr("opened").cast<bool>())
        return "it is no longer connected";
    return connection.attr("pending").cast<bool>() ? "output is pending" : nullptr;
}

/// The exception, with the host and port added.
py::object located(const py::object &exception, const Target &target) {
    const auto port = target.port != 0 ? py::object(py::int_(target.port)) : py::none();
    return py::module_::import("remctl._errors")
        .attr("locate")(exception, target.host, port, py::none());
}

Task<void> keep_loan(std::shared_ptr<Pool> pool, Caller caller, Call &call,
                     std::shared_ptr<Pool::Loan> kept) {
    *kept = co_await pool->borrow(caller, call);
}

} // namespace

void Lending::require_fresh() const {
    if (used_.load())
        throw py::value_error("each block needs a connection() of its own");
}

void Lending::claim() {
    if (used_.exchange(true))
        require_fresh();
}

/// Takes over the loan and returns the object for the block.
py::object Lending::begin(Pool::Loan loan) {
    const py::object lent = wrap_(py::cast(loan.client()));
    lent_ = lent;
    const StateLock lock(this);
    loan_ = std::move(loan);
    return lent;
}

py::object Lending::enter() {
    require_fresh();
    const auto deadline = to_deadline(timeout_);
    claim();
    listen(journal::Topic::pools);
    listen(journal::Topic::connections);
    listen(journal::Topic::credentials);
    const auto self = shared_from_this(); // keeps this alive whatever Python code runs meanwhile
    try {
        return told([&] {
            Pool::Loan loan;
            {
                Unlocked unlocked;
                Call call({.inactivity = std::nullopt, .deadline = deadline}, thread_waker());
                loan = BlockingDriver(*thread_waker(), unlocked)
                           .run(pool_->borrow(this_thread(), call));
            }
            return begin(std::move(loan));
        });
    } catch (const Error &error) {
        raise(located(to_exception(error), pool_->options().target));
    } catch (...) { // the block does not get the connection
        end(release(), nullptr);
        throw;
    }
}

PythonReactor::SharedOperation Lending::ask(PythonReactor &reactor, Caller caller) {
    require_fresh();
    const Limits limits{.inactivity = std::nullopt, .deadline = to_deadline(timeout_)};
    claim();
    listen(journal::Topic::pools);
    listen(journal::Topic::connections);
    listen(journal::Topic::credentials);
    if (!pool_->options().in_threads && !pool_->kept())
        reactor.keep([pool = pool_](Call &call) { return pool->keep(call); });
    const auto kept = std::make_shared<Pool::Loan>();
    Completion completion;
    // The operation must not keep the lending alive: it may outlive the block.
    completion.to_python = [weak = weak_from_this(), kept]() -> py::object {
        Pool::Loan loan = std::exchange(*kept, {});
        const auto self = weak.lock();
        return self ? self->begin(std::move(loan)) : py::none();
    };
    completion.discard = [kept] { const Pool::Loan loan = std::exchange(*kept, {}); };
    return reactor.start(
        limits,
        [pool = pool_, caller, kept](Call &call) { return keep_loan(pool, caller, call, kept); },
        std::move(completion));
}

Lending::~Lending() {
    if (!lent_)
        return;
    const py::error_scope raised; // keeps the current exception
    try {
        detach();
    } catch (const std::exception &) { // NOLINT(bugprone-empty-catch)
    }
}

/// Takes the connection away from the block's object.
void Lending::detach() {
    const py::object lent = std::exchange(lent_, py::object());
    if (lent)
        lent.attr("_connection") = py::cast(std::make_shared<Client>());
}

Pool::Loan Lending::release() {
    const StateLock lock(this);
    return std::exchange(loan_, {});
}

void Lending::end(Pool::Loan loan, const char *unusable) {
    detach();
    const Unlocked unlocked;
    loan.end(unusable);
}

void Lending::exit(py::handle kind) {
    Pool::Loan loan = release();
    if (!loan)
        return;
    const bool cut =
        !kind.is_none() && PyErr_GivenExceptionMatches(kind.ptr(), PyExc_Exception) == 0;
    const char *unusable = cut ? cut_short : nullptr;
    if (!cut && loan.member().offline)
        unusable = unusable_fake(lent_.attr("_connection"));
    else if (!cut)
        unusable = loan.unusable();
    end(std::move(loan), unusable);
    hand_out();
}

} // namespace pyremctl
