// The extension module remctl._remctl.
#include <pybind11/pybind11.h>

#include "bindings/registers.hpp"

#if PY_VERSION_HEX < 0x030C0000
// Before Python 3.12 pybind11 serves one interpreter, and would wait for ever in
// another one. There our own init function stands before its, and says so.
#define PyInit__remctl init_with_pybind11
#endif

PYBIND11_MODULE(_remctl, module, pybind11::mod_gil_not_used(),
                pybind11::multiple_interpreters::per_interpreter_gil()) {
    module.doc() = "The remctl client library's interface, one to one, over handles that are "
                   "safe to misuse; and the connection that the package remctl is made on.";
    module.attr("__version__") = PYREMCTL_VERSION;
    pyremctl::register_build_info(module);
    pyremctl::register_errors();
    pyremctl::register_connection(module); // sessions and connections, which
    pyremctl::register_lowlevel(module);   // the handles here are made of
}

#if PY_VERSION_HEX < 0x030C0000
#undef PyInit__remctl
PyMODINIT_FUNC PyInit__remctl() {
    if (PyInterpreterState_Get() == PyInterpreterState_Main())
        return init_with_pybind11();
    PyErr_SetString(PyExc_ImportError,
                    "remctl works in a sub-interpreter from Python 3.12 on; with this version, "
                    "import it in the main interpreter");
    return nullptr;
}
#endif
