// Tickets for child processes: Credentials.environ().
#include <pybind11/pybind11.h>

#include <memory>
#include <utility>

#include "bindings/convert.hpp"
#include "bindings/errors.hpp"
#include "bindings/listeners.hpp"
#include "bindings/reactor_runner.hpp"
#include "bindings/registers.hpp"
#include "bindings/unlocked.hpp"
#include "bindings/whole.hpp"
#include "credentials/credentials.hpp"
#include "drivers/blocking.hpp"
#include "drivers/ticket_keeper.hpp"

namespace py = pybind11;

namespace pyremctl {

namespace {

/// Ends the loan when Python drops the object; the helper thread shares the tickets.
class TicketLoan {
  public:
    explicit TicketLoan(std::shared_ptr<LentTickets> tickets) : tickets_(std::move(tickets)) {}
    TicketLoan(const TicketLoan &) = delete;
    TicketLoan &operator=(const TicketLoan &) = delete;
    TicketLoan(TicketLoan &&) = delete;
    TicketLoan &operator=(TicketLoan &&) = delete;
    ~TicketLoan() { tickets_->end(); }

    LentTickets &operator*() const noexcept { return *tickets_; }

  private:
    std::shared_ptr<LentTickets> tickets_;
};

using Loan = std::shared_ptr<TicketLoan>;

Loan lend(const std::shared_ptr<Credentials> &credentials, py::handle timeout) {
    const auto deadline = to_deadline(timeout);
    listen(journal::Topic::credentials);
    return told([&] {
        Unlocked unlocked;
        Call call({.inactivity = std::nullopt, .deadline = deadline}, thread_waker());
        auto tickets =
            BlockingDriver(*thread_waker(), unlocked).run(lend_tickets(credentials, call));
        return std::make_shared<TicketLoan>(std::move(tickets));
    });
}

Task<void> lend_into(std::shared_ptr<Credentials> credentials, Call &call,
                     std::shared_ptr<Loan> loan) {
    *loan = std::make_shared<TicketLoan>(co_await lend_tickets(std::move(credentials), call));
}

PythonReactor::SharedOperation lend_in(PythonReactor &reactor,
                                       const std::shared_ptr<Credentials> &credentials,
                                       py::handle timeout) {
    const Limits limits{.inactivity = std::nullopt, .deadline = to_deadline(timeout)};
    listen(journal::Topic::credentials);
    auto loan = std::make_shared<Loan>();
    return reactor.start(limits, [=](Call &call) { return lend_into(credentials, call, loan); },
                         {.to_python = [loan]() -> py::object { return py::cast(*loan); },
                          .discard = [loan] { *loan = nullptr; }});
}

void tell(TicketLoan &loan) {
    listen(journal::Topic::credentials);
    (*loan).overheard().retell();
    hand_out();
}

void end(TicketLoan &loan) {
    listen(journal::Topic::credentials);
    (*loan).overheard().retell();
    std::optional<Error> failure;
    {
        const Unlocked unlocked;
        failure = (*loan).end();
    }
    hand_out();
    if (failure)
        throw Error(std::move(*failure));
}

} // namespace

void register_tickets(py::module_ &module) {
    py::class_<TicketLoan, Loan> loan_class(
        module, "TicketLoan", "A ticket cache for child processes, renewed until end().",
        py::is_final());
    loan_class
        .def_property_readonly(
            "name", [](const TicketLoan &self) { return to_text((*self).name()); },
            "The cache's name, for $KRB5CCNAME.")
        .def("tell", &tell, "Log what the helper thread has noted.")
        .def("end", &end,
             "Remove the cache, and raise the error of the last renewal if it failed.");
    forbid_new(loan_class);
    forbid_copies(loan_class);

    module.def("lend_tickets", &lend, py::arg("credentials"), py::arg("timeout") = py::none(),
               "Put the tickets where child processes find them, within `timeout` seconds.");
    module.def("lend_tickets_in", &lend_in, py::arg("reactor"), py::arg("credentials"),
               py::arg("timeout"), "The same in an event loop: the operation.");
}

} // namespace pyremctl
