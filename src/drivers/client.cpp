#include "drivers/client.hpp"

#include <utility>

#include "transport/error.hpp"
#include "transport/process.hpp"

namespace pyremctl {

namespace {

const char *const no_connection = "no currently open connection";

} // namespace

Client::Client() : body_(std::make_shared<Body>()), generation_(fork_generation()) {}

Client::~Client() {
    if (generation_ != fork_generation())
        lose(std::move(body_));
    else if (body_->turns->retire())
        body_->connection.close();
}

/// The current connection. In the child of a fork the parent's is abandoned and never
/// looked at again: threads that do not exist in the child may have left it in any
/// state.
std::shared_ptr<Client::Body> Client::current() const {
    const StateLock lock(this);
    if (generation_ != fork_generation()) {
        auto fresh = std::make_shared<Body>();
        if (origin_ && body_->connection.opened()) {
            fresh->connection.inherit(*origin_);
            fresh->orphaned = body_->connection.pending();
        }
        lose(std::exchange(body_, std::move(fresh)));
        generation_ = fork_generation();
    }
    return body_;
}

template <class Change> void Client::change_settings(Change change) {
    const StateLock lock(this);
    auto changed = std::make_shared<Settings>(*settings_);
    change(*changed);
    settings_ = std::move(changed);
}

void Client::set_ccache(std::optional<std::string> ccache) {
    change_settings([&](Settings &settings) {
        settings.ccache = std::move(ccache);
        settings.credentials = nullptr;
        ++settings.tickets;
    });
}

void Client::set_credentials(std::shared_ptr<Credentials> credentials) {
    change_settings([&](Settings &settings) {
        settings.credentials = std::move(credentials);
        settings.ccache = std::nullopt;
        ++settings.tickets;
    });
}

void Client::set_source_ip(std::string source) {
    change_settings([&](Settings &settings) { settings.source = std::move(source); });
}

void Client::set_keepalive(std::optional<Duration> idle) {
    change_settings([&](Settings &settings) { settings.keepalive = idle; });
}

void Client::set_connect_timeout(std::optional<Duration> longest) {
    change_settings([&](Settings &settings) { settings.connect_timeout = longest; });
}

void Client::set_admission(std::shared_ptr<Admission> admission) {
    change_settings([&](Settings &settings) { settings.admission = std::move(admission); });
}

void Client::set_identity(std::shared_ptr<Identity> identity) {
    change_settings([&](Settings &settings) { settings.identity = std::move(identity); });
}

std::shared_ptr<Identity> Client::identity() const {
    {
        const StateLock lock(this);
        if (settings_->identity)
            return settings_->identity;
        if (settings_->credentials || settings_->ccache)
            return std::make_shared<Identity>(DefaultCache{});
    }
    return std::make_shared<Identity>(default_cache_of_this_thread());
}

void Client::set_timeout(std::optional<Duration> inactivity) {
    const StateLock lock(this);
    inactivity_ = inactivity;
}

Limits Client::limits(std::optional<Time> deadline) const {
    const StateLock lock(this);
    return {.inactivity = inactivity_, .deadline = deadline};
}

void Client::note(const std::string &error) {
    const StateLock lock(this);
    error_ = error;
}

std::string Client::error() const {
    const StateLock lock(this);
    return error_.empty() ? "no error" : error_;
}

std::shared_ptr<Client> Client::like() const {
    auto one = std::make_shared<Client>();
    const StateLock lock(this);
    one->settings_ = settings_;
    return one;
}

unsigned Client::asked() const { return current()->connection.asked(); }

bool Client::opened() const { return current()->connection.opened(); }

void Client::require_opened() {
    if (opened())
        return;
    note(no_connection);
    throw Error(ErrorKind::not_opened, no_connection);
}

std::optional<Target> Client::server() const {
    const StateLock lock(this);
    if (!origin_)
        return std::nullopt;
    Target server = origin_->target;
    if (server.port == 0)
        server.port = origin_->port;
    return server;
}

bool Client::pending() const {
    const auto body = current();
    return body->orphaned || body->connection.pending();
}

bool Client::ready() const { return current()->connection.ready(); }

std::time_t Client::expires() const { return current()->connection.expires(); }

int Client::descriptor() const { return current()->connection.descriptor(); }

bool Client::protocol1() const { return current()->connection.protocol1(); }

/// Every verb starts with this, once it has its turn.
void Client::prepare(Body &body) {
    if (body.turns->spoiled())
        drop(body, "a stream was left in the middle of a call");
    const StateLock lock(this);
    error_.clear();
    body.connection.set(settings_);
}

std::optional<Client::Hold> Client::enter_at_once(Session *session, Caller caller, Call &call) {
    if (session != nullptr && session->inherited())
        throw Error(ErrorKind::misuse,
                    "the stream belongs to the parent process: run the command again here");
    Hold hold{.body = current(), .turn = {}};
    hold.turn = hold.body->turns->enter_at_once(session, caller, call);
    if (!hold.turn)
        return std::nullopt;
    prepare(*hold.body);
    return hold;
}

Task<Client::Hold> Client::enter(std::shared_ptr<Session> session, Caller caller, Call &call) {
    for (;;) {
        Hold hold{.body = current(), .turn = {}};
        hold.turn = co_await hold.body->turns->enter(session.get(), caller, call);
        if (hold.turn)
            prepare(*hold.body);
        else if (!session || session->state() == Session::State::present)
            continue; // closed while it waited, or its turn was taken away: try again
        else
            session->check(caller); // the stream was closed, or failed
        co_return std::move(hold);
    }
}

std::optional<Client::Completed<Token>>
Client::output_at_once(const std::shared_ptr<Session> &session, Caller caller, Call &call) {
    std::optional<Hold> hold;
    try {
        hold = enter_at_once(session.get(), caller, call);
    } catch (const Error &error) {
        throw Error(error).with_may_have_run(true);
    }
    if (!hold)
        return std::nullopt;
    const Ending ending(*this, *hold->body);
    Reading reading(session.get(), caller);
    try {
        look_at_orphan(*hold->body);
        const auto token = hold->body->connection.output_at_once(call);
        reading.succeeded();
        if (!session)
            hold->body->last = caller;
        if (token)
            return Completed<Token>{.hold = std::move(*hold), .value = *token};
    } catch (const Error &error) {
        const Error failure = failed(error, *hold->body);
        reading.failed(failure);
        throw Error(failure);
    }
    return std::nullopt;
}

Task<std::shared_ptr<Stream>> Client::stream(SharedCommand command, Caller caller, Call &call) {
    auto stream = std::make_shared<Stream>(shared_from_this());
    std::optional<Hold> hold = enter_at_once(nullptr, caller, call);
    if (!hold)
        hold = co_await enter(nullptr, caller, call);
    const Ending ending(*this, *hold->body);
    auto session = hold->turn.begin_session();
    try {
        co_await hold->body->connection.command(command, call);
    } catch (const Error &error) {
        session->end();
        throw failed(error, *hold->body);
    }
    hold->body->orphaned = false;
    hold->body->last = nobody;
    stream->session_ = std::move(session);
    co_return stream;
}

Stream::~Stream() {
    if (!session_)
        return;
    try {
        client_->leave(*session_);
    } catch (const std::exception &) { // out of memory in the child of a fork
        session_.reset();
    }
}

void Client::leave(Session &session) {
    const auto body = current(); // in the child of a fork: a new one, without the session
    const auto turn = body->turns->leave_session(session);
    if (turn && body->connection.pending())
        drop(*body, "the stream was left before its end");
}

void Client::cut(Session &session) {
    const auto body = current();
    const auto turn = body->turns->leave_session(session, Session::State::failed);
    if (turn && body->connection.pending())
        drop(*body, "the stream was cut short");
}

void Client::abandon(Caller caller) {
    const auto body = current();
    if (body->last != caller || !body->connection.pending())
        return;
    const auto turn = body->turns->seize();
    if (turn && body->last == caller && body->connection.pending())
        drop(*body, "the call was interrupted when it had ended");
}

void Client::drop(Body &body, const char *why) noexcept {
    body.connection.drop();
    body.connection.notes().lost_for(why);
}

/// The connection of the mark; null if it is gone or has been sent another command
/// since.
std::shared_ptr<Client::Body> Client::unasked_since(const Mark &mark) const {
    auto body = mark.body.lock();
    if (!body || body != current() || body->connection.asked() != mark.asked)
        return nullptr;
    return body;
}

void Client::undo(const Mark &mark, bool read) {
    const auto body = mark.body.lock();
    if (!body || body != current())
        return;
    const auto unasked = [&] { return body->connection.asked() == mark.asked; };
    auto turn = body->turns->seize();
    if (!turn && read && unasked() && body->connection.pending())
        turn = body->turns->seize_or_cancel();
    // Nobody sends a command while this has the turn.
    if (turn && unasked())
        drop(*body, "the call was given up when it had ended");
}

void Client::undo_open(const Mark &mark) {
    if (unasked_since(mark))
        close();
}

void Client::close() {
    auto fresh = std::make_shared<Body>();
    {
        const StateLock lock(this);
        error_ = no_connection;
        std::swap(body_, fresh);
        body_->connection.follow(fresh->connection);
        if (std::exchange(generation_, fork_generation()) != fork_generation()) {
            lose(std::move(fresh));
            return;
        }
    }
    if (fresh->turns->retire())
        fresh->connection.close();
}

void Client::remember(const std::shared_ptr<Body> &body) {
    auto origin = body->connection.origin();
    const StateLock lock(this);
    if (body_ == body)
        origin_ = std::move(origin);
}

void Client::remember_identity(Body &body) noexcept {
    body.identity = body.connection.identity();
    const StateLock lock(this);
    if (body_.get() == &body && origin_)
        body.connection.pass_identity(*origin_);
}

/// A verb's error, noted and complete.
Error Client::failed(const Error &error, Body &body) {
    note(error.what());
    body.connection.notes().failed(error);
    return Error(error).with_may_have_run(body.connection.may_have_run());
}

void Client::look_at_orphan(Body &body) {
    if (body.orphaned)
        throw Error(ErrorKind::misuse,
                    "the output that was pending when the process was forked belongs to the "
                    "parent: run the command again here")
            .with_may_have_run(true);
}

} // namespace pyremctl
