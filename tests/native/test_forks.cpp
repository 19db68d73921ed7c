// What a fork waits for, and what its child finds: state, descriptors, helper threads, calls,
// turns.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "connection/channel.hpp"
#include "drivers/client.hpp"
#include "drivers/reactor.hpp"
#include "drivers/turns.hpp"
#include "handle/leaving.hpp"
#include "support.hpp"
#include "transport/job.hpp"
#include "transport/process.hpp"

using namespace pyremctl;
using namespace pyremctl::test;

namespace {

constexpr auto moment = 50ms;

/// Another thread, in the middle of something for a moment.
class Beside {
  public:
    /// `work` is called with this, and calls stay() where it is in the middle.
    template <class Work> explicit Beside(Work work) : thread_([this, work] { work(*this); }) {
        while (!begun_)
            std::this_thread::yield();
    }
    Beside(const Beside &) = delete;
    Beside &operator=(const Beside &) = delete;
    Beside(Beside &&) = delete;
    Beside &operator=(Beside &&) = delete;
    ~Beside() { thread_.join(); }

    void stay(Duration time = moment) {
        begun_ = true;
        std::this_thread::sleep_for(time);
        past_ = true;
    }

    /// In the child of a fork: whether the fork has waited for it.
    bool past() const { return past_; }

  private:
    std::atomic<bool> begun_{false};
    std::atomic<bool> past_{false};
    std::thread thread_;
};

Descriptor event() {
    return Descriptor::from([] { return ::eventfd(0, EFD_CLOEXEC); });
}

Task<void> nothing(Connection & /*connection*/, Call & /*call*/) { co_return; }

/// Has a share of something for as long as it waits.
Task<void> hold(std::shared_ptr<int> /*share*/, Call &call) {
    for (;;)
        co_await call.wait();
}

bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }

/// Makes the number one of a file, as a program does that closes and opens.
void put_file_at(int number) {
    const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (file != number) {
        ::dup2(file, number);
        ::close(file);
    }
}

bool works_on_a_helper_thread() {
    Job job(std::make_shared<EventWaker>(), [] {});
    while (!job.done())
        std::this_thread::yield();
    return true;
}

/// How many descriptors of this process are sockets. Nothing is allocated: the allocator of
/// AddressSanitizer may be locked for ever in a child that was forked beside other threads.
std::size_t sockets() {
    constexpr int more_than_are_open = 256;
    std::size_t count = 0;
    for (int number = 0; number < more_than_are_open; ++number) {
        struct stat what{};
        if (::fstat(number, &what) == 0 && S_ISSOCK(what.st_mode))
            ++count;
    }
    return count;
}

std::size_t threads() {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

} // namespace

TEST_CASE("a fork waits for those that hold a state lock, and the child finds it free") {
    const int owner = 0;
    const Beside holder([&owner](Beside &self) {
        const StateLock lock(&owner);
        self.stay();
    });
    CHECK(in_child([&] {
        const bool waited = holder.past();
        const StateLock lock(&owner);
        return waited;
    }));
    const StateLock lock(&owner);
}

TEST_CASE("a fork comes before a descriptor is made or after it is known to be ours") {
    std::atomic<int> number{-1};
    const Beside maker([&number](Beside &self) {
        const auto made = Descriptor::from([&] {
            number = ::eventfd(0, EFD_CLOEXEC);
            self.stay();
            return number.load();
        });
    });
    CHECK(in_child([&] { return maker.past() && !is_open(number) && event(); }));
}

TEST_CASE("a child has no copies of ours, and their owners close nothing there") {
    auto one = event();
    auto other = event();
    const int number = one.get();
    CHECK(in_child([&] {
        if (is_open(number) || is_open(other.get()))
            return false;
        put_file_at(number);
        one.reset();
        return is_open(number);
    }));
    CHECK(is_open(number));
}

TEST_CASE("what a child gives away of its parent's leaves its own known to be its own") {
    auto parents = event();
    const int number = parents.get();
    CHECK(in_child([&] {
        const auto own = Descriptor::from([number] {
            put_file_at(number);
            return number;
        });
        return parents.release() == number && in_child([number] { return !is_open(number); });
    }));
}

TEST_CASE("a descriptor that was given to a library is closed in a child, and not by its number") {
    auto lent_out = event();
    const LentDescriptor lent(lent_out.get());
    const int number = lent_out.release();
    CHECK(in_child([number] { return !is_open(number); }));
    CHECK(is_open(number));
    put_file_at(number);
    CHECK(in_child([number] { return is_open(number); }));
    ::close(number);
}

