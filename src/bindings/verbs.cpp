#include "bindings/verbs.hpp"

#include <cerrno>
#include <cstring>
#include <string>

#include "transport/error.hpp"

namespace py = pybind11;

namespace pyremctl::verbs {

Target to_target(py::handle host, py::handle port, py::handle principal) {
    Target target;
    target.principal = to_optional_c_string(principal, "principal");
    if (!host.is_none() || !target.principal)
        target.host = to_c_string(host, "host");
    target.port = to_port(port);
    return target;
}

Descriptor duplicate(int descriptor) {
    int type = 0;
    socklen_t length = sizeof type;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) != 0) {
        if (errno != EBADF && errno != ENOTSOCK)
            throw Error(ErrorKind::local,
                        std::string("cannot use the socket: ") + std::strerror(errno));
        PyErr_SetFromErrno(PyExc_OSError);
        throw py::error_already_set();
    }
    if (type != SOCK_STREAM)
        throw py::value_error("the socket must be a stream socket");
    auto copy = Descriptor::from([&] { return ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0); });
    if (!copy)
        throw no_descriptor("a copy of the socket");
    return copy;
}

Address to_address(py::handle pair) {
    const auto address = py::reinterpret_borrow<py::tuple>(pair)[0];
    const auto port = py::reinterpret_borrow<py::tuple>(pair)[1];
    const Lookup lookup = look_up(to_c_string(address, "address"), to_port(port), true);
    if (lookup.addresses.empty())
        throw py::value_error("address must be an IPv4 or IPv6 address: " + shown(address));
    return lookup.addresses.front();
}

} // namespace pyremctl::verbs
