// C++ failures as the exceptions of the package remctl.
#include <pybind11/pybind11.h>

#include "bindings/convert.hpp"
#include "bindings/registers.hpp"
#include "transport/error.hpp"

namespace py = pybind11;

namespace pyremctl {

namespace {

const char *class_of(Failure failure) {
    switch (failure) {
    case Failure::timeout:
        return "RemctlTimeoutError";
    case Failure::not_opened:
        return "RemctlNotOpenedError";
    case Failure::general:
        break;
    }
    return "RemctlError";
}

} // namespace

void register_errors() {
    // The classes are looked up when they are needed: each interpreter has
    // its own, and nothing is kept beyond an interpreter's life.
    py::register_local_exception_translator([](std::exception_ptr pointer) {
        try {
            if (pointer)
                std::rethrow_exception(pointer);
        } catch (const Error &error) {
            const auto type = py::module_::import("remctl._errors").attr(class_of(error.failure()));
            const auto text = to_text(error.what());
            PyErr_SetObject(type.ptr(), text.ptr());
        }
    });
}

} // namespace pyremctl
