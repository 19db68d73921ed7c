// Makes sure that Python never sees a half-constructed object.
#pragma once

#include <pybind11/pybind11.h>

#include <concepts>
#include <memory>
#include <string>

#include "bindings/errors.hpp"
#include "transport/shared_only.hpp"

namespace pyremctl {

// Python creates objects in two steps, __new__ and __init__. After the first step
// alone, pybind11's object contains uninitialised memory, so that copy.copy(object) or
// Class.__new__(Class) would crash. Therefore __new__ here either does all the work or
// does not exist.

/// Makes objects of this class uncopyable and unpicklable. (The default methods of
/// `object` reach pybind11's base class, which aborts the process.)
template <class Class> void forbid_copies(Class &cls) {
    const auto refuse = [](pybind11::handle self, const pybind11::args &) {
        throw pybind11::type_error(std::string("cannot pickle '") + Py_TYPE(self.ptr())->tp_name +
                                   "' object");
    };
    cls.def("__reduce__", refuse);
    cls.def("__reduce_ex__", refuse);
}

/// Objects of this class can only be created by our own functions.
inline void forbid_new(pybind11::handle cls) {
    reinterpret_cast<PyTypeObject *>(cls.ptr())->tp_new = nullptr;
}

/// Constructs objects of this class completely in __new__. The class must have
/// py::init<>() and be final.
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
