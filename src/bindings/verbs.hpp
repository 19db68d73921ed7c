// A connection's verbs with Python's arguments and results. Each converts,
// releases the interpreter lock, waits for its turn, and runs.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "connection/shared_connection.hpp"

namespace pyremctl::verbs {

using Session = std::shared_ptr<Gate::Session>; ///< null outside any stream

void open(SharedConnection &shared, pybind11::handle host, pybind11::handle port,
          pybind11::handle principal);

/// Over a duplicate of a connected socket's descriptor. The host, which may be
/// None beside a principal, is only used for the principal.
void open_descriptor(SharedConnection &shared, int descriptor, pybind11::handle host,
                     pybind11::handle principal);

/// To (address in digits, port), without a look-up.
void open_address(SharedConnection &shared, pybind11::handle address, pybind11::handle host,
                  pybind11::handle principal);

void command(SharedConnection &shared, pybind11::handle list, const Session &session);
pybind11::tuple output(SharedConnection &shared, const Session &session);
pybind11::tuple run(SharedConnection &shared, pybind11::handle list);
bool noop(SharedConnection &shared);
void close(SharedConnection &shared);
void drop(SharedConnection &shared, const Session &session);
Session begin(SharedConnection &shared);

} // namespace pyremctl::verbs
