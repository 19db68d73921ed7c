#include <pybind11/pybind11.h>

namespace py = pybind11;

namespace pyremctl {
void register_build_info(py::module_ &module);
}

PYBIND11_MODULE(_remctl, m, py::mod_gil_not_used()) {
    m.attr("__version__") = PYREMCTL_VERSION;
    pyremctl::register_build_info(m);
}
