// The extension module remctl._remctl.
#include <pybind11/pybind11.h>

#include "bindings/registers.hpp"
#include "build_info.hpp"

namespace {

constexpr const char *only_main =
    "remctl cannot be imported in a sub-interpreter: import it in the main interpreter (with "
    "mod_wsgi: WSGIApplicationGroup %{GLOBAL})";

} // namespace

#if PY_VERSION_HEX < 0x030C0000
// Before Python 3.12, pybind11 supports one interpreter and would wait for ever in
// another one. There our own init function runs first and raises an error.
#define PyInit__remctl init_with_pybind11
#endif

// On Python 3.12 and newer it would work, except that an object that is left over when
// its interpreter is ended by another thread than the one that created it crashes in
// pybind11's per-thread data.
PYBIND11_MODULE(_remctl, module, pybind11::mod_gil_not_used(),
                pybind11::multiple_interpreters::not_supported()) {
    if (PyInterpreterState_Get() != PyInterpreterState_Main())
        throw pybind11::import_error(only_main);
    module.doc() = "The C API of the remctl client library, one to one, with handles that are safe "
                   "to misuse; and the classes on which the package remctl is built.";
    module.attr("__version__") = PYREMCTL_VERSION;
    // The library's version, as in the old binding.
    constexpr const char *library = pyremctl::build_info::libremctl;
    module.attr("VERSION") = *library == '\0' ? "unknown" : library;
    pyremctl::register_build_info(module);
    pyremctl::register_errors();
    pyremctl::register_connection(module); // sessions and connections, used by
    pyremctl::register_reactor(module);    // the reactor, and by
    pyremctl::register_lowlevel(module);   // the low-level handles
    pyremctl::register_credentials(module);
    pyremctl::register_tickets(module);
    pyremctl::register_pool(module);
    pyremctl::register_listeners(module);
}

#if PY_VERSION_HEX < 0x030C0000
#undef PyInit__remctl
// NOLINTNEXTLINE(bugprone-reserved-identifier): the import system fixes the name.
PyMODINIT_FUNC PyInit__remctl() {
    if (PyInterpreterState_Get() == PyInterpreterState_Main())
        return init_with_pybind11();
    PyErr_SetString(PyExc_ImportError, only_main);
    return nullptr;
}
#endif
