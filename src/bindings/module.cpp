// The extension module remctl._remctl.
#include <pybind11/pybind11.h>

#include "bindings/registers.hpp"

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
