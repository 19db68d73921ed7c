#include "drivers/reactor.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "drivers/inbox.hpp"
#include "transport/error.hpp"
#include "transport/process.hpp"

namespace pyremctl {

namespace {

constexpr std::uint64_t timer_id = 0;
constexpr std::uint64_t inbox_id = 1; // tasks have higher ones
constexpr std::size_t events_at_once = 64;

// The longest time that dispatch() may read before the tasks' clock is set to the real
// time: there may always be more to read.
constexpr Duration longest_lag = std::chrono::seconds(1);

// After this much work the deadlines are checked even if there is more to read: a task
// for which nothing has arrived is late then.
constexpr Duration longest_unjudged = std::chrono::milliseconds(50);

// The longest time that start() may work between two dispatches: starting a thousand
// calls at once would block the event loop.
constexpr Duration longest_start = std::chrono::milliseconds(3);

std::uint32_t to_epoll(short events) noexcept {
    return ((events & POLLIN) != 0 ? std::uint32_t{EPOLLIN} : 0U) |
           ((events & POLLOUT) != 0 ? std::uint32_t{EPOLLOUT} : 0U);
}

void add(int epoll, int descriptor, std::uint32_t events, std::uint64_t id) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0)
        throw Error(ErrorKind::local, std::string("cannot wait: ") + std::strerror(errno));
}

/// Whether any of the descriptors is ready.
bool any_ready(std::vector<pollfd> interests) noexcept {
    return ::poll(interests.data(), interests.size(), 0) > 0;
}

} // namespace

Reactor::Reactor()
    : epoll_(Descriptor::from([] { return ::epoll_create1(EPOLL_CLOEXEC); })),
      timer_(Descriptor::from(
          [] { return ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); })),
      inbox_(std::make_shared<Inbox>()), generation_(fork_generation()), last_id_(inbox_id) {
    if (!epoll_ || !timer_)
        throw no_descriptor("an event descriptor");
    add(epoll_.get(), timer_.get(), EPOLLIN, timer_id);
    add(epoll_.get(), inbox_->descriptor(), EPOLLIN, inbox_id);
}

Reactor::~Reactor() {
    if (generation_ != fork_generation()) {
        lose(std::move(running_)); // the parent may have been in the middle of any change
        return;
    }
    while (!running_.empty())
        cancel(*running_.begin()->second);
    inbox_->close();
}

std::shared_ptr<Reactor::Running> Reactor::start(Limits limits, const MakeTask &make_task) {
    if (generation_ != fork_generation())
        throw Error(ErrorKind::misuse, "the event loop belongs to the parent process");
    const Id id = ++last_id_;
    auto running =
        std::make_shared<Running>(limits, std::make_shared<InboxWaker>(inbox_, id), &moment_, id);
    running->operation_ = std::make_unique<Operation<void>>(make_task(running->call_));
    running_.emplace(id, running);
    if (starting_ >= longest_start) {
        if (ready_.empty())
            inbox_->ring();
        make_ready(id);
        return running;
    }
    const Time begun = Clock::now();
    advance(running);
    starting_ += Clock::now() - begun;
    // The caller sees at once that it has ended; dispatch() reports only the others.
    if (running->ended())
        std::erase(ended_, running);
    arm();
    return running;
}

void Reactor::cancel(Running &running) noexcept {
    if (running.ended_)
        return;
    if (generation_ != fork_generation()) {
        lose(std::move(running.operation_));
        running.ended_ = true;
        return;
    }
    unwatch(running);
    running.ended_ = true;
    running.operation_.reset();
    running_.erase(running.id_); // this may destroy `running`
}

/// Runs a task until its next wait or its end.
void Reactor::advance(const std::shared_ptr<Running> &running) {
    unwatch(*running);
    try {
        const Wait *wait = running->operation_->advance();
        if (wait != nullptr) {
            watch(*running, *wait);
            return;
        }
        running->operation_->result();
    } catch (...) {
        running->failure_ = std::current_exception();
    }
    unwatch(*running);
    running->operation_.reset();
    running->ended_ = true;
    running_.erase(running->id_);
    ended_.push_back(running);
}

void Reactor::watch(Running &running, const Wait &wait) {
    if (wait.breath) {
        make_ready(running.id_);
        return;
    }
    for (const pollfd &interest : wait.interests) {
        add(epoll_.get(), interest.fd, to_epoll(interest.events), running.id_);
        running.watched_.push_back(interest);
    }
    if (wait.until) {
        deadlines_.emplace(*wait.until, running.id_);
        running.deadline_ = wait.until;
    }
}

