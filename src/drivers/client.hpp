// A connection as users see it: settings, limits, the last error, turns, and what
// fork() and close() do to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "connection/connection.hpp"
#include "drivers/turns.hpp"
#include "transport/shared_only.hpp"

namespace pyremctl {

using Session = Turns::Session;

template <class T> using NotVoid = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

class Client;

/// An open stream. Destroying the object leaves the stream, however that happens.
class Stream : public SharedOnly {
  public:
    explicit Stream(std::shared_ptr<Client> client) noexcept : client_(std::move(client)) {}
    Stream(const Stream &) = delete;
    Stream &operator=(const Stream &) = delete;
    Stream(Stream &&) = delete;
    Stream &operator=(Stream &&) = delete;
    ~Stream();

    const std::shared_ptr<Session> &session() const noexcept { return session_; }

  private:
    friend class Client;

    std::shared_ptr<Client> client_;
    std::shared_ptr<Session> session_; // null until the command was sent
};

/// A connection that any number of callers use, in threads or in event loops,
/// and that any of them may close.
///
/// A call is a task for any driver: it waits for its turn and carries out a verb of
/// Connection. Its result is valid for as long as the turn lasts.
///
/// close() never waits: it removes the connection together with its running calls,
/// which fail, and the object continues with a new one. The child of a fork does the
/// same: the parent's connection is abandoned (its descriptors are already closed), and
/// the next command opens a connection of the child's own.
class Client : public SharedOnly, public std::enable_shared_from_this<Client> {
    struct Body;

  public:
    /// A connection, and the turn on it.
    struct Hold {
        std::shared_ptr<Body> body; // outlives the turn
        Turns::Turn turn;           // empty if the stream was closed meanwhile
    };
    /// A verb's result, which is valid for as long as the turn lasts.
    template <class Value> struct Completed {
        Hold hold;
        Value value;
    };
    /// The result type of a verb's task, with std::monostate for void.
    template <class Verb>
    using ResultOf =
        NotVoid<decltype(std::declval<std::invoke_result_t<Verb &, Connection &, Call &>>()
                             .await_resume())>;

    Client();
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;
    Client(Client &&) = delete;
    Client &operator=(Client &&) = delete;
    ~Client();

    /// A new, unopened client with the same settings.
    std::shared_ptr<Client> like() const;

    /// These apply to connections opened from now on; see set_ccache and set_source_ip
    /// in the manual.
    void set_ccache(std::optional<std::string> ccache);
    void set_credentials(std::shared_ptr<Credentials> credentials);
    void set_source_ip(std::string source);
    void set_keepalive(std::optional<Duration> idle);
    void set_connect_timeout(std::optional<Duration> longest);
    void set_admission(std::shared_ptr<Admission> admission);

    /// Shares an identity with other connections. By default each open has its own.
    void set_identity(std::shared_ptr<Identity> identity);

    /// The identity for an open that this thread starts now.
    std::shared_ptr<Identity> identity() const;

    /// The longest silence; see set_timeout in the manual.
    void set_timeout(std::optional<Duration> inactivity);

    /// The limits of a call that starts now: set_timeout()'s, and `deadline`.
    Limits limits(std::optional<Time> deadline) const;

    /// Waits for the turn and carries out the verb, a function of a Connection and a
    /// Call that returns a task. `session`: the stream that the call belongs to, or
    /// null. If that stream was closed meanwhile, the call returns the token "done".
    template <class Verb>
    Task<Completed<ResultOf<Verb>>> perform(std::shared_ptr<Session> session, Caller caller,
                                            Call &call, Verb verb);

    /// Like perform() for the next token, if it needs no wait; else returns nothing.
    std::optional<Completed<Token>> output_at_once(const std::shared_ptr<Session> &session,
                                                   Caller caller, Call &call);

    /// Identifies a finished call, to tell whether its connection has been used since.
    struct Mark {
        std::weak_ptr<Body> body;
        unsigned asked = 0;
    };

    /// The mark of a call, made while it has its turn.
    static Mark mark(const std::shared_ptr<Body> &body) {
        return {.body = body, .asked = body->connection.asked()};
    }

    /// Opens with one of Connection's verbs, and remembers the server.
    template <class Verb> Task<Mark> open(Caller caller, Call &call, Verb verb);

    /// Reserves the connection for a stream and sends its command.
    Task<std::shared_ptr<Stream>> stream(SharedCommand command, Caller caller, Call &call);

    /// Ends the stream. If it was not read to its end, the connection is dropped, and a
    /// call that waits for the stream's next token gets "done".
    void leave(Session &session);

    /// The same for a stream that has lost a token: its other calls fail with an error.
    void cut(Session &session);

    /// For an interrupted call that may already have ended: if this caller's last
    /// answer is still pending, or was read in part, drops the connection.
    void abandon(Caller caller);

    /// For a call whose result was lost: drops the connection, unless another command
    /// was sent on it since. A call that is running continues, except if it reads the
    /// answer of which this call has `read` a part.
    void undo(const Mark &mark, bool read);

    /// For an open() whose result was lost: closes, unless a command was sent since.
    void undo_open(const Mark &mark);

    /// Closes for good. The call that waits for the server ends with an Error.
    void close();

    bool opened() const;

    /// Throws Error, and sets error(), if no connection is open.
    void require_opened();

    /// The last server that was opened, with the port that was connected to; nothing if
    /// there was none.
    std::optional<Target> server() const;

    bool pending() const;
    bool ready() const;
    int descriptor() const;

    /// See Connection::protocol1().
    bool protocol1() const;

