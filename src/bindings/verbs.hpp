// A connection's verbs with Python's arguments and results.
//
// Each verb is written once, for both runners. A runner takes a client, a deadline, a
// verb, and `to_python`, which converts the verb's result. BlockingRunner waits and
// returns the result; ReactorRunner returns an Operation. Arguments are converted
// first; no Python object is touched while the verb runs.
#pragma once

#include <pybind11/pybind11.h>

#include <fcntl.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings/convert.hpp"
#include "bindings/held_command.hpp"
#include "bindings/listeners.hpp"
#include "drivers/client.hpp"
#include "transport/address.hpp"

namespace pyremctl::verbs {

using SharedClient = std::shared_ptr<Client>;
using SharedStream = std::shared_ptr<Stream>;
using SharedSession = std::shared_ptr<Session>; ///< null outside any stream

/// A stream's session, or null for None. (pybind11's own conversion checks on each call
/// whether None is an object of another extension module, which takes a third of the
/// time of output().)
inline SharedSession to_session(pybind11::handle stream) {
    return stream.is_none() ? nullptr : stream.cast<const Stream &>().session();
}

/// If there is no host, there must be a principal.
Target to_target(pybind11::handle host, pybind11::handle port, pybind11::handle principal);

/// A duplicate of a connected stream socket's descriptor; raises for anything else.
Descriptor duplicate(int descriptor);

/// Converts (numeric address, port).
Address to_address(pybind11::handle pair);

/// Listens for an open, which may have to get a ticket first.
inline void listen_to_opening() {
    listen(journal::Topic::connections);
    listen(journal::Topic::credentials);
}

// A verb that opens takes the identity before anything else: anything done before might
// let another thread run, which changes KRB5CCNAME.

/// The result of a verb that returns nothing.
inline const auto to_none = [](auto &) -> pybind11::object { return pybind11::none(); };

/// Like to_target(), but the host is required.
inline Target to_host(pybind11::handle host, pybind11::handle port, pybind11::handle principal) {
    Target target = to_target(host, port, principal);
    if (target.host.empty())
        throw pybind11::value_error("host must not be empty");
    return target;
}

template <class Runner>
auto open(Runner &runner, const SharedClient &client, pybind11::handle host, pybind11::handle port,
          pybind11::handle principal, pybind11::handle timeout) {
    const auto identity = client->identity();
    const Target target = to_host(host, port, principal);
    listen_to_opening();
    return runner.open(client, to_deadline(timeout),
                       [target, identity](Connection &connection, Call &call) {
                           return connection.open(target, call, identity);
                       });
}

/// Opens over a duplicate of a connected socket's descriptor. The host is only used for
/// the principal; it may be None if there is a principal.
template <class Runner>
auto open_descriptor(Runner &runner, const SharedClient &client, int descriptor,
                     pybind11::handle host, pybind11::handle principal, pybind11::handle timeout) {
    const auto identity = client->identity();
    const Target target = to_target(host, pybind11::int_(0), principal);
    const auto deadline = to_deadline(timeout);
    auto socket = std::make_shared<Descriptor>(duplicate(descriptor));
    listen_to_opening();
    return runner.open(client, deadline,
                       [target, socket, identity](Connection &connection, Call &call) {
                           return connection.adopt(std::move(*socket), target, call, identity);
                       });
}

/// Opens to (numeric address, port), without a name look-up.
template <class Runner>
auto open_address(Runner &runner, const SharedClient &client, pybind11::handle address,
                  pybind11::handle host, pybind11::handle principal) {
    if (!PyTuple_Check(address.ptr()) || PyTuple_GET_SIZE(address.ptr()) < 2)
        throw pybind11::type_error("address must be a tuple: (address in digits, port)");
    const auto pair = pybind11::reinterpret_borrow<pybind11::tuple>(address);
    const Target target = to_target(host, pair[1], principal);
    const Address where = to_address(pair);
    listen_to_opening();
    return runner.open(
        client, std::nullopt,
        [target, where, identity = client->identity()](Connection &connection, Call &call) {
            return connection.open_address(where, target, call, identity);
        });
}

template <class Runner>
auto command(Runner &runner, const SharedClient &client, pybind11::handle list,
             pybind11::handle timeout) {
    auto command = hold_command(list);
    return runner.perform(
        client, to_deadline(timeout), nullptr,
        [command](Connection &connection, Call &call) { return connection.command(command, call); },
        to_none);
}

/// Records how the stream ended, for all callers that share it.
inline void tell_ending(const SharedSession &session, Caller caller, const Token &token) {
    if (session && token.type == Token::Type::error)
        session->refused({token.error, std::string(token.data)}, caller);
}

/// Reads all tokens that have arrived together; an error after the first token is left
/// to the next call.
inline Task<Token> read(Connection &connection, std::shared_ptr<OwnedTokens> tokens,
                        SharedSession session, Caller caller, std::size_t bytes, Call &call) {
    const Token last = co_await connection.outputs(*tokens, bytes, call);
    Token ending = last;
    ending.data = tokens->tokens.back().data;
    tell_ending(session, caller, ending);
    if (session && tokens->failure)
        session->fail(&*tokens->failure, nobody);
    co_return last;
}

/// Reads at least one token, and more while none needs a wait and they are below
/// `bytes` bytes: a list of tuples.
template <class Runner>
auto outputs(Runner &runner, const SharedClient &client, const SharedSession &session,
             std::size_t bytes, pybind11::handle timeout) {
    auto tokens = std::make_shared<OwnedTokens>();
    return runner.perform(
        client, to_deadline(timeout), session,
        [tokens, session, bytes, caller = runner.caller()](Connection &connection, Call &call) {
            return read(connection, tokens, session, caller, bytes, call);
        },
        [tokens](const Token &last) { return to_list(*tokens, last); });
}

/// Runs a verb that returns the whole answer to a command in a Result.
template <class Runner, class Verb>
auto answer(Runner &runner, const SharedClient &client, pybind11::handle timeout,
            const std::shared_ptr<Result> &result, const Verb &verb) {
    return runner.perform(
        client, to_deadline(timeout), nullptr, verb,
        [client, result](auto &, PythonOutput *begun = nullptr) -> pybind11::object {
            if (result->error)
                client->note(result->error_text);
            return begun != nullptr ? begun->to_tuple(*result) : to_tuple(*result);
        },
        result);
}

template <class Runner>
auto run(Runner &runner, const SharedClient &client, pybind11::handle list,
         pybind11::handle timeout) {
    auto command = hold_command(list);
    auto result = std::make_shared<Result>();
    return answer(runner, client, timeout, result,
                  [command, result](Connection &connection, Call &call) {
                      return connection.run(command, *result, call);
                  });
}

/// open() and run() in one call: remctl.remctl().
template <class Runner>
auto simple(Runner &runner, const SharedClient &client, pybind11::handle host,
            pybind11::handle port, pybind11::handle principal, pybind11::handle list,
            pybind11::handle timeout) {
    const auto identity = client->identity();
    const Target target = to_host(host, port, principal);
    auto command = hold_command(list);
    auto result = std::make_shared<Result>();
    listen_to_opening();
    return answer(runner, client, timeout, result,
                  [target, command, result, identity](Connection &connection, Call &call) {
                      return connection.simple(target, command, *result, call, identity);
                  });
}

template <class Runner>
auto stream(Runner &runner, const SharedClient &client, pybind11::handle list,
            pybind11::handle timeout) {
    return runner.stream(client, to_deadline(timeout), hold_command(list));
}

template <class Runner>
auto noop(Runner &runner, const SharedClient &client, pybind11::handle timeout) {
    listen(journal::Topic::connections);
    return runner.perform(
        client, to_deadline(timeout), nullptr,
        [](Connection &connection, Call &call) { return connection.noop(call); },
        [](const bool &answered) -> pybind11::object { return pybind11::bool_(answered); });
}

} // namespace pyremctl::verbs
