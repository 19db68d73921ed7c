// Turns against what must hold of them: any order of calls, with and without a
// stream, of calls that a signal handler makes in the middle of another, of
// streams that begin and end, of calls that give up, and of those who take the
// turn past all that wait.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "drivers/reactor.hpp"
#include "drivers/turns.hpp"
#include "input.hpp"
#include "transport/error.hpp"

using namespace pyremctl;
using namespace pyremctl::fuzz;
using namespace std::chrono_literals;

namespace {

using Session = Turns::Session;
using Turn = Turns::Turn;

constexpr Caller callers = 4; // 1 to 4

struct One {
    std::shared_ptr<Session> session;
    Caller caller = 0;
    std::size_t number = 0; // in the order in which they came
    std::shared_ptr<Reactor::Running> running;
    Call *call = nullptr; // good as long as `running` is; none before it has begun
    Turn turn;
    bool over = false; // enter() has ended
    bool refused = false;

    bool waits() const { return !over; }
    bool holds() const { return static_cast<bool>(turn); }
};

Task<void> enter(std::shared_ptr<Turns> turns, One &one, Call &call) {
    one.call = &call;
    try {
        one.turn = co_await turns->enter(one.session.get(), one.caller, call);
    } catch (const Error &) {
        one.refused = true;
    }
    one.over = true;
}

class World {
  public:
    explicit World(Input &input) : input_(input) {}
    World(const World &) = delete;
    World &operator=(const World &) = delete;
    World(World &&) = delete;
    World &operator=(World &&) = delete;
    ~World() {
        for (const auto &one : all_)
            one->turn = {};
    }

    void step() {
        switch (input_.below(13)) {
        case 0:
        case 1:
        case 2:
            begin();
            break;
        case 3:
        case 4:
            release();
            break;
        case 5:
            if (One *one = pick(); one != nullptr && one->waits()) {
                reactor_.cancel(*one->running);
                one->over = true;
            }
            break;
        case 6: // as close() has it of a call that waits
            if (One *one = pick(); one != nullptr && one->waits() && one->call != nullptr)
                one->call->cancel();
            break;
        case 7:
            begin_session();
            break;
        case 8:
            if (auto session = any_session())
                session->end();
            break;
        case 9:
            if (auto session = any_session())
                keep(turns_->leave_session(*session));
            break;
        case 10:
            keep(turns_->seize());
            break;
        case 11:
            keep(turns_->seize_or_cancel());
            turns_->spoiled();
            break;
        default:
            if (One *one = holder(); one != nullptr && !one->session)
                one->turn.lose_session();
        }
        if (input_.below(3) != 0)
            settle();
        held_once();
    }

    void finish() {
        if (input_.below(2) == 0) {
            turns_->retire();
            settle();
            for (const auto &one : all_)
                require(one->over, "a call that waited is told of the end");
            return;
        }
        // Everybody goes on, and every stream is read to its end.
        for (int round = 0; round < 1000; ++round) {
            settle();
            taken_ = {};
            if (One *one = holder())
                let_go(*one);
            else if (current_ && current_->state() == Session::State::present)
                current_->end();
            else if (turns_->waiting() == 0)
                break;
        }
        settle();
        for (const auto &one : all_)
            require(one->over, "every call has its turn at last");
    }

  private:
    One *pick() { return all_.empty() ? nullptr : all_[input_.below(all_.size())].get(); }

    /// Who has the turn, and has seen it.
    One *holder() {
        for (const auto &one : all_)
            if (one->holds())
                return one.get();
        return nullptr;
    }

    /// True when a later call of the same caller is in the middle of this one.
    bool interrupted(const One &one) const {
        for (const auto &other : all_)
            if (other->caller == one.caller && other->number > one.number &&
                (other->waits() || other->holds()))
                return true;
        return false;
    }

    std::shared_ptr<Session> any_session() {
        return sessions_.empty() ? nullptr : sessions_[input_.below(sessions_.size())];
    }

    void begin() {
        if (all_.size() > 40)
            return;
        auto one = std::make_unique<One>();
        one->caller = 1 + input_.below(callers);
        one->number = all_.size();
        if (input_.below(2) == 0)
            one->session = any_session();
        One *raw = one.get();
        all_.push_back(std::move(one));
        raw->running =
            reactor_.start({}, [this, raw](Call &call) { return enter(turns_, *raw, call); });
    }

    void let_go(One &one) {
        require(!interrupted(one), "nobody has the turn whom a call that waits for it interrupts");
        one.turn = {};
    }

    void release() {
        if (taken_)
            taken_ = {};
        else if (One *one = holder(); one != nullptr && !interrupted(*one))
            one->turn = {};
    }

    void begin_session() {
        One *one = holder();
        if (one == nullptr || one->session)
            return;
        const bool present = current_ && current_->state() == Session::State::present;
        try {
            current_ = one->turn.begin_session();
            session_caller_ = one->caller;
            sessions_.push_back(current_);
            require(!present, "one stream at a time");
        } catch (const Error &) {
            require(present, "a stream can begin where there is none");
        }
    }

    /// A turn that was taken past all that wait.
    void keep(Turn turn) {
        if (turn)
            require(!std::exchange(taken_, std::move(turn)), "and nobody else has it");
    }

    void held_once() {
        int count = taken_ ? 1 : 0;
        for (const auto &one : all_)
            count += one->holds() ? 1 : 0;
        require(count <= 1, "one call at a time");
    }

    /// Until all has been seen that can be.
    void settle() {
        pollfd interest{reactor_.descriptor(), POLLIN, 0};
        do {
            reactor_.dispatch(5ms);
        } while (::poll(&interest, 1, 0) > 0);
        held_once();
        const One *one = holder();
        const Session *present =
            current_ && current_->state() == Session::State::present ? current_.get() : nullptr;
        for (const auto &other : all_) {
            if (!other->waits())
                continue;
            require(!other->session || other->session.get() == present,
                    "nobody waits in a stream that is over");
            require(one == nullptr || other->caller != one->caller || other->number < one->number,
                    "nobody waits for a call that it interrupts");
            if (one != nullptr || taken_)
                continue;
            require(present != nullptr, "a turn that is free is somebody's");
            require(other->session == nullptr, "also within a stream");
            require(other->caller != session_caller_, "and nobody waits for a stream of its own");
        }
    }

    Input &input_;
    std::shared_ptr<Turns> turns_ = std::make_shared<Turns>();
    std::vector<std::shared_ptr<Session>> sessions_;
    std::shared_ptr<Session> current_;
    Caller session_caller_ = 0;
    std::vector<std::unique_ptr<One>> all_;
    Turn taken_;
    Reactor reactor_; // goes first, with the calls that wait
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input(data, size);
    World world(input);
    while (!input.empty())
        world.step();
    world.finish();
    return 0;
}
