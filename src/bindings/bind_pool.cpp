// Pool and Lending: the classes behind the package's pools.
#include <pybind11/pybind11.h>

#include "bindings/convert.hpp"
#include "bindings/errors.hpp"
#include "bindings/lending.hpp"
#include "bindings/listeners.hpp"
#include "bindings/reactor_runner.hpp"
#include "bindings/registers.hpp"
#include "bindings/unlocked.hpp"
#include "bindings/verbs.hpp"
#include "bindings/whole.hpp"
#include "drivers/blocking.hpp"
#include "drivers/pool.hpp"

namespace py = pybind11;

namespace pyremctl {

namespace {

using Shared = std::shared_ptr<Pool>;

Duration to_seconds(double seconds) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

/// The package has checked the arguments and passes all of them.
Shared make_pool(Client &model, py::handle host, py::handle port, py::handle principal,
                 const py::kwargs &rest) {
    PoolOptions options;
    options.model = model.shared_from_this();
    options.target = verbs::to_host(host, port, principal);
    options.offline = rest["offline"].cast<bool>();
    options.limits.min_size = rest["min_size"].cast<std::size_t>();
    options.limits.max_size = rest["max_size"].cast<std::size_t>();
    options.limits.max_idle = to_seconds(rest["max_idle"].cast<double>());
    if (!rest["max_lifetime"].is_none())
        options.max_lifetime = to_seconds(rest["max_lifetime"].cast<double>());
    options.opening = to_seconds(rest["opening"].cast<double>());
    options.trusted = to_seconds(rest["trusted"].cast<double>());
    options.checking = to_seconds(rest["checking"].cast<double>());
    options.in_threads = rest["in_threads"].cast<bool>();
    return std::make_shared<Pool>(std::move(options));
}

void listen_to_all() {
    listen(journal::Topic::pools);
    verbs::listen_to_opening();
}

void open(const Shared &self, py::handle timeout) {
    self->require_open();
    const auto deadline = to_deadline(timeout);
    listen_to_all();
    told([&] {
        Unlocked unlocked;
        Call call({.inactivity = std::nullopt, .deadline = deadline}, thread_waker());
        BlockingDriver(*thread_waker(), unlocked).run(self->fill(call));
        return true;
    });
}

PythonReactor::SharedOperation open_in(const Shared &self, PythonReactor &reactor,
                                       py::handle timeout) {
    self->require_open();
    const Limits limits{.inactivity = std::nullopt, .deadline = to_deadline(timeout)};
    listen_to_all();
    if (!self->options().in_threads && !self->kept())
        reactor.keep([self](Call &call) { return self->keep(call); });
    return reactor.start(limits, [self](Call &call) { return self->fill(call); });
}

void close(Pool &self) {
    listen_to_all();
    {
        const Unlocked unlocked;
        self.close();
    }
    hand_out();
}

std::size_t start_over(Pool &self) {
    std::size_t idle = 0;
    {
        const Unlocked unlocked;
        idle = self.start_over();
    }
    hand_out();
    return idle;
}

py::dict stats(const Pool &self) {
    const auto sizes = self.sizes();
    const PoolCounts &counts = self.counts();
    py::dict all;
    all["pool_min"] = self.options().limits.min_size;
    all["pool_max"] = self.options().limits.max_size;
    all["pool_size"] = sizes.all;
    all["pool_available"] = sizes.idle;
    all["requests_waiting"] = sizes.waiting;
    all["requests_num"] = counts.requests.load();
    all["requests_queued"] = counts.queued.load();
    all["requests_wait_ms"] = counts.wait_ms.load();
    all["requests_errors"] = counts.request_errors.load();
    all["returns_bad"] = counts.bad_returns.load();
    all["connections_num"] = counts.made.load();
    all["connections_errors"] = counts.not_made.load();
    all["connections_lost"] = counts.lost.load();
    return all;
}

/// The awaitable that __aexit__ returns: it never waits.
struct Done {};

} // namespace

void register_pool(py::module_ &module) {
    py::class_<Done> done_class(module, "Done", "An awaitable that returns None immediately.",
                                py::is_final());
    done_class.def("__await__", [](const Done &) { return py::iter(py::tuple()); });
    forbid_new(done_class);
    forbid_copies(done_class);
    const py::object done = py::cast(Done{});

    py::class_<Lending, std::shared_ptr<Lending>> lending_class(
        module, "Lending", "A pool's connection, lent for the length of a with block.",
        py::is_final());
    lending_class
        .def(
            "__enter__", [](Lending &self) { return self.enter(); }, "Wait for a connection.")
        .def(
            "__exit__",
            [](Lending &self, py::handle kind, py::handle, py::handle) { self.exit(kind); },
            py::arg("kind"), py::arg("error"), py::arg("traceback"), "Return the connection.");
    forbid_new(lending_class);
    hand_out_when_gone(lending_class);
    forbid_copies(lending_class);

    py::class_<AsyncLending, std::shared_ptr<AsyncLending>> async_class(
        module, "AsyncLending", "A pool's connection, lent for the length of an async with block.",
        py::is_final());
    async_class
        .def(
            "__aenter__", [](py::handle self) { return self.cast<AsyncLending &>().start(self); },
            "Return the coroutine that waits for a connection.")
        .def(
            "__aexit__",
            [done](AsyncLending &self, py::handle kind, py::handle, py::handle) {
                self.lending->exit(kind);
                return py::object(done);
            },
            py::arg("kind"), py::arg("error"), py::arg("traceback"),
            "Return the connection, without a wait.")
        .def(
            "give_up", [](AsyncLending &self) { self.lending->exit(py::none()); },
            "Return an unused connection.")
        .def(
            "ask",
            [](AsyncLending &self, PythonReactor &reactor, Caller caller) {
                return self.lending->ask(reactor, caller);
            },
            py::arg("reactor"), py::arg("caller"),
            "Wait for a connection in an event loop: the operation.");
    forbid_new(async_class);
    hand_out_when_gone(async_class);
    forbid_copies(async_class);

    py::class_<Pool, Shared> pool_class(
        module, "Pool", "Connections to one server; see remctl.ConnectionPool.", py::is_final());
    pool_class
        .def_static("make", &make_pool, py::arg("model"), py::arg("host"), py::arg("port"),
                    py::arg("principal"),
                    "Create a pool whose connections have the settings of the unopened `model`.")
        .def(
            "lend",
            [](const Shared &self, py::object wrap, py::object timeout) {
                return std::make_shared<Lending>(self, std::move(wrap), std::move(timeout));
            },
            py::arg("wrap"), py::arg("timeout"),
            "Return a context manager; its block gets `wrap(connection)`.")
        .def(
            "lend_async",
            [](const Shared &self, py::object wrap, py::object timeout, py::object start) {
                return std::make_shared<AsyncLending>(
                    std::make_shared<Lending>(self, std::move(wrap), std::move(timeout)),
                    std::move(start));
            },
            py::arg("wrap"), py::arg("timeout"), py::arg("start"),
            "The same for `async with`; `start(lending)` returns the coroutine that waits.")
        .def("open", &open, py::arg("timeout"), "Wait until there are min_size connections.")
        .def("open_in", &open_in, py::arg("reactor"), py::arg("timeout"),
             "The same in an event loop: the operation.")
        .def("close", &close, "Close idle connections now, and lent ones when they are returned.")
        .def("start_over", &start_over,
             "Close the connections at the end of an event loop. Returns how many were idle.")
        .def(
            "require_open", [](const Pool &self) { self.require_open(); },
            "Raise RemctlNotOpenedError if the pool is closed.")
        .def("stats", &stats, "The numbers of ConnectionPool.stats().")
        .def_property_readonly(
            "closed", [](const Pool &self) { return self.closed(); }, "True after close().");
    forbid_new(pool_class);
    hand_out_when_gone(pool_class);
    forbid_copies(pool_class);
}

} // namespace pyremctl
