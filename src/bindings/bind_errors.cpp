#include <pybind11/pybind11.h>

#include <exception>

#include "bindings/convert.hpp"
#include "bindings/errors.hpp"
#include "bindings/registers.hpp"

namespace py = pybind11;

namespace pyremctl {

namespace {

const char *class_or_kind(ErrorKind kind) {
    return kind == ErrorKind::not_opened ? "not_opened" : name_of(kind);
}

// The package's exceptions are looked up when they are needed, so that nothing is kept
// beyond the interpreter's life.
py::object errors() { return py::module_::import("remctl._errors"); }

py::object make(const Error &error, const py::object &partial) {
    const auto hint = error.hint().empty() ? py::object(py::none()) : to_text(error.hint());
    return errors().attr("make")(class_or_kind(error.kind()), to_text(error.what()),
                                 py::arg("hint") = hint, py::arg("partial") = partial,
                                 py::arg("may_have_run") = error.may_have_run(),
                                 py::arg("lasting") = error.lasting());
}

} // namespace

py::object to_exception(const Error &error) { return make(error, py::none()); }

py::object to_exception(const Error &error, Result &partial) {
    const py::tuple came = to_tuple(partial);
    return make(error, errors().attr("RemctlSimpleResult")(came[0], came[1]));
}

void raise(const py::object &exception) {
    PyErr_SetObject(py::type::of(exception).ptr(), exception.ptr());
    throw py::error_already_set();
}

void register_errors() {
    // NOLINTNEXTLINE(performance-unnecessary-value-param): pybind11 fixes the signature.
    py::register_local_exception_translator([](std::exception_ptr pointer) {
        try {
            if (pointer)
                std::rethrow_exception(pointer);
        } catch (const Error &error) {
            // An exception raised meanwhile, for example by a signal handler, replaces
            // it. pybind11 would drop that and translate the Error like any C++
            // exception.
            try {
                const py::object exception = to_exception(error);
                PyErr_SetObject(py::type::of(exception).ptr(), exception.ptr());
            } catch (py::error_already_set &meanwhile) {
                meanwhile.restore();
            } catch (const std::exception &) { // also pybind11's own, if Python is out of memory
                PyErr_NoMemory();
            }
        }
    });
}

} // namespace pyremctl
