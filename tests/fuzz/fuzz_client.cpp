// One Client with a true server, and several callers: commands, answers read by and by,
// streams, in any order; calls that are cancelled at any of their waits, streams that are
// left or cut, a close() and an open() in between. No answer may ever belong to another
// question, and afterwards the object must serve as if nothing had been.
//
// The environment is as for fuzz_server.cpp.
#include <poll.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drivers/client.hpp"
#include "drivers/reactor.hpp"
#include "echo_server.hpp"
#include "input.hpp"
#include "transport/error.hpp"

using namespace pyremctl;
using namespace pyremctl::fuzz;
using namespace std::chrono_literals;

namespace {

constexpr Caller callers = 4; // 1 to 4

/// A command, and its words.
struct Question {
    std::string name;
    std::string how;

    SharedCommand command() {
        return std::make_shared<Request>(Request{
            .arguments = {{name.data(), name.size()}, {how.data(), how.size()}}, .name = {}});
    }
};

enum class Verb { open, run, command, output, stream, read, noop };

/// A call of one caller.
struct One {
    Verb verb = Verb::run;
    Caller caller = nobody;
    std::shared_ptr<Question> question; // outlives what was sent of it
    std::shared_ptr<Stream> stream;
    std::string stream_name;
    Client::Mark mark{};
    std::optional<std::string> problem;
    std::shared_ptr<Reactor::Running> running;
};

class World {
  public:
    World(Input &input, std::uint16_t port) : input_(input), port_(port) {}
    World(const World &) = delete;
    World &operator=(const World &) = delete;
    World(World &&) = delete;
    World &operator=(World &&) = delete;
    ~World() = default;

    void step() {
        switch (input_.below(16)) {
        case 0:
        case 1:
            begin(Verb::run);
            break;
        case 2:
            begin(Verb::command);
            break;
        case 3:
        case 4:
            begin(Verb::output);
            break;
        case 5:
            begin(Verb::stream);
            break;
        case 6:
        case 7:
            begin(Verb::read);
            break;
        case 8:
            begin(Verb::noop);
            break;
        case 9:
            begin(Verb::open);
            break;
        case 10:
        case 11:
            cancel();
            break;
        case 12:
            leave();
            break;
        case 13:
            if (input_.below(3) == 0)
                client_->close();
            break;
        case 14:
            undo();
            break;
        default:
            settle(std::chrono::microseconds(input_.below(3000)));
        }
        dispatch(std::chrono::microseconds(input_.below(300)));
    }

    void finish() {
        for (auto &one : calls_)
            if (one) {
                reactor_.cancel(*one->running);
                one.reset();
            }
        streams_.clear();
        if (input_.below(2) == 0)
            client_->close();
        finishing_ = true;
        ask(Verb::open, 1);
        all_end();
        ask(Verb::run, 1);
        all_end();
        client_->close();
    }

  private:
    void begin(Verb verb) { ask(verb, 1 + input_.below(callers)); }

    void ask(Verb verb, Caller caller) {
        auto &place = calls_.at(caller - 1);
        if (place) // one call at a time of each caller
            return;
        auto one = std::make_shared<One>();
        one->verb = verb;
        one->caller = caller;
        if (verb == Verb::run || verb == Verb::command || verb == Verb::stream) {
            static constexpr std::string_view ways = "0112345x";
            const char kind = verb == Verb::run ? 'R' : verb == Verb::command ? 'C' : 'S';
            one->question = std::make_shared<Question>();
            one->question->name = kind + std::to_string(++asked_);
            one->question->how = finishing_ ? "1" : std::string(1, ways[input_.below(ways.size())]);
            questions_.push_back(one->question);
        }
        if (verb == Verb::read) {
            if (streams_.empty())
                return;
            const auto &[stream, name] = streams_[input_.below(streams_.size())];
            one->stream = stream;
            one->stream_name = name;
        }
        Limits limits;
        limits.inactivity = 20s;
        place = one;
        one->running = reactor_.start(limits, [this, one](Call &call) { return work(one, call); });
        if (one->running->ended())
            ended(one->running.get());
    }

    Task<void> work(std::shared_ptr<One> one, Call &call) {
        try {
            switch (one->verb) {
            case Verb::open:
                one->mark = co_await open(call, one->caller);
                break;
            case Verb::run:
                co_await run(*one, call);
                break;
            case Verb::command:
                co_await command(*one, call);
                break;
            case Verb::stream: {
                auto stream = co_await client_->stream(one->question->command(), one->caller, call);
                streams_.emplace_back(std::move(stream), one->question->name);
                break;
            }
            case Verb::output:
                co_await output(*one, nullptr, call);
                break;
            case Verb::read:
                co_await output(*one, one->stream->session(), call);
                break;
            case Verb::noop:
                co_await client_->perform(
                    nullptr, one->caller, call,
                    [](Connection &connection, Call &given) { return connection.noop(given); });
                break;
            }
        } catch (const Error &error) {
            one->problem = error.what();
        }
    }

