// Objects that are whole or not there.
#pragma once

#include <pybind11/pybind11.h>

#include <concepts>
#include <memory>
#include <string>

#include "bindings/errors.hpp"
#include "transport/shared_only.hpp"

namespace pyremctl {

// Python makes objects in two steps, __new__ and __init__, and pybind11 gives
// one that has seen only the first a value of uninitialised memory:
// copy.copy(object) or Class.__new__(Class) would be enough to crash. So
// __new__ either does everything here, or is not there.

/// Objects of this class are neither copied nor pickled. (What object does by
/// itself ends in pybind11's base class, which ends the process.)
template <class Class> void forbid_copies(Class &cls) {
    const auto refuse = [](pybind11::handle self, const pybind11::args &) {
        throw pybind11::type_error(std::string("cannot pickle '") + Py_TYPE(self.ptr())->tp_name +
                                   "' object");
    };
    cls.def("__reduce__", refuse);
    cls.def("__reduce_ex__", refuse);
}

/// Objects of this class come from our functions alone.
inline void forbid_new(pybind11::handle cls) {
    reinterpret_cast<PyTypeObject *>(cls.ptr())->tp_new = nullptr;
}

/// Objects of this class are whole after __new__; the class has py::init<>()
/// and is final.
template <std::derived_from<SharedOnly> Value> void construct_in_new(pybind11::handle cls) {
    reinterpret_cast<PyTypeObject *>(cls.ptr())->tp_new = [](PyTypeObject *type, PyObject *args,
                                                             PyObject *keywords) -> PyObject * {
        if (PyTuple_GET_SIZE(args) != 0 ||
            (keywords != nullptr && PyDict_GET_SIZE(keywords) != 0)) {
            PyErr_Format(PyExc_TypeError, "%s() takes no arguments", type->tp_name);
            return nullptr;
        }
        try {
            try {
                return pybind11::cast(std::make_shared<Value>()).release().ptr();
            } catch (const Error &error) {
                raise(to_exception(error));
            }
        } catch (pybind11::error_already_set &raised) {
            raised.restore();
        } catch (...) {
            PyErr_NoMemory();
        }
        return nullptr;
    };
}

} // namespace pyremctl