void Reactor::unwatch(Running &running) noexcept {
    for (const pollfd &interest : running.watched_)
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, interest.fd, nullptr);
    running.watched_.clear();
    if (running.deadline_)
        deadlines_.erase({*running.deadline_, running.id_});
    running.deadline_.reset();
}

void Reactor::make_ready(Id id) {
    const auto found = running_.find(id);
    if (found == running_.end() || std::exchange(found->second->queued_, true))
        return;
    ready_.push_back(id);
}

/// Queues the tasks that can continue. False if there are none.
bool Reactor::gather() {
    std::array<epoll_event, events_at_once> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    bool any = false;
    for (int i = 0; i < count; ++i) {
        const Id id = events.at(static_cast<std::size_t>(i)).data.u64;
        if (id == timer_id)
            continue; // handled by overdue()
        any = true;
        if (id != inbox_id) {
            make_ready(id);
            continue;
        }
        for (const Id woken : inbox_->take())
            make_ready(woken);
    }
    return any;
}

/// Queues the tasks whose deadline is reached.
void Reactor::overdue() {
    moment_ = Clock::now();
    lag_ = unjudged_ = {};
    for (auto next = deadlines_.begin(); next != deadlines_.end() && next->first <= moment_; ++next)
        make_ready(next->second);
}

/// Ends the tasks whose deadline is reached and for which nothing has arrived.
///
/// While other tasks have more to read than dispatch() can handle, the tasks' clock
/// stands still, so that no task is late before its data was read. The tasks here have
/// nothing to read, so they are shown the real time.
void Reactor::end_late() {
    unjudged_ = {};
    for (const Id woken : inbox_->take())
        make_ready(woken);
    const Time now = Clock::now();
    std::vector<std::shared_ptr<Running>> late;
    for (auto next = deadlines_.begin(); next != deadlines_.end() && next->first <= now; ++next) {
        const auto &running = running_.at(next->second);
        if (!running->queued_ && !any_ready(running->watched_))
            late.push_back(running);
    }
    for (const auto &running : late) {
        if (running->ended_)
            continue;
        const Time before = std::exchange(moment_, now);
        advance(running);
        moment_ = before;
    }
}

/// Sets the timer to the next deadline.
void Reactor::arm() {
    const auto next = deadlines_.empty() ? std::optional<Time>() : deadlines_.begin()->first;
    if (next == armed_)
        return;
    // A timer that fires too early costs one check, which is cheaper than setting it
    // back.
    if (armed_ && *armed_ > Clock::now() && (!next || *next > *armed_))
        return;
    armed_ = next;
    itimerspec when{};
    if (next) {
        const auto since =
            std::max<Duration>(next->time_since_epoch(), std::chrono::nanoseconds(1));
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
        when.it_value.tv_sec = static_cast<std::time_t>(seconds.count());
        when.it_value.tv_nsec =
            static_cast<long>(std::chrono::nanoseconds(since - seconds).count());
    }
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Reactor::excuse(Duration time) {
    for (const auto &[id, running] : running_) {
        Call &call = running->call_;
        const auto before = running->deadline_;
        const bool at_its_limit = before == call.limit();
        call.excuse(time);
        const auto after = call.limit();
        if (!before || !after || !at_its_limit)
            continue;
        deadlines_.erase({*before, id});
        running->deadline_ = after;
        deadlines_.emplace(*after, id);
    }
}

void Reactor::ring() noexcept { inbox_->ring(); }

std::vector<std::shared_ptr<Reactor::Running>> Reactor::dispatch(Duration budget) {
    if (generation_ != fork_generation())
        throw Error(ErrorKind::misuse, "the event loop belongs to the parent process");
    const Time start = Clock::now();
    const auto spent = [&] { return Clock::now() - start >= budget; };
    for (bool first = true; first || !spent(); first = false) {
        if (!gather() && ready_.empty()) {
            overdue();
            if (ready_.empty())
                break;
        }
        // Tasks that become ready meanwhile come after those for which data has arrived
        // by then.
        for (std::size_t count = ready_.size(); count > 0; --count) {
            const auto found = running_.find(ready_.front());
            ready_.pop_front();
            if (found == running_.end())
                continue;
            const auto running = found->second;
            running->queued_ = false;
            advance(running);
            if (spent())
                break;
        }
    }
    const Duration work = Clock::now() - start;
    lag_ += work;
    unjudged_ += work;
    if (lag_ >= longest_lag)
        overdue();
    else if (unjudged_ >= longest_unjudged)
        end_late();
    if (!ready_.empty())
        inbox_->ring(); // more to do: make the descriptor readable
    else
        starting_ = {}; // only now: new tasks must not overtake queued ones
    arm();
    return std::exchange(ended_, {});
}

} // namespace pyremctl
