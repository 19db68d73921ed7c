// What this extension was built from: the data of remctl.build_info().
#include <pybind11/pybind11.h>

#include "bindings/registers.hpp"
#include "build_info.hpp"

namespace py = pybind11;

namespace pyremctl {

namespace {

// None if it was unknown at build time, or is not part of this flavour.
py::object text_or_none(const char *text) {
    if (*text == '\0') {
        return py::none();
    }
    return py::str(text);
}

} // namespace

void register_build_info(py::module_ &module) {
    module.def(
        "build_info",
        [] {
            py::dict info;
            info["flavour"] = build_info::flavour;
            info["libremctl"] = text_or_none(build_info::libremctl);
            info["krb5"] = text_or_none(build_info::krb5);
            info["keyutils"] = text_or_none(build_info::keyutils);
            info["pybind11"] = build_info::pybind11;
            info["compiler"] = build_info::compiler;
            return info;
        },
        "What this extension was built from, by name; None if unknown.");
}

} // namespace pyremctl