TEST_CASE("a socket that lingers is closed without the lock, and a child has no copy of it") {
    LingeringSocket socket;
    const int number = socket.ours.get();
    std::atomic<bool> closed{false};
    std::thread closer([&] {
        socket.ours.reset();
        closed = true;
    });
    std::this_thread::sleep_for(moment);
    const Time begun = Clock::now();
    CHECK(event()); // others make and close theirs
    CHECK(in_child([number] { return !is_open(number); }));
    CHECK(Clock::now() - begun < 1s);
    CHECK_FALSE(closed);
    socket.peer.reset(); // resets the connection: the wait is over
    closer.join();
}

TEST_CASE("a child that is forked in a storm of closes has no socket of ours") {
    std::atomic<bool> over{false};
    std::vector<std::thread> closers;
    for (int count = 0; count < 3; ++count)
        closers.emplace_back([&over] {
            while (!over)
                socket_pair();
        });
    for (int round = 0; round < 100; ++round)
        CHECK(in_child([] { return sockets() == 0; }));
    over = true;
    for (std::thread &closer : closers)
        closer.join();
}

TEST_CASE("what the parent has given away is not the child's to remember") {
    std::optional<LentDescriptor> first;
    std::optional<LentDescriptor> second;
    const int number = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    first.emplace(number);
    second.emplace(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    CHECK(in_child([&] {
        second.reset();
        put_file_at(number); // the same file, and its own
        return in_child([number] { return is_open(number); });
    }));
    ::close(number);
    ::close(second->number());
}

TEST_CASE("a waker of the parent's touches no file of the child's") {
    EventWaker waker;
    CHECK(in_child([&] {
        const int number = waker.descriptor();
        const int own = ::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
        if (own != number && ::dup2(own, number) != number)
            return false;
        waker.wake();
        waker.drain();
        std::uint64_t count = 0;
        return ::read(number, &count, sizeof count) == sizeof count && count == 1;
    }));
}

TEST_CASE("idle helper threads have ended at a fork") {
    for (int round = 0; round < 20; ++round) {
        const std::size_t before = threads();
        works_on_a_helper_thread();
        std::this_thread::sleep_for(5ms); // it is on its way to be idle
        CHECK(threads() == before + 1);
        CHECK(in_child([] { return works_on_a_helper_thread(); }));
        CHECK(threads() == before);
    }
}

TEST_CASE("a helper thread that becomes idle at a fork is not the child's") {
    const int owner = 0;
    std::atomic<bool> go{false};
    Job job(std::make_shared<EventWaker>(), [&go] {
        while (!go)
            std::this_thread::yield();
    });
    // The fork waits here when it has ended the helper threads that were idle.
    const Beside holder([&](Beside &self) {
        const StateLock lock(&owner);
        self.stay();
        go = true;
        std::this_thread::sleep_for(moment);
    });
    CHECK(in_child([] { return works_on_a_helper_thread(); }));
}

TEST_CASE("a fork waits for calls of the library, but not for long") {
    {
        const Beside call([](Beside &self) {
            const InLibrary inside;
            self.stay();
        });
        CHECK(in_child([&] { return call.past(); }));
    }
    const Beside call([](Beside &self) {
        const InLibrary inside;
        self.stay(1s);
    });
    CHECK(in_child([&] { return !call.past(); }));
    CHECK_FALSE(call.past());
}

TEST_CASE("exit() waits for calls of the library, lets in no other, and wakes none") {
    const auto [reading, writing] = socket_pair();
    CHECK(in_child([end = ::dup(writing.get())] {
        ::alarm(10);
        const auto say = [end](const char *what) {
            [[maybe_unused]] const auto written = ::write(end, what, 1);
        };
        static std::atomic<int> begun{0};
        static std::atomic<bool> leaving{false};
        std::atexit([] { leaving = true; }); // the last is called first
        const auto once_leaving = [](Duration time) {
            ++begun;
            while (!leaving)
                std::this_thread::yield();
            std::this_thread::sleep_for(time);
        };
        std::thread present([&] {
            const InLibrary inside;
            once_leaving(moment);
            say("1");
        });
        std::thread late([&] {
            once_leaving(moment / 2);
            const InLibrary inside;
            say("2");
        });
        auto [server, socket] = socket_pair();
        Channel channel(std::move(socket));
        write_all(server.get(), "x");
        std::thread feeder([&] {
            once_leaving(moment / 2);
            channel.receive(); // what libremctl may wait for
            say("3");
        });
        while (begun < 3)
            std::this_thread::yield();
        std::exit(0);
        return true;
    }));
    char said[8] = {};
    const auto count = ::recv(reading.get(), said, sizeof said, MSG_DONTWAIT);
    CHECK(std::string(said, count > 0 ? static_cast<std::size_t>(count) : 0) == "1");
}

TEST_CASE("exit() ends calls in which libremctl waits for the server itself") {
    const auto [reading, writing] = socket_pair();
    CHECK(in_child([end = ::dup(writing.get())] {
        ::alarm(10);
        static std::atomic<int> begun{0};
        static std::atomic<bool> leaving{false};
        std::atexit([] { leaving = true; }); // the last is called first
        const auto wait_for_server = [end](bool late, const char *what) {
            const auto [server, socket] = socket_pair();
            const InLibrary inside; // keeps exit() waiting
            ++begun;
            while (late && !leaving)
                std::this_thread::yield();
            if (late)
                std::this_thread::sleep_for(moment / 2);
            const WaitingForServer waiting(socket.get());
            char byte = 0;
            if (::read(socket.get(), &byte, 1) == 0) {
                [[maybe_unused]] const auto written = ::write(end, what, 1);
            }
        };
        std::thread early([&] { wait_for_server(false, "1"); });
        std::thread late([&] { wait_for_server(true, "2"); });
        while (begun < 2)
            std::this_thread::yield();
        std::exit(0);
        return true;
    }));
    char said[8] = {};
    const auto count = ::recv(reading.get(), said, sizeof said, MSG_DONTWAIT);
    CHECK(std::string(said, count > 0 ? static_cast<std::size_t>(count) : 0) == "12");
}

TEST_CASE("what a child destroys of the parent's turns waits for no lock of the parent's") {
    const auto turns = std::make_shared<Turns>();
    Driver driver;
    Call call(driver.limits, driver.waker);
    std::atomic<bool> end{false};
    // Asks all the time, so that a fork often finds the lock taken.
    std::thread busy([&] {
        while (!end)
            turns->waiting();
    });
    int hung = 0;
    for (int round = 0; round < 40; ++round) {
        auto turn = std::make_unique<Turns::Turn>(turns->enter_at_once(nullptr, 1, call));
        auto session = turn->begin_session();
        auto waiting = std::make_unique<Operation<Turns::Turn>>(turns->enter(nullptr, 2, call));
        waiting->advance();
        const auto ends = [](auto action) {
            return in_child([&] {
                ::alarm(1);
                action();
                return true;
            });
        };
        hung += ends([&] { turn.reset(); }) ? 0 : 1;
        hung += ends([&] { waiting.reset(); }) ? 0 : 1;
        hung += ends([&] { session->state(); }) ? 0 : 1;
        hung += ends([&] { session.reset(); }) ? 0 : 1;
        if (hung != 0)
            break;
    }
    end = true;
    busy.join();
    CHECK(hung == 0);
}

// Threads that the child does not have may have left any of it half-way.
TEST_CASE("a child loses what the parent's connection is made of, and destroys none of it") {
    const auto part = std::make_shared<Admission>();
    auto client = std::make_shared<Client>();
    client->set_admission(part);
    Driver driver;
    driver.run([&](Call &call) { return client->perform(nullptr, 1, call, nothing); });
    client->set_admission(nullptr);
    REQUIRE(part.use_count() == 2); // the connection has it, too
    CHECK(in_child([&] { return !client->opened() && part.use_count() == 2; }));
    CHECK(in_child([&] {
        client->close();
        return part.use_count() == 2;
    }));
    CHECK(in_child([&] {
        client.reset();
        return part.use_count() == 2;
    }));
}

TEST_CASE("a child loses what is under way in a reactor of the parent's, and destroys none of it") {
    const auto part = std::make_shared<int>();
    auto reactor = std::make_unique<Reactor>();
    auto running = reactor->start({}, [part](Call &call) { return hold(part, call); });
    REQUIRE(part.use_count() == 2);
    CHECK(in_child([&] {
        reactor->cancel(*running);
        return running->ended() && part.use_count() == 2;
    }));
    CHECK(in_child([&] {
        running.reset();
        reactor.reset();
        return part.use_count() == 2;
    }));
}

TEST_CASE("a fork meets no call in a library, however quickly they follow one another") {
    std::atomic<bool> over{false};
    std::mutex library; // a lock of its own, as libkrb5's
    std::vector<std::thread> callers;
    for (int number = 0; number < 4; ++number)
        callers.emplace_back([&] {
            while (!over) {
                const InLibrary marked;
                const std::scoped_lock lock(library);
                std::this_thread::sleep_for(1ms);
            }
        });
    for (int number = 0; number < 20; ++number)
        CHECK(in_child([&] { return library.try_lock(); }));
    over = true;
    for (std::thread &caller : callers)
        caller.join();
}
