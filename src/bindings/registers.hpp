// The functions that add each file's bindings to the module.
#pragma once

#include <pybind11/pybind11.h>

namespace pyremctl {

void register_build_info(pybind11::module_ &module);
void register_errors();
void register_connection(pybind11::module_ &module);
void register_credentials(pybind11::module_ &module);
void register_tickets(pybind11::module_ &module);
void register_reactor(pybind11::module_ &module);
void register_pool(pybind11::module_ &module);
void register_listeners(pybind11::module_ &module);
void register_lowlevel(pybind11::module_ &module);

} // namespace pyremctl
