#include <pybind11/pybind11.h>

PYBIND11_MODULE(_remctl, m) { m.attr("__version__") = PYREMCTL_VERSION; }
