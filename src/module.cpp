#include <pybind11/pybind11.h>

namespace py = pybind11;

void bind_build_info(py::module_ &m);

PYBIND11_MODULE(_remctl, m, py::mod_gil_not_used()) {
    m.attr("__version__") = PYREMCTL_VERSION;
    bind_build_info(m);
}
