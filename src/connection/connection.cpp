#include "connection/connection.hpp"

#include <remctl.h>

#include <exception>
#include <utility>

#include "connection/pumped_job.hpp"
#include "transport/dial.hpp"
#include "transport/error.hpp"

namespace pyremctl {

namespace {

constexpr std::uint16_t standard_port = REMCTL_PORT;
constexpr std::uint16_t old_port = REMCTL_PORT_OLD;

// What token.hpp counts of a command: four bytes for each argument's length,
// and generously for the header and for what encryption adds.
constexpr std::size_t argument_overhead = 4;
constexpr std::size_t token_overhead = 512;

// A server that sends faster than we read lets run() never wait; it looks this
// often at what may end it.
constexpr auto breath = std::chrono::milliseconds(10);

Error timed_out(const char *doing) {
    return Error(std::string("error ") + doing + ": timed out", Failure::timeout);
}

Error failed(const char *doing, const std::string &problem) {
    return Error(std::string("error ") + doing + ": " + problem,
                 problem == "timed out" ? Failure::timeout : Failure::general);
}

/// What libremctl gave up with. Where it saw no more than the end of its pair,
/// the socket's own problem says why.
Error refused(const std::string &error, const Channel &channel) {
    if (channel.problem().empty() || !error.ends_with(": unexpected end of file"))
        return Error(error);
    return failed("receiving token", channel.problem());
}

std::size_t size_on_the_wire(const Command &command) {
    std::size_t size = token_overhead;
    for (const iovec &argument : command)
        size += argument_overhead + argument.iov_len;
    return size;
}

} // namespace

/// Drops the connection unless the verb got to its end.
class Connection::DropGuard {
  public:
    explicit DropGuard(Connection &connection) noexcept : connection_(&connection) {}
    DropGuard(const DropGuard &) = delete;
    DropGuard &operator=(const DropGuard &) = delete;
    DropGuard(DropGuard &&) = delete;
    DropGuard &operator=(DropGuard &&) = delete;
    ~DropGuard() {
        if (connection_ != nullptr)
            connection_->drop();
    }
    void dismiss() noexcept { connection_ = nullptr; }

