// Reactor against a list of what must have ended: random tasks, what they wait
// for, wake-ups, cancellations, and dispatches of any length.
#include <sys/socket.h>

#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include "drivers/reactor.hpp"
#include "input.hpp"
#include "transport/error.hpp"
#include "transport/socket.hpp"

using namespace pyremctl;
using namespace pyremctl::fuzz;
using namespace std::chrono_literals;

namespace {

/// What a task leaves behind of itself.
struct Trace {
    bool done = false;
    bool destroyed = false;
    std::size_t read = 0;
};

/// Says when the task's frame goes.
class Witness {
  public:
    explicit Witness(Trace &trace) : trace_(trace) {}
    Witness(const Witness &) = delete;
    Witness &operator=(const Witness &) = delete;
    ~Witness() { trace_.destroyed = true; }

  private:
    Trace &trace_;
};

/// One of its own descriptors, which it closes when it likes.
Task<void> with_a_pair(Call &call, short events) {
    auto [near, far] = socket_pair();
    co_await call.wait(near.get(), events | POLLOUT);
    far.reset();
    co_await call.wait(near.get(), POLLIN);
}

Task<void> work(Call &call, int descriptor, std::string program, Trace &trace) {
    const Witness witness(trace);
    for (const char step : program) {
        const auto value = static_cast<unsigned char>(step);
        switch (value % 7) {
        case 0: { // a byte, however long it takes
            char byte = 0;
            ssize_t count = 0;
            while ((count = ::recv(descriptor, &byte, 1, MSG_DONTWAIT)) < 0)
                co_await call.wait(descriptor, POLLIN);
            if (count > 0) // and not the end
                ++trace.read;
            break;
        }
        case 1:
            co_await call.breathe();
            break;
        case 2:
            co_await call.wait({}, Clock::now() + std::chrono::microseconds(value));
            break;
        case 3:
            co_await with_a_pair(call, POLLIN);
            break;
        case 4:
            co_await call.wait(std::vector<pollfd>(1, pollfd{descriptor, POLLIN, 0}),
                               Clock::now() + std::chrono::microseconds(value * 4));
            break;
        case 5:
            if (value > 200)
                throw Error(ErrorKind::local, "on purpose");
            break;
        default:
            co_await call.wait(descriptor, POLLIN | POLLOUT);
        }
    }
    trace.done = true;
}

struct One {
    std::shared_ptr<Reactor::Running> running;
    Call *call = nullptr; // good as long as it runs
    Descriptor near, far;
    std::unique_ptr<Trace> trace = std::make_unique<Trace>();
    std::size_t written = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input(data, size);
    auto reactor = std::make_unique<Reactor>();
    std::vector<std::unique_ptr<One>> all;
    std::map<Reactor::Running *, One *> live;

    const auto end = [&](Reactor::Running *running) {
        const auto found = live.find(running);
        require(found != live.end(), "it ends once, and was there");
        require(running->ended(), "it says so");
        require(found->second->trace->destroyed, "nothing of it is left");
        live.erase(found);
    };
    const auto dispatch = [&](Duration budget) {
        for (const auto &running : reactor->dispatch(budget))
            end(running.get());
    };
    const auto pick = [&]() -> One * {
        return all.empty() ? nullptr : all[input.below(all.size())].get();
    };

    while (!input.empty()) {
        switch (input.below(9)) {
        case 0:
        case 1: {
            if (all.size() > 60)
                break;
            auto one = std::make_unique<One>();
            std::tie(one->near, one->far) = socket_pair();
            Limits limits;
            const auto choice = input.below(4);
            if (choice == 1)
                limits.inactivity = 1ms;
            else if (choice == 2)
                limits.deadline = Clock::now() + 2ms;
            One *raw = one.get();
            const std::string program = input.bytes(12);
            one->running = reactor->start(limits, [raw, program](Call &call) {
                raw->call = &call;
                return work(call, raw->near.get(), program, *raw->trace);
            });
            live.emplace(one->running.get(), raw);
            if (one->running->ended())
                end(one->running.get());
            all.push_back(std::move(one));
            break;
        }
        case 2:
        case 3: {
            One *one = pick();
            if (one != nullptr && one->far && ::send(one->far.get(), "x", 1, MSG_NOSIGNAL) == 1)
                ++one->written;
            break;
        }
        case 4:
            if (One *one = pick(); one != nullptr && live.count(one->running.get()) != 0) {
                reactor->cancel(*one->running);
                end(one->running.get());
                reactor->cancel(*one->running); // again: nothing
            }
            break;
        case 5:
            if (One *one = pick(); one != nullptr && live.count(one->running.get()) != 0) {
                if (input.below(4) == 0)
                    one->call->cancel();
                else
                    one->call->waker()->wake();
            }
            break;
        case 6:
            if (One *one = pick())
                one->far.reset();
            break;
        case 7:
            reactor->excuse(std::chrono::microseconds(input.below(500)));
            break;
        default:
            dispatch(std::chrono::microseconds(input.below(2000)));
        }
        require(reactor->size() == live.size(), "as many as have not ended");
    }
    for (const auto &one : all)
        require(one->trace->read <= one->written, "no byte was read twice");

    if (input.byte() % 2 == 0) {
        // Everything that is waited for comes: all end.
        for (const auto &one : all)
            if (one->far)
                ::send(one->far.get(), "xxxxxxxxxxxx", 12, MSG_NOSIGNAL);
        const Time patience = Clock::now() + 20s;
        while (!live.empty()) {
            pollfd interest{reactor->descriptor(), POLLIN, 0};
            ::poll(&interest, 1, 1000);
            dispatch(5ms);
            require(Clock::now() < patience, "all come to their end");
        }
    }
    reactor.reset();
    for (const auto &one : all)
        require(one->trace->destroyed || !one->trace->done, "nothing is left");
    for (const auto &[running, one] : live)
        require(one->trace->destroyed, "the reactor's end is theirs");
    return 0;
}
