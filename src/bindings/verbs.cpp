#include "bindings/verbs.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <utility>

#include "bindings/convert.hpp"
#include "bindings/unlocked.hpp"
#include "transport/address.hpp"

namespace py = pybind11;

namespace pyremctl::verbs {

namespace {

/// Without a host there has to be a principal.
Target to_target(py::handle host, py::handle port, py::handle principal) {
    Target target;
    target.principal = to_optional_c_string(principal, "principal");
    if (!host.is_none() || !target.principal)
        target.host = to_c_string(host, "host");
    target.port = to_port(port);
    return target;
}

/// A connected stream socket is what can be used; anything else is refused.
Descriptor duplicate(int descriptor) {
    int type = 0;
    socklen_t length = sizeof type;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) != 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        throw py::error_already_set();
    }
    if (type != SOCK_STREAM)
        throw py::value_error("the socket must be a stream socket");
    Descriptor copy(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
    if (!copy) {
        PyErr_SetFromErrno(PyExc_OSError);
        throw py::error_already_set();
    }
    return copy;
}

} // namespace

void open(SharedConnection &shared, py::handle host, py::handle port, py::handle principal) {
    Target target = to_target(host, port, principal);
    if (target.host.empty())
        throw py::value_error("host must not be empty");
    Unlocked unlocked;
    const auto turn = shared.enter_to_open(unlocked);
    shared.run(unlocked, [&](Connection &connection, Waiter &waiter) {
        return connection.open(std::move(target), waiter);
    });
}

void open_descriptor(SharedConnection &shared, int descriptor, py::handle host,
                     py::handle principal) {
    Target target = to_target(host, py::int_(0), principal);
    Descriptor socket = duplicate(descriptor);
    Unlocked unlocked;
    const auto turn = shared.enter_to_open(unlocked);
    shared.run(unlocked, [&](Connection &connection, Waiter &waiter) {
        return connection.adopt(std::move(socket), std::move(target), waiter);
    });
}

void open_address(SharedConnection &shared, py::handle address, py::handle host,
                  py::handle principal) {
    if (!PyTuple_Check(address.ptr()) || PyTuple_GET_SIZE(address.ptr()) < 2)
        throw py::type_error("address must be a tuple: (address in digits, port)");
    const auto pair = py::reinterpret_borrow<py::tuple>(address);
    Target target = to_target(host, pair[1], principal);
    const Lookup lookup = look_up(to_c_string(pair[0], "address"), target.port, true);
    if (lookup.addresses.empty())
        throw py::value_error("address must be an IPv4 or IPv6 address: " +
                              py::repr(pair[0]).cast<std::string>());
    Unlocked unlocked;
    const auto turn = shared.enter_to_open(unlocked);
    shared.run(unlocked, [&](Connection &connection, Waiter &waiter) {
        return connection.open_address(lookup.addresses.front(), std::move(target), waiter);
    });
}

void command(SharedConnection &shared, py::handle list, const Session &session) {
    const HeldCommand held(list);
    Unlocked unlocked;
    const auto turn = shared.enter(session.get(), unlocked);
    shared.run(unlocked, [&](Connection &connection, Waiter &waiter) {
        return connection.command(held.command, waiter);
    });
}

py::tuple output(SharedConnection &shared, const Session &session) {
    Unlocked unlocked;
    const auto turn = shared.enter(session.get(), unlocked);
    const Token token = shared.run(
        unlocked, [](Connection &connection, Waiter &waiter) { return connection.output(waiter); });
    unlocked.relock();
    return to_tuple(token); // while the turn keeps the token's memory good
}

py::tuple run(SharedConnection &shared, py::handle list) {
    const HeldCommand held(list);
    Unlocked unlocked;
    const auto turn = shared.enter(nullptr, unlocked);
    const Result result = shared.run(unlocked, [&](Connection &connection, Waiter &waiter) {
        return connection.run(held.command, waiter);
    });
    if (result.error)
        shared.note(result.error_text);
    unlocked.relock();
    return to_tuple(result);
}

bool noop(SharedConnection &shared) {
    Unlocked unlocked;
    const auto turn = shared.enter(nullptr, unlocked);
    return shared.run(
        unlocked, [](Connection &connection, Waiter &waiter) { return connection.noop(waiter); });
}

void close(SharedConnection &shared) {
    Unlocked unlocked;
    shared.close(unlocked);
}

void drop(SharedConnection &shared, const Session &session) {
    if (shared.forked())
        return; // the parent's stream goes on
    Unlocked unlocked;
    shared.drop(session.get(), unlocked);
}

Session begin(SharedConnection &shared) {
    Unlocked unlocked;
    return shared.begin(unlocked);
}

} // namespace pyremctl::verbs
