// The context managers behind `with pool.connection()`.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <memory>
#include <utility>

#include "bindings/reactor_runner.hpp"
#include "drivers/pool.hpp"
#include "transport/shared_only.hpp"

namespace pyremctl {

/// A connection that is lent for the length of a block.
///
/// It is a Python context manager and the only owner of the loan. An exception may be
/// raised between any two steps of Python, and lose any value that is being passed on;
/// when this object goes, the loan ends.
class Lending : public SharedOnly, public std::enable_shared_from_this<Lending> {
  public:
    /// The block gets `wrap(connection)`; `timeout` is the longest wait.
    Lending(std::shared_ptr<Pool> pool, pybind11::object wrap, pybind11::object timeout)
        : pool_(std::move(pool)), wrap_(std::move(wrap)), timeout_(std::move(timeout)) {}
    Lending(const Lending &) = delete;
    Lending &operator=(const Lending &) = delete;
    Lending(Lending &&) = delete;
    Lending &operator=(Lending &&) = delete;
    ~Lending();

    /// Waits for a connection in this thread and returns `wrap(connection)`.
    pybind11::object enter();

    /// The same as an operation of an event loop's reactor.
    PythonReactor::SharedOperation ask(PythonReactor &reactor, Caller caller);

    /// The block has ended, with an exception of this type or None. The connection goes
    /// back to the pool and is taken away from the block's object.
    void exit(pybind11::handle kind);

  private:
    pybind11::object begin(Pool::Loan loan);
    void claim();
    void require_fresh() const;
    Pool::Loan release();
    void detach();
    void end(Pool::Loan loan, const char *unusable);

    std::shared_ptr<Pool> pool_;
    pybind11::object wrap_;
    pybind11::object timeout_;
    pybind11::object lent_;
    std::atomic<bool> used_{false};
    Pool::Loan loan_; // guarded by StateLock(this): each loan ends once
};

/// The same for event loops.
struct AsyncLending : public SharedOnly {
    AsyncLending(std::shared_ptr<Lending> its, pybind11::object how)
        : lending(std::move(its)), start(std::move(how)) {}

    std::shared_ptr<Lending> lending;
    pybind11::object start; ///< called with this object, returns the coroutine that waits
};

} // namespace pyremctl