    Task<Client::Mark> open(Call &call, Caller caller) {
        const char *const principal = std::getenv("FUZZ_PRINCIPAL");
        require(principal != nullptr, "FUZZ_PRINCIPAL is set: run it with scripts/dev fuzz");
        const Target target{.host = "127.0.0.1", .port = port_, .principal = principal};
        const auto identity = client_->identity();
        co_return co_await client_->open(caller, call,
                                         [target, identity](Connection &connection, Call &given) {
                                             return connection.open(target, given, identity);
                                         });
    }

    Task<void> run(One &one, Call &call) {
        const auto result = std::make_shared<Result>();
        const auto command = one.question->command();
        co_await client_->perform(nullptr, one.caller, call,
                                  [command, result](Connection &connection, Call &given) {
                                      return connection.run(command, *result, given);
                                  });
        std::string expected;
        for (char count = '0'; count < one.question->how[0]; ++count)
            expected += one.question->name;
        std::string got;
        if (result->stdout_data) {
            got.resize(result->stdout_data->size());
            result->stdout_data->move_to(got.data(), got.size());
        }
        require(got == expected, "the answer is this question's");
        require(result->status == 7, "with its status");
    }

    Task<void> command(One &one, Call &call) {
        const auto command = one.question->command();
        const auto done = co_await client_->perform(nullptr, one.caller, call,
                                                    [command](Connection &connection, Call &given) {
                                                        return connection.command(command, given);
                                                    });
        one.mark = Client::mark(done.hold.body);
    }

    Task<void> output(One &one, std::shared_ptr<Session> session, Call &call) {
        const bool streams = session != nullptr;
        const auto done = co_await client_->perform(
            std::move(session), one.caller, call,
            [](Connection &connection, Call &given) { return connection.output(given); });
        if (done.value.type == Token::Type::output) {
            const std::string got(done.value.data);
            if (streams)
                require(got == one.stream_name, "a stream has what is its own");
            else
                require(got[0] == 'C', "output is of a command that was sent alone");
        }
    }

    void cancel() {
        auto &place = calls_.at(input_.below(callers));
        if (!place)
            return;
        reactor_.cancel(*place->running);
        place.reset();
    }

    void leave() {
        if (streams_.empty())
            return;
        const std::size_t which = input_.below(streams_.size());
        const auto stream = streams_[which].first;
        if (input_.below(2) == 0)
            client_->cut(*stream->session());
        else
            client_->leave(*stream->session());
        streams_.erase(streams_.begin() + static_cast<std::ptrdiff_t>(which));
    }

    /// As after an exception in the middle of a call.
    void undo() {
        if (marks_.empty())
            return;
        const Client::Mark &mark = marks_[input_.below(marks_.size())];
        switch (input_.below(3)) {
        case 0:
            client_->undo(mark, input_.below(2) == 0);
            break;
        case 1:
            client_->abandon(1 + input_.below(callers));
            break;
        default:
            client_->undo_open(mark);
        }
    }

    void ended(Reactor::Running *running) {
        for (auto &place : calls_) {
            if (!place || place->running.get() != running)
                continue;
            running->result(); // no other exception
            problem_ = place->problem;
            if (!place->problem && (place->verb == Verb::command || place->verb == Verb::open))
                marks_.push_back(place->mark);
            place.reset();
        }
    }

    void dispatch(Duration budget) {
        for (const auto &running : reactor_.dispatch(budget))
            ended(running.get());
    }

    void settle(Duration patience) {
        pollfd interest{reactor_.descriptor(), POLLIN, 0};
        const auto until = std::chrono::ceil<std::chrono::milliseconds>(patience);
        if (::poll(&interest, 1, static_cast<int>(until.count())) > 0)
            dispatch(1ms);
    }

    /// What the last calls do, undisturbed.
    void all_end() {
        const Time patience = Clock::now() + 20s;
        while (calls_.at(0)) {
            settle(1s);
            require(Clock::now() < patience, "every call comes to its end");
        }
        if (problem_)
            std::fprintf(stderr, "%s\n", problem_->c_str());
        require(!problem_, "the object serves afterwards");
    }

    Input &input_;
    std::uint16_t port_;
    std::shared_ptr<Client> client_ = std::make_shared<Client>();
    std::vector<std::pair<std::shared_ptr<Stream>, std::string>> streams_;
    std::vector<std::shared_ptr<Question>> questions_; // a thread left behind may read them
    std::vector<Client::Mark> marks_;
    std::optional<std::string> problem_; // of the last call that ended
    unsigned asked_ = 0;
    bool finishing_ = false;
    std::array<std::shared_ptr<One>, callers> calls_;
    Reactor reactor_; // goes first, with the calls that wait
};

} // namespace

/// See fuzz_server.cpp.
extern "C" const char *__lsan_default_suppressions() {
    return "leak:gss_krb5int_unseal_token_v3\nleak:krb5int_setspecific\n";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input(data, size);
    const EchoServer server;
    World world(input, server.port());
    while (!input.empty())
        world.step();
    world.finish();
    return 0;
}