    /// See Connection::expires().
    std::time_t expires() const;

    /// How often it was opened or sent a command.
    unsigned asked() const;

    /// The error text of the last call, or "no error". (Manual, Remctl.error.)
    std::string error() const;

    /// Makes error() return this.
    void note(const std::string &error);

  private:
    /// The part that close() and fork() replace as a whole.
    struct Body {
        std::shared_ptr<Turns> turns = std::make_shared<Turns>();
        Connection connection;
        std::atomic<bool> orphaned{false};  // output was pending at the fork
        std::atomic<Caller> last{nobody};   // of the last successful call outside a stream
        std::shared_ptr<Identity> identity; // that origin_ has; only with the turn
    };
    /// The end of a call, however it ends. If it loses its connection without giving a
    /// reason, notes that it was cut short (by a cancellation or an exception). If it has
    /// reconnected with other tickets, the child of a fork must use these too.
    class Ending {
      public:
        Ending(Client &client, Body &body) noexcept : client_(client), body_(body) {}
        Ending(const Ending &) = delete;
        Ending &operator=(const Ending &) = delete;
        Ending(Ending &&) = delete;
        Ending &operator=(Ending &&) = delete;
        ~Ending() {
            body_.connection.notes().lost_for("the call was cut short");
            if (body_.identity != body_.connection.identity())
                client_.remember_identity(body_);
        }

      private:
        Client &client_;
        Body &body_;
    };

    /// A call that reads a stream. If it ends without success and without an error of
    /// its own, the stream was cut short.
    class Reading {
      public:
        Reading(Session *session, Caller caller) noexcept : session_(session), caller_(caller) {}
        Reading(const Reading &) = delete;
        Reading &operator=(const Reading &) = delete;
        Reading(Reading &&) = delete;
        Reading &operator=(Reading &&) = delete;
        ~Reading() { end(nullptr); }

        void succeeded() noexcept { session_ = nullptr; }
        void failed(const Error &error) noexcept { end(&error); }

      private:
        void end(const Error *error) noexcept {
            if (session_ != nullptr)
                std::exchange(session_, nullptr)->fail(error, caller_);
        }

        Session *session_;
        Caller caller_;
    };

    std::shared_ptr<Body> current() const;
    std::shared_ptr<Body> unasked_since(const Mark &mark) const;
    std::optional<Hold> enter_at_once(Session *session, Caller caller, Call &call);
    Task<Hold> enter(std::shared_ptr<Session> session, Caller caller, Call &call);
    void prepare(Body &body);
    static void drop(Body &body, const char *why) noexcept;
    void remember(const std::shared_ptr<Body> &body);
    void remember_identity(Body &body) noexcept;
    Error failed(const Error &error, Body &body);
    void look_at_orphan(Body &body);
    template <class Change> void change_settings(Change change);

    // Guarded by StateLock(this): the state that the child of a fork continues with.
    mutable std::shared_ptr<Body> body_;
    mutable unsigned generation_;
    std::shared_ptr<const Settings> settings_ = std::make_shared<Settings>();
    std::optional<Duration> inactivity_;
    std::string error_;
    std::optional<Connection::Origin> origin_;
};

template <class Verb>
Task<Client::Completed<Client::ResultOf<Verb>>>
Client::perform(std::shared_ptr<Session> session, Caller caller, Call &call, Verb verb) {
    constexpr bool reads = std::is_same_v<ResultOf<Verb>, Token>;
    std::optional<Hold> hold;
    try {
        hold = enter_at_once(session.get(), caller, call);
        if (!hold)
            hold = co_await enter(session, caller, call);
    } catch (const Error &error) {
        // The call reads the answer to a command that was sent.
        throw Error(error).with_may_have_run(reads);
    }
    const auto body = hold->body;
    if constexpr (reads) {
        if (!hold->turn) // the stream was closed: this call must not touch the connection
            co_return Completed<Token>{.hold = {.body = body, .turn = {}}, .value = {}};
    }
    const Ending ending(*this, *body);
    Reading reading(session.get(), caller);
    try {
        if constexpr (reads)
            look_at_orphan(*body);
        ResultOf<Verb> value{};
        if constexpr (std::is_same_v<ResultOf<Verb>, std::monostate>)
            co_await verb(body->connection, call);
        else
            value = co_await verb(body->connection, call);
        if constexpr (!reads)
            body->orphaned = false;
        if (!session)
            body->last = caller;
        reading.succeeded();
        co_return Completed<ResultOf<Verb>>{.hold = std::move(*hold), .value = std::move(value)};
    } catch (const Error &error) {
        if constexpr (reads) {
            if (session && session->state() == Session::State::ended)
                co_return Completed<Token>{.hold = {.body = body, .turn = {}}, .value = {}};
            if (session && session->state() == Session::State::failed)
                session->check(caller); // cut by another call
        }
        const Error failure = failed(error, *body);
        reading.failed(failure);
        throw Error(failure);
    }
}

template <class Verb> Task<Client::Mark> Client::open(Caller caller, Call &call, Verb verb) {
    std::optional<Hold> hold = enter_at_once(nullptr, caller, call);
    if (!hold)
        hold = co_await enter(nullptr, caller, call);
    const Ending ending(*this, *hold->body);
    hold->turn.lose_session();
    hold->body->orphaned = false;
    try {
        co_await verb(hold->body->connection, call);
    } catch (const Error &error) {
        throw failed(error, *hold->body);
    }
    remember(hold->body);
    co_return mark(hold->body);
}

} // namespace pyremctl
