// What the tests here share: a driver without Python, sockets, tokens.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "drivers/blocking.hpp"
#include "transport/call.hpp"
#include "transport/descriptor.hpp"
#include "transport/socket.hpp"

namespace pyremctl::test {

using namespace std::chrono_literals;

/// Counts the looks at signals, and throws when told to.
class Looks final : public Interrupts {
  public:
    void check() override {
        ++count;
        std::this_thread::sleep_for(effort);
        if (interrupted)
            throw std::string("interrupted");
    }
    std::optional<Duration> slice() const override { return length; }

    std::optional<Duration> length = 40ms;
    Duration effort{};
    std::atomic<int> count{0};
    std::atomic<bool> interrupted{false};
};

/// Limits, waker and interrupts of a call, and a way to run it.
struct Driver {
    Limits limits;
    std::shared_ptr<EventWaker> waker = std::make_shared<EventWaker>();
    Looks looks;

    /// `verb` is called with a Call and returns a task.
    template <class Verb> auto run(Verb verb) {
        Call call(limits, waker);
        return run(verb, call);
    }
    template <class Verb> auto run(Verb verb, Call &call) {
        return BlockingDriver(*waker, looks).run(verb(call));
    }
};

/// A token as it travels.
inline std::string token(unsigned flags, std::string data, std::size_t length) {
    std::string whole;
    whole += static_cast<char>(flags);
    for (int shift = 24; shift >= 0; shift -= 8)
        whole += static_cast<char>(length >> shift & 0xff);
    return whole + data;
}

inline std::string token(unsigned flags, const std::string &data) {
    return token(flags, data, data.size());
}

inline void write_all(int descriptor, const std::string &data) {
    std::size_t done = 0;
    while (done < data.size()) {
        const auto count = ::send(descriptor, data.data() + done, data.size() - done, MSG_NOSIGNAL);
        if (count <= 0)
            return;
        done += static_cast<std::size_t>(count);
    }
}

/// A TCP connection whose peer takes no more, and that waits for it when it is closed.
struct LingeringSocket {
    Descriptor ours = tcp();
    Descriptor peer;

    LingeringSocket() {
        const auto listener = tcp();
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto *const generic = reinterpret_cast<sockaddr *>(&address);
        socklen_t length = sizeof address;
        ::bind(listener.get(), generic, length);
        ::listen(listener.get(), 1);
        ::getsockname(listener.get(), generic, &length);
        ::connect(ours.get(), generic, length);
        peer = Descriptor::from([&] { return ::accept(listener.get(), nullptr, nullptr); });
        const linger patience{.l_onoff = 1, .l_linger = 5};
        ::setsockopt(ours.get(), SOL_SOCKET, SO_LINGER, &patience, sizeof patience);
        const std::string much(1 << 20, 'x');
        while (::send(ours.get(), much.data(), much.size(), MSG_DONTWAIT) > 0) {
        }
    }

    static Descriptor tcp() {
        return Descriptor::from([] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); });
    }
};

/// True when the child of a fork says so, and within ten seconds.
template <class Question> bool in_child(Question question) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(10);
        ::_exit(question() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace pyremctl::test
