#include "connection/connection.hpp"

#include <remctl.h>

#include <utility>

#include "connection/busy_channel.hpp"
#include "connection/drop_guard.hpp"
#include "connection/failures.hpp"
#include "transport/error.hpp"

namespace pyremctl {

namespace {

// The size of a command's token: four bytes for each argument's length, and a generous
// allowance for the header and the encryption.
constexpr std::size_t argument_overhead = 4;
constexpr std::size_t token_overhead = 512;

// If a server sends faster than we read, run() never waits. After this time it lets the
// driver do other work.
constexpr auto breath = std::chrono::milliseconds(1);

std::size_t size_on_the_wire(const Command &command) {
    std::size_t size = token_overhead;
    for (const iovec &argument : command)
        size += argument_overhead + argument.iov_len;
    return size;
}

// Error codes of the protocol (section 2.6, MESSAGE_ERROR).
constexpr std::uint32_t bad_token = 2;
constexpr std::uint32_t too_much_data = 8;
constexpr std::uint32_t no_help = 10;

/// True if the error code says that the server has not started the command: codes 2 to
/// 8 and 10. Any other error may have happened while the command was running.
bool refuses(std::uint32_t error) noexcept {
    return (error >= bad_token && error <= too_much_data) || error == no_help;
}

} // namespace

void Result::add(const Token &token) {
    switch (token.type) {
    case Token::Type::output: {
        auto &stream = token.stream == 1 ? stdout_data : stderr_data;
        if (!stream)
            stream.emplace();
        stream->append(token.data);
        break;
    }
    case Token::Type::status:
        status = token.status;
        break;
    case Token::Type::error:
        error = token.error;
        error_text = token.data;
        break;
    case Token::Type::done:
        break;
    }
}

void Connection::require_idle() const {
    if (!opened())
        throw Error(ErrorKind::not_opened, "no currently open connection").with_may_have_run(false);
    if (pending()) // this keeps the previous command's state, including may_have_run()
        throw Error(ErrorKind::misuse,
                    "output of the previous command is pending: read it to its end with "
                    "output(), or close the connection, before the next command")
            .with_may_have_run(false);
}

void Connection::use(std::shared_ptr<Channel> channel) noexcept {
    channel_ = std::move(channel);
    descriptor_ = channel_ ? channel_->socket() : -1;
}

void Connection::drop() noexcept {
    if (connected())
        notes_.lost();
    forget();
}

/// Ends the connection without QUIT.
void Connection::forget() noexcept {
    if (channel_)
        channel_->abort();
    use(nullptr);
    legacy_.reset();
    protocol1_ = false;
    pending_ = false;
    ready_ = false;
}

/// Ends the connection with QUIT.
void Connection::take_leave() noexcept {
    if (connected())
        notes_.closed();
    if (channel_)
        channel_->close();
    forget();
}

void Connection::close() noexcept {
    take_leave();
    opened_ = false;
}

void Connection::inherit(Origin origin) {
    target_ = std::move(origin.target);
    identity_ = std::move(origin.identity);
    tickets_ = origin.tickets;
    port_ = origin.port;
    notes_.about(target_, target_.port);
    reconnects_ = origin.reconnects;
    lost_ = "the connection was made by the parent process and stays with it";
    lost_kind_ = ErrorKind::misuse;
    opened_ = true;
}

Task<bool> Connection::call_on_thread(std::shared_ptr<Channel> channel, LibraryCall library_call,
                                      const char *doing, Call &call) {
    const auto result = std::make_shared<bool>(false);
    BusyChannel busy(channel, call.waker(),
                     [result, library_call = std::move(library_call)](Channel &held) {
                         *result = library_call(held.handle());
                     });
    for (;;) {
        const bool done = busy.done();
        if (channel->pump())
            call.touch();
        if (channel->broken())
            throw lost(doing, channel->problem());
        if (done && !channel->outgoing())
            break;
        if (call.expired())
            throw timed_out(doing);
        co_await call.wait(channel->interests(!done));
    }
    busy.finish();
    co_return *result;
}

Task<void> Connection::command(SharedCommand command, Call &call) {
    require_idle();
    ++asked_;
    about_command_ = true;
    may_have_run_ = false;
    if (call.overdue())
        throw too_late();
    DropGuard guard(*this);
    std::string why = lost_;
    if (channel_ && channel_->stale()) {
        why = channel_->problem().empty() ? out_of_turn : channel_->problem();
        drop();
    }
    bool sent = false;
    while (!sent) {
        const bool fresh = !connected();
        if (fresh && !reconnects_)
            throw Error(lost_kind_, std::string(lost_) +
                                        ", and one over a socket of the caller's cannot be "
                                        "made again: use open_socket()")
                .for_good();
        if (fresh) {
            notes_.reconnecting(why);
            co_await establish(call);
        }
        if (legacy_) {
            co_await command_legacy(command, call);
            break;
        }
        sent = co_await send(command, call);
        if (!sent) {
            if (fresh || !reconnects_)
                throw lost("sending token", channel_->problem());
            why = channel_->problem();
            drop();
        }
    }
    may_have_run_ = true;
    pending_ = true;
    ready_ = channel_ && channel_->read_ahead();
    guard.dismiss();
}

/// False if the server was gone before it accepted a byte of the command.
Task<bool> Connection::send(SharedCommand command, Call &call) {
    notes_.asked(*command);
    in_pieces_ = !channel_->takes_at_once(size_on_the_wire(command->arguments));
    if (in_pieces_) {
        co_await send_in_pieces(command, call);
        co_return true;
    }
    auto channel = channel_;
    if (!channel->handle().command(command->arguments))
        throw Error(ErrorKind::local, channel->handle().error());
    const std::size_t before = channel->sent();
    call.touch();
    for (bool moved = channel->flush();; moved = channel->pump()) {
        if (moved)
            call.touch();
        if (channel->broken() && channel->sent() == before)
            co_return false;
        if (channel->broken())
            throw lost("sending token", channel->problem());
        if (!channel->outgoing())
            co_return true;
        if (call.expired())
            throw timed_out("sending token");
        co_await call.wait(channel->interests(false));
    }
}

Task<void> Connection::send_in_pieces(SharedCommand command, Call &call) {
    /// Its destructor notes whether the last byte may have been sent.
    class Noting {
      public:
        Noting(Channel &channel, std::atomic<bool> &may_have_run) noexcept
            : channel_(channel), may_have_run_(may_have_run), before_(channel.sent()) {}
        Noting(const Noting &) = delete;
        Noting &operator=(const Noting &) = delete;
        Noting(Noting &&) = delete;
        Noting &operator=(Noting &&) = delete;
        // It is unknown here how much libremctl has left to write: if everything that
        // it has written was sent, that may have been the whole command.
        ~Noting() { may_have_run_ = channel_.sent() != before_ && !channel_.outgoing(); }

      private:
        Channel &channel_;
        std::atomic<bool> &may_have_run_;
        std::size_t before_;
    };
    auto channel = channel_;
    const Noting noting(*channel, may_have_run_);
    LibraryCall library_call = [command](Handle &handle) {
        return handle.command(command->arguments);
    };
    const bool done =
        co_await call_on_thread(channel, std::move(library_call), "sending token", call);
    if (!done)
        throw Error(ErrorKind::local, channel->handle().error());
}

std::optional<Token> Connection::output_at_once(Call &call) {
    about_command_ = true;
    if (!opened())
        throw Error(ErrorKind::not_opened, "no currently open connection");
    if (!connected())
        throw Error(ErrorKind::lost, "no connection open").for_good();
    if (!pending())
        return Token{};
    if (legacy_)
        return std::nullopt;
    DropGuard guard(*this);
    if (call.overdue())
        throw timed_out("receiving token");
    if (!channel_->token_ready() && channel_->receive())
        call.touch();
    std::optional<Token> token;
    if (channel_->token_ready()) {
        const struct remctl_output *output = channel_->handle().output();
        if (output == nullptr)
            throw refused(channel_->handle().error(), *channel_);
        channel_->take_token();
        token = take(*output);
    }
    guard.dismiss();
    return token;
}

Task<Token> Connection::output(Call &call) {
    for (;;) {
        if (const auto token = output_at_once(call))
            co_return *token;
        DropGuard guard(*this);
        const struct remctl_output *output = nullptr;
        if (legacy_) {
            output = co_await output_legacy(call);
        } else if (channel_->stuffed()) {
            auto channel = channel_;
            const auto result = std::make_shared<const struct remctl_output *>(nullptr);
            LibraryCall library_call = [result](Handle &handle) {
                *result = handle.output();
                return *result != nullptr;
            };
            const bool done =
                co_await call_on_thread(channel, std::move(library_call), "receiving token", call);
            if (!done)
                throw refused(channel->handle().error(), *channel);
            channel->take_token();
            output = *result;
        } else {
            if (call.expired())
                throw timed_out("receiving token");
            if (const auto moment = channel_->await_server())
                co_await call.wait({}, moment);
            else
                co_await call.wait(channel_->socket(), POLLIN);
        }
        guard.dismiss();
        if (output != nullptr)
            co_return take(*output);
    }
}

Task<Token> Connection::outputs(OwnedTokens &tokens, std::size_t bytes, Call &call) {
    Token last = co_await output(call);
    tokens.add(last);
    std::size_t size = last.data.size();
    while (last.type == Token::Type::output && size < bytes && channel_ &&
           channel_->token_ready()) {
        try {
            const auto next = output_at_once(call);
            if (!next)
                break;
            last = *next;
        } catch (const Error &error) {
            tokens.failure = Error(error).with_may_have_run(may_have_run_);
            notes_.failed(error);
            break;
        }
        tokens.add(last);
        size += last.data.size();
    }
    last.data = {};
    co_return last;
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
        // libremctl reads the byte as a signed char. Protocol 1 has 32 bits, and only 0
        // is success.
        token.status = output.status & 0xff;
        if (token.status == 0 && output.status != 0)
            token.status = 255;
        break;
    case REMCTL_OUT_ERROR:
        token.type = Token::Type::error;
        token.data = {output.data, output.length};
        token.error = static_cast<std::uint32_t>(output.error);
        may_have_run_ = !refuses(token.error);
        break;
    case REMCTL_OUT_DONE:
        break;
    }
    // When a command in several tokens gets too large, remctld sends an error, and
    // another error for each token that follows.
    if (token.type == Token::Type::error && in_pieces_ && channel_)
        channel_->distrust();
    notes_.answered(token);
    if (token.type != Token::Type::output) {
        pending_ = false;
        if (channel_)
            channel_->trim();
    }
    ready_ = !pending() || (channel_ && channel_->read_ahead());
    return token;
}

Task<void> Connection::run(SharedCommand command, Result &result, Call &call) {
    co_await this->command(command, call);
    Time next_breath = Clock::now() + breath;
    while (pending()) {
        auto token = output_at_once(call);
        if (!token)
            token = co_await output(call);
        DropGuard guard(*this);
        result.add(*token);
        if (pending() && Clock::now() >= next_breath) {
            co_await call.breathe();
            next_breath = Clock::now() + breath;
        }
        guard.dismiss();
    }
}

Task<void> Connection::simple(Target target, SharedCommand command, Result &result, Call &call,
                              std::shared_ptr<Identity> identity) {
    co_await open(std::move(target), call, std::move(identity));
    co_await run(std::move(command), result, call);
}

} // namespace pyremctl