  private:
    Connection *connection_;
};

void Connection::require_idle() const {
    if (!opened())
        throw Error("no currently open connection", Failure::not_opened);
    if (pending())
        throw Error("output of the previous command is pending: read it to its end with "
                    "output(), or close the connection, before the next command");
}

void Connection::configure(Handle &handle) const {
    if (settings_.ccache)
        handle.set_ccache(*settings_.ccache);
    if (!settings_.source.empty())
        handle.set_source_ip(settings_.source);
}

void Connection::use(std::shared_ptr<Channel> channel) noexcept {
    channel_ = std::move(channel);
    descriptor_ = channel_ ? channel_->socket() : -1;
}

void Connection::drop() noexcept {
    if (channel_)
        channel_->abort();
    use(nullptr);
    legacy_.reset();
    pending_ = false;
}

void Connection::close() {
    if (channel_)
        channel_->close();
    drop();
    opened_ = false;
}

void Connection::abandon() noexcept {
    if (channel_)
        channel_->abandon();
    use(nullptr);
    legacy_.reset(); // a handle of the parent's is given up by itself
    pending_ = false;
    opened_ = false;
}

Task<void> Connection::open(Target target, Waiter &waiter) {
    close();
    target_ = std::move(target);
    reconnects_ = true;
    legacy_port_ = 0;
    DropGuard guard(*this);
    co_await establish(waiter);
    guard.dismiss();
    opened_ = true;
}

Task<void> Connection::adopt(Descriptor socket, Target target, Waiter &waiter) {
    close();
    target_ = std::move(target);
    reconnects_ = false;
    legacy_port_ = 0;
    DropGuard guard(*this);
    disable_nagle(socket.get());
    auto channel = std::make_shared<Channel>(std::move(socket));
    const bool modern = co_await handshake(channel, waiter);
    if (!modern)
        throw Error("the server speaks protocol 1, which needs open() with a host and port");
    use(std::move(channel));
    guard.dismiss();
    opened_ = true;
}

Task<void> Connection::open_address(Address address, Target target, Waiter &waiter) {
    close();
    Endpoint endpoint{.host = target.host, .port = target.port};
    std::vector<Address> addresses{address};
    Descriptor socket =
        co_await dial(std::move(endpoint), std::move(addresses), settings_.source, waiter);
    co_await adopt(std::move(socket), std::move(target), waiter);
}

Task<void> Connection::establish(Waiter &waiter) {
    if (legacy_port_ != 0) {
        co_await open_legacy(waiter);
        co_return;
    }
    Endpoint endpoint{.host = target_.host,
                      .port = target_.port != 0 ? target_.port : standard_port};
    Descriptor socket;
    std::exception_ptr first_failure;
    for (;;) {
        auto addresses = co_await resolve(endpoint, waiter);
        try {
            socket = co_await dial(endpoint, std::move(addresses), settings_.source, waiter);
            break;
        } catch (const Error &error) {
            // The old port is a second chance, where there is time for one;
            // the failure to report is the first.
            if (!first_failure)
                first_failure = std::current_exception();
            if (target_.port != 0 || endpoint.port == old_port || waiter.expired())
                std::rethrow_exception(first_failure);
        }
        waiter.check();
        endpoint.port = old_port;
    }
    auto channel = std::make_shared<Channel>(std::move(socket));
    const bool modern = co_await handshake(channel, waiter);
    if (modern) {
        use(std::move(channel));
        co_return;
    }
    legacy_port_ = endpoint.port;
    co_await open_legacy(waiter);
}

/// False when the server turns out to speak protocol 1.
Task<bool> Connection::handshake(std::shared_ptr<Channel> channel, Waiter &waiter) {
    struct Outcome {
        bool opened = false;
        std::string error;
    };
    configure(channel->handle());
    const auto outcome = std::make_shared<Outcome>();
    PumpedJob job(
        channel, waiter.waker(),
        [outcome, target = target_](Channel &busy) {
            outcome->opened = busy.open(target.host, target.principal);
            if (!outcome->opened)
                outcome->error = busy.handle().error();
        },
        PumpedJob::Ending::leavable);
    waiter.touch();
    for (;;) {
        const bool done = job.done();
        if (channel->pump())
            waiter.touch();
        if (channel->first_flags() == token_context)
            co_return false;
        // Where it failed there is nothing left to say: its opening token alone
        // is never sent.
        if (done && !outcome->opened)
            break;
        if (channel->broken())
            throw failed("sending token", channel->problem());
        if (done && !channel->outgoing())
            break;
        if (waiter.expired())
            // Before anything left for the server it is the KDC that is silent.
            throw channel->sent() == 0
                ? Error("GSS-API error initializing context: timed out", Failure::timeout)
                : timed_out("receiving token");
        co_await waiter.wait(channel->interests(!done));
    }
    job.finish();
    if (!outcome->opened)
        throw refused(outcome->error, *channel);
    if (!channel->all_with_protocol())
        throw Error("the server fell back to protocol 1 in the middle of the handshake");
    if (!channel->settle())
        throw Error("unexpected data from the server after the handshake");
    co_return true;
}

Task<bool> Connection::call_on_thread(std::shared_ptr<Channel> channel, Call call,
                                      const char *doing, Waiter &waiter) {
    const auto result = std::make_shared<bool>(false);
    PumpedJob job(
        channel, waiter.waker(),
        [result, call = std::move(call)](Channel &busy) { *result = call(busy.handle()); },
        PumpedJob::Ending::joined);
    waiter.touch();
    for (;;) {
        const bool done = job.done();
        if (channel->pump())
            waiter.touch();
        if (channel->broken())
            throw failed(doing, channel->problem());
        if (done && !channel->outgoing())
            break;
        if (waiter.expired())
            throw timed_out(doing);
        co_await waiter.wait(channel->interests(!done));
    }
    job.finish();
    co_return *result;
}

Task<void> Connection::command(const Command &command, Waiter &waiter) {
    require_idle();
    DropGuard guard(*this);
    if (channel_ && channel_->stale())
        drop();
    bool sent = false;
    while (!sent) {
        const bool fresh = !connected();
        if (fresh && !reconnects_)
            throw Error("the connection is lost, and one over a socket of the caller's cannot "
                        "be made again: use open_socket()");
        if (fresh)
            co_await establish(waiter);
        if (legacy_) {
            co_await command_legacy(command, waiter);
            break;
        }
        sent = co_await send(command, waiter);
        if (!sent) {
            if (fresh || !reconnects_)
                throw failed("sending token", channel_->problem());
            drop();
        }
    }
    pending_ = true;
    guard.dismiss();
}

/// False when the server was gone before it took a byte of the command.
Task<bool> Connection::send(const Command &command, Waiter &waiter) {
    auto channel = channel_;
    in_pieces_ = !channel->takes_at_once(size_on_the_wire(command));
    if (in_pieces_) {
        Call call = [&command](Handle &handle) { return handle.command(command); };
        const bool done =
            co_await call_on_thread(channel, std::move(call), "sending token", waiter);
        if (!done)
            throw Error(channel->handle().error());
        co_return true;
    }
    if (!channel->handle().command(command))
        throw Error(channel->handle().error());
    const std::size_t before = channel->sent();
    waiter.touch();
    for (bool moved = channel->flush();; moved = channel->pump()) {
        if (moved)
            waiter.touch();
        if (channel->broken() && channel->sent() == before)
            co_return false;
        if (channel->broken())
            throw failed("sending token", channel->problem());
        if (!channel->outgoing())
            co_return true;
        if (waiter.expired())
            throw timed_out("sending token");
        co_await waiter.wait(channel->interests(false));
    }
}

Task<Token> Connection::output(Waiter &waiter) {
    if (!opened())
        throw Error("no currently open connection", Failure::not_opened);
    if (!connected())
        throw Error("no connection open");
    if (!pending())
        co_return Token{};
    DropGuard guard(*this);
    const struct remctl_output *output = nullptr;
    if (legacy_) {
        auto handle = legacy_;
        const auto result = std::make_shared<const struct remctl_output *>(nullptr);
        Call call = [result](Handle &busy) {
            *result = busy.output();
            return *result != nullptr;
        };
        co_await call_legacy(handle, std::move(call), "receiving token", waiter);
        output = *result;
    } else {
        auto channel = channel_;
        waiter.touch();
        while (!channel->token_ready()) {
            // Whether the pair is stuffed is known when it has been fed again.
            if (channel->receive())
                waiter.touch();
            if (channel->token_ready() || channel->stuffed())
                break;
            if (waiter.expired())
                throw timed_out("receiving token");
            channel->await_server();
            co_await waiter.wait(channel->socket(), POLLIN);
        }
        if (channel->token_ready()) {
            output = channel->handle().output();
        } else {
            Call call = [&output](Handle &handle) {
                output = handle.output();
                return true;
            };
            co_await call_on_thread(channel, std::move(call), "receiving token", waiter);
        }
        if (output == nullptr)
            throw refused(channel->handle().error(), *channel);
        channel->take_token();
    }
    const Token token = take(*output);
    guard.dismiss();
    co_return token;
}

Token Connection::take(const struct remctl_output &output) {
    Token token;
    switch (output.type) {
    case REMCTL_OUT_OUTPUT:
        token.type = Token::Type::output;
        token.data = {output.data, output.length};
        token.stream = output.stream;
        break;
    case REMCTL_OUT_STATUS:
        token.type = Token::Type::status;
        // libremctl reads the byte through a signed char.
        token.status = output.status & 0xff;
        break;
    case REMCTL_OUT_ERROR:
        token.type = Token::Type::error;
        token.data = {output.data, output.length};
        token.error = static_cast<std::uint32_t>(output.error);
        break;
    case REMCTL_OUT_DONE:
        break;
    }
    // remctld refuses a command that is too large with the first piece too
    // many, and then each piece that follows with an error of its own.
    if (token.type == Token::Type::error && in_pieces_ && channel_)
        channel_->distrust();
    if (token.type != Token::Type::output) {
        pending_ = false;
        if (channel_)
            channel_->trim();
    }
    return token;
}

Task<Result> Connection::run(const Command &command, Waiter &waiter) {
    Result result;
    co_await this->command(command, waiter);
    DropGuard guard(*this);
    Time next_breath = Clock::now() + breath;
    while (pending()) {
        if (Clock::now() >= next_breath) {
            co_await waiter.breathe();
            if (waiter.expired())
                throw timed_out("receiving token");
            next_breath = Clock::now() + breath;
        }
        const Token token = co_await output(waiter);
        if (token.type == Token::Type::output) {
            auto &stream = token.stream == 1 ? result.stdout_data : result.stderr_data;
            if (!stream)
                stream.emplace();
            stream->append(token.data);
        } else if (token.type == Token::Type::status) {
            result.status = token.status;
        } else if (token.type == Token::Type::error) {
            result.error = token.error;
            result.error_text = token.data;
        }
    }
    guard.dismiss();
    co_return result;
}

Task<bool> Connection::noop(Waiter &waiter) {
    require_idle();
    if (!connected())
        throw Error("no connection open");
    if (legacy_)
        co_return false;
    DropGuard guard(*this);
    auto channel = channel_;
    if (channel->stale())
        throw channel->problem().empty() ? Error("unexpected data from the server")
                                         : failed("receiving token", channel->problem());
    const auto error = std::make_shared<std::string>();
    Call call = [error](Handle &handle) {
        const bool done = handle.noop();
        if (!done)
            *error = handle.error();
        return done;
    };
    const bool answered =
        co_await call_on_thread(channel, std::move(call), "receiving token", waiter);
    channel->take_token();
    // A server of protocol 2 answers with its version (6), or an error (5).
    const bool unknown = *error == "unexpected message type 6 from server" ||
                         *error == "unexpected message type 5 from server";
    if (!answered && !unknown)
        throw refused(*error, *channel);
    guard.dismiss();
    co_return answered;
}

} // namespace pyremctl
