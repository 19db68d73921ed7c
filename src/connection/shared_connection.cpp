#include "connection/shared_connection.hpp"

#include <new>
#include <utility>

#include "transport/error.hpp"
#include "transport/process.hpp"

namespace pyremctl {

namespace {

/// This thread's waker: one descriptor for each thread that waits, not for
/// each connection. A fork shares the parent's, so the child makes its own.
const std::shared_ptr<Waker> &thread_waker() {
    thread_local std::shared_ptr<Waker> waker;
    thread_local unsigned generation = 0;
    if (!waker || generation != fork_generation()) {
        waker = std::make_shared<Waker>();
        generation = fork_generation();
    }
    return waker;
}

const char *const parents_connection =
    "the connection was opened by the parent process and cannot be used in its child: open a new "
    "one here";
const char *const no_connection = "no currently open connection";

} // namespace

SharedConnection::Running::Running(SharedConnection &shared)
    : shared_(shared), waker_(thread_waker()) {
    const auto lock = shared_.lock();
    shared_.error_.clear();
    shared_.running_ = waker_;
    shared_.connection_.set(shared_.settings_);
}

SharedConnection::Running::~Running() {
    bool close = false;
    {
        const auto lock = shared_.lock();
        shared_.running_.reset();
        close = std::exchange(shared_.close_after_, false);
    }
    if (close)
        shared_.finish_closing();
}

SharedConnection::SharedConnection()
    : mutex_generation_(fork_generation()), generation_(fork_generation()),
      gate_(std::make_shared<Gate>()) {}

SharedConnection::~SharedConnection() {
    if (forked())
        forget_parent();
    else
        connection_.close();
}

std::unique_lock<std::mutex> SharedConnection::lock() const {
    if (mutex_generation_ != fork_generation()) {
        // Another thread may have held it when the process was forked.
        new (&mutex_) std::mutex;
        mutex_generation_ = fork_generation();
    }
    return std::unique_lock(mutex_);
}

bool SharedConnection::forked() const noexcept { return generation_ != fork_generation(); }

void SharedConnection::forget_parent() noexcept {
    connection_.abandon();
    // Other threads may have held it, or waited, when the process was forked.
    lose(std::exchange(gate_, std::make_shared<Gate>()));
    running_.reset();
    closing_ = false;
    generation_ = fork_generation();
}

void SharedConnection::set_ccache(std::optional<std::string> ccache) {
    const auto guard = lock();
    settings_.ccache = std::move(ccache);
}

void SharedConnection::set_source_ip(std::string source) {
    const auto guard = lock();
    settings_.source = std::move(source);
}

void SharedConnection::set_timeout(std::optional<Duration> inactivity) {
    const auto guard = lock();
    limits_.inactivity = inactivity;
}

void SharedConnection::set_deadline(std::optional<Time> deadline) {
    const auto guard = lock();
    limits_.deadline = deadline;
}

Limits SharedConnection::limits() const {
    const auto guard = lock();
    return limits_;
}

void SharedConnection::note(const std::string &error) {
    const auto guard = lock();
    error_ = error;
}

std::string SharedConnection::error() const {
    const auto guard = lock();
    return error_.empty() ? "no error" : error_;
}

bool SharedConnection::opened() const noexcept { return connection_.opened(); }

void SharedConnection::require_opened() {
    if (opened())
        return;
    note(no_connection);
    throw Error(no_connection, Failure::not_opened);
}

Gate::Turn SharedConnection::enter(const Gate::Session *session, Interrupts &interrupts) {
    if (forked() && connection_.opened()) {
        note(parents_connection);
        throw Error(parents_connection);
    }
    if (forked())
        forget_parent();
    return gate_->enter(session, interrupts);
}

Gate::Turn SharedConnection::enter_to_open(Interrupts &interrupts) {
    if (forked())
        forget_parent();
    auto turn = gate_->enter(nullptr, interrupts);
    gate_->end_session();
    return turn;
}

std::shared_ptr<Gate::Session> SharedConnection::begin(Interrupts &interrupts) {
    if (forked())
        enter(nullptr, interrupts); // forgets the parent, or says why not
    return gate_->begin(interrupts);
}

void SharedConnection::close(Interrupts &interrupts) {
    if (forked())
        forget_parent();
    {
        const auto guard = lock();
        if (running_) {
            closing_ = true;
            running_->wake();
        }
    }
    // In a signal handler that interrupts the call itself: it will see to it.
    if (gate_->mine()) {
        const auto guard = lock();
        close_after_ = true;
        return;
    }
    const auto turn = gate_->enter_to_close(interrupts);
    finish_closing();
}

void SharedConnection::finish_closing() {
    closing_ = false;
    gate_->end_session();
    connection_.close();
    note(no_connection);
}

void SharedConnection::drop(const Gate::Session *session, Interrupts &interrupts) {
    // A stream of the parent's, or of a connection that was closed since.
    if (session != nullptr && (forked() || !gate_->present(*session)))
        return;
    const auto turn = enter(session, interrupts);
    connection_.drop();
}

} // namespace pyremctl
