#include "bindings/held_command.hpp"

#include <atomic>
#include <utility>
#include <vector>

#include "bindings/listeners.hpp"
#include "transport/process.hpp"

namespace py = pybind11;

namespace pyremctl {

namespace {

using Buffers = std::vector<Py_buffer>;

/// True if this thread holds the interpreter lock. (Once the process has had a
/// sub-interpreter, PyGILState_Check returns true in every thread.)
bool has_lock() noexcept {
#if PY_VERSION_HEX >= 0x030D0000
    const PyThreadState *const current = PyThreadState_GetUnchecked();
#else
    const PyThreadState *const current = _PyThreadState_UncheckedGet();
#endif
    return current != nullptr && current == PyGILState_GetThisThreadState();
}

void release(Buffers &buffers) noexcept {
    for (Py_buffer &buffer : buffers)
        PyBuffer_Release(&buffer);
    buffers.clear();
}

/// Buffers that were returned without the interpreter lock.
struct GivenBack {
    std::vector<Buffers> all; // guarded by StateLock
    std::atomic<bool> any{false};
};

GivenBack &given_back() { return immortal<GivenBack>(); }

struct HeldCommand {
    Buffers buffers;
    Request request;

    HeldCommand() = default;
    HeldCommand(const HeldCommand &) = delete;
    HeldCommand &operator=(const HeldCommand &) = delete;
    HeldCommand(HeldCommand &&) = delete;
    HeldCommand &operator=(HeldCommand &&) = delete;
    ~HeldCommand() {
        if (has_lock()) {
            release(buffers);
            return;
        }
        GivenBack &back = given_back();
        const StateLock lock(&back);
        try {
            back.all.push_back(std::move(buffers));
            back.any = true;
        } catch (const std::bad_alloc &) {
            lose(std::move(buffers)); // leaks them, rather than ending the process
        }
    }

    void add(py::handle item) {
        Py_buffer buffer;
        if (PyUnicode_Check(item.ptr()) || PyObject_CheckBuffer(item.ptr()) == 0)
            throw py::type_error(std::string("command must be a list of bytes, not of ") +
                                 Py_TYPE(item.ptr())->tp_name);
        if (PyObject_GetBuffer(item.ptr(), &buffer, PyBUF_SIMPLE) != 0)
            throw py::error_already_set();
        buffers.push_back(buffer); // room is reserved
        request.arguments.push_back({buffer.buf, static_cast<std::size_t>(buffer.len)});
    }
};

} // namespace

SharedCommand hold_command(py::handle list) {
    release_held();
    if (!PyList_Check(list.ptr()))
        throw py::type_error(std::string("command must be a list of bytes, not ") +
                             Py_TYPE(list.ptr())->tp_name);
    // Another thread may change the list from now on; the copy does not change.
    const auto items = py::reinterpret_steal<py::tuple>(PyList_AsTuple(list.ptr()));
    if (!items)
        throw py::error_already_set();
    if (items.empty())
        throw py::value_error("command must not be empty");
    auto held = std::make_shared<HeldCommand>();
    held->buffers.reserve(items.size());
    held->request.arguments.reserve(items.size());
    for (const py::handle item : items)
        held->add(item);
    held->request.name = name_for_log(items);
    const Request *request = &held->request;
    return {std::move(held), request};
}

void release_held() noexcept {
    GivenBack &back = given_back();
    if (!back.any.load(std::memory_order_relaxed))
        return;
    std::vector<Buffers> all;
    {
        const StateLock lock(&back);
        all.swap(back.all);
        back.any = false;
    }
    for (Buffers &buffers : all)
        release(buffers);
}

} // namespace pyremctl
