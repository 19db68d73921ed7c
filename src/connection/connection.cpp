#include "connection/connection.hpp"

#include <remctl.h>

#include <utility>

#include "connection/drop_guard.hpp"
#include "connection/failures.hpp"
#include "connection/pumped_job.hpp"
#include "transport/error.hpp"

namespace pyremctl {

namespace {

// What token.hpp counts of a command: four bytes for each argument's length,
// and generously for the header and for what encryption adds.
constexpr std::size_t argument_overhead = 4;
constexpr std::size_t token_overhead = 512;

// A server that sends faster than we read lets run() never wait; it looks this
// often at what may end it.
constexpr auto breath = std::chrono::milliseconds(10);

std::size_t size_on_the_wire(const Command &command) {
    std::size_t size = token_overhead;
    for (const iovec &argument : command)
        size += argument_overhead + argument.iov_len;
    return size;
}

} // namespace

void Connection::require_idle() const {
    if (!opened())
        throw Error("no currently open connection", Failure::not_opened);
    if (pending())
        throw Error("output of the previous command is pending: read it to its end with "
                    "output(), or close the connection, before the next command");
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
