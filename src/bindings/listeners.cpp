#include "bindings/listeners.hpp"

#include <pybind11/gil_safe_call_once.h>
#include <pybind11/stl.h>

#include <array>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <vector>

#include "bindings/convert.hpp"
#include "bindings/registers.hpp"
#include "bindings/unlocked.hpp"

namespace py = pybind11;

namespace pyremctl {

namespace {

/// The package's logging module, loaded when it is first needed and never released.
struct Loggers {
    py::object debug; // the level DEBUG
    py::object write;
    // Indexed by topic.
    std::array<py::object, 3> is_enabled_for;
    std::array<py::object, 3> answers; // isEnabledFor()'s cache, by level
};

/// The dict in which a logger caches the results of isEnabledFor(). logging clears it
/// when a level changes. The dict is not documented, so None if a logger does not have
/// it.
py::object answers_of(py::handle logger) {
    const auto answers = py::getattr(logger, "_cache", py::none());
    return PyDict_CheckExact(answers.ptr()) ? py::object(answers) : py::none();
}

/// True if the logger's cache says that it is not enabled. This takes half the time of
/// calling isEnabledFor().
bool remembers_no(const py::object &answers, const py::object &level) noexcept {
    if (answers.is_none())
        return false;
    const PyObject *const answer = PyDict_GetItemWithError(answers.ptr(), level.ptr());
    if (answer == nullptr)
        PyErr_Clear();
    return answer == Py_False;
}

Loggers load_loggers() {
    const auto module = py::module_::import("remctl._logging");
    const auto loggers = module.attr("loggers")();
    Loggers all;
    all.debug = py::module_::import("logging").attr("DEBUG");
    all.write = module.attr("write");
    for (std::size_t topic = 0; topic < all.is_enabled_for.size(); ++topic) {
        const py::object logger = loggers[py::int_(topic)];
        all.is_enabled_for.at(topic) = logger.attr("isEnabledFor");
        all.answers.at(topic) = answers_of(logger);
    }
    return all;
}

using Once = py::gil_safe_call_once_and_store<Loggers>;

Once &once() {
    PYBIND11_CONSTINIT static Once it;
    return it;
}

/// Reports the current exception to sys.unraisablehook; but raises it if it is not an
/// Exception (KeyboardInterrupt).
void report() {
    if (PyErr_ExceptionMatches(PyExc_Exception) == 0)
        throw py::error_already_set();
    PyErr_WriteUnraisable(once().get_stored().write.ptr());
}

/// Whether the program has imported logging.
bool imported() {
    static PyObject *const name = PyUnicode_InternFromString("logging"); // never released
    PyObject *const modules = PyImport_GetModuleDict();
    return modules != nullptr && name != nullptr && PyDict_Check(modules) &&
           PyDict_Contains(modules, name) == 1;
}

using Entries = std::vector<journal::Entry>;

py::object text_or_none(const std::optional<std::string> &text) {
    return text ? py::object(to_text(*text)) : py::none();
}

/// The arguments of the module's write().
py::tuple arguments_of(const journal::Entry &entry) {
    const journal::Facts &facts = entry.facts;
    return py::make_tuple(static_cast<int>(entry.topic), to_text(entry.text),
                          text_or_none(facts.host), facts.port, facts.connection,
                          text_or_none(facts.command), facts.seconds, facts.bytes, facts.status,
                          text_or_none(facts.kind));
}

void write(const Entries &entries) {
    const journal::Deaf deaf;
    for (const journal::Entry &entry : entries) {
        const auto done = py::reinterpret_steal<py::object>(
            PyObject_CallObject(once().get_stored().write.ptr(), arguments_of(entry).ptr()));
        if (!done)
            report();
    }
}

/// Runs as a pending call of the interpreter.
int write_pending(void *given) {
    const std::unique_ptr<Entries> entries(static_cast<Entries *>(given));
    try {
        write(*entries);
        return 0;
    } catch (py::error_already_set &error) {
        error.restore();
    } catch (const std::exception &error) {
        PyErr_SetString(PyExc_RuntimeError, error.what());
    }
    return -1;
}

/// For a destructor: asks the main thread to log the entries soon.
void hand_out_in_passing() noexcept {
    if (journal::empty() || finalizing())
        return;
    std::unique_ptr<Entries> entries(new (std::nothrow) Entries(journal::take()));
    if (entries && Py_AddPendingCall(&write_pending, entries.get()) == 0)
        static_cast<void>(entries.release()); // NOLINT(bugprone-unused-return-value)
}

} // namespace

bool listening(journal::Topic topic) {
    if (journal::deaf() || !imported() || finalizing())
        return false;
    const Loggers &loggers = once().call_once_and_store_result(load_loggers).get_stored();
    const auto index = static_cast<std::size_t>(topic);
    if (remembers_no(loggers.answers.at(index), loggers.debug))
        return false;
    const auto enabled = py::reinterpret_steal<py::object>(
        PyObject_CallOneArg(loggers.is_enabled_for.at(index).ptr(), loggers.debug.ptr()));
    if (!enabled)
        report();
    return enabled && PyObject_IsTrue(enabled.ptr()) == 1;
}

void listen(journal::Topic topic) {
    if (!journal::deaf())
        journal::keep(topic, listening(topic));
}

void hand_out_noted() {
    if (!finalizing())
        write(journal::take());
}

void hand_out_when_gone(py::handle cls) {
    auto *const type = reinterpret_cast<PyTypeObject *>(cls.ptr());
    static const destructor dealloc = type->tp_dealloc; // pybind11's: the same for all classes
    type->tp_dealloc = [](PyObject *self) {
        dealloc(self);
        hand_out_in_passing();
    };
}

std::optional<std::string> name_for_log(py::handle arguments) {
    listen(journal::Topic::connections);
    if (!journal::kept(journal::Topic::connections))
        return std::nullopt;
    return py::module_::import("remctl._arguments")
        .attr("first_words")(arguments)
        .cast<std::string>();
}

namespace {

/// Defined without pybind11, whose call overhead would cost more than the function
/// itself.
// NOLINTNEXTLINE(bugprone-exception-escape): pybind11 fails where there is no error to fetch.
PyObject *listening_to_python(PyObject * /*module*/, PyObject *topic) noexcept {
    const long number = PyLong_AsLong(topic);
    if (number == -1 && PyErr_Occurred() != nullptr)
        return nullptr;
    if (number < 0 || number > static_cast<long>(journal::Topic::pools)) {
        PyErr_SetString(PyExc_ValueError, "no such topic");
        return nullptr;
    }
    try {
        return PyBool_FromLong(listening(static_cast<journal::Topic>(number)) ? 1 : 0);
    } catch (py::error_already_set &error) {
        error.restore();
        return nullptr;
    }
}

void note(int topic, py::handle text, std::optional<std::string> host,
          std::optional<std::uint16_t> port, std::optional<double> seconds,
          std::optional<std::string> kind) {
    if (topic < 0 || topic > static_cast<int>(journal::Topic::pools))
        throw py::value_error("no such topic");
    const auto encoded = text.attr("encode")("utf-8", "backslashreplace").cast<std::string>();
    journal::Facts facts;
    facts.host = std::move(host);
    facts.port = port;
    facts.seconds = seconds;
    facts.kind = std::move(kind);
    journal::add(static_cast<journal::Topic>(topic), encoded, std::move(facts));
    hand_out();
}

} // namespace

void register_listeners(py::module_ &module) {
    static PyMethodDef definition = {
        "listening", &listening_to_python, METH_O,
        "listening($module, topic, /)\n--\n\n"
        "Whether a topic's logger is enabled for DEBUG; see remctl._logging."};
    module.attr("listening") =
        py::reinterpret_steal<py::object>(PyCFunction_NewEx(&definition, module.ptr(), nullptr));
    module.def("note", &note, py::arg("topic"), py::arg("text"), py::kw_only(),
               py::arg("host") = py::none(), py::arg("port") = py::none(),
               py::arg("seconds") = py::none(), py::arg("kind") = py::none(),
               "Log a text, after listening() was true; see remctl._logging.");
}

} // namespace pyremctl
