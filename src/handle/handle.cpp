#include "handle/handle.hpp"

#include <remctl.h>

#include <csignal>
#include <ctime>
#include <new>

#include "handle/leaving.hpp"
#include "transport/error.hpp"
#include "transport/process.hpp"

namespace pyremctl {

namespace {

/// Keeps a write to a closed connection from raising SIGPIPE in this thread.
class NoSigpipe {
  public:
    NoSigpipe() noexcept {
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        const sigset_t pipe = only_sigpipe();
        pthread_sigmask(SIG_BLOCK, &pipe, &before_);
    }
    NoSigpipe(const NoSigpipe &) = delete;
    NoSigpipe &operator=(const NoSigpipe &) = delete;
    NoSigpipe(NoSigpipe &&) = delete;
    NoSigpipe &operator=(NoSigpipe &&) = delete;
    ~NoSigpipe() {
        if (!was_pending_) {
            const sigset_t pipe = only_sigpipe();
            const timespec at_once{};
            while (sigtimedwait(&pipe, nullptr, &at_once) > 0) {
            }
        }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

  private:
    static sigset_t only_sigpipe() noexcept {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGPIPE);
        return set;
    }

    sigset_t before_{};
    bool was_pending_ = false;
};

const char *c_string(const std::optional<std::string> &text) noexcept {
    return text ? text->c_str() : nullptr;
}

} // namespace

// remctl_close() sends QUIT to the server, which may have closed the connection
// already.
void Handle::Close::operator()(struct remctl *handle) const noexcept {
    const InLibrary call;
    const NoSigpipe guard;
    remctl_close(handle);
}

Handle::Handle() : handle_(remctl_new()), generation_(fork_generation()) {
    if (!handle_)
        throw std::bad_alloc();
}

Handle::~Handle() {
    if (generation_ != fork_generation())
        abandon();
}

void Handle::set_ccache(const std::string &ccache) {
    const InLibrary call;
    if (remctl_set_ccache(handle_.get(), ccache.c_str()) == 0)
        throw Error(ErrorKind::ticket, error());
}

void Handle::set_source_ip(const std::string &source) {
    if (remctl_set_source_ip(handle_.get(), source.c_str()) == 0)
        throw Error(ErrorKind::misuse, error());
}

bool Handle::open(const std::string &host, std::uint16_t port,
                  const std::optional<std::string> &principal) {
    const InLibrary call;
    host_ = host;
    principal_ = principal;
    return remctl_open(handle_.get(), host_.c_str(), port, c_string(principal_)) != 0;
}

bool Handle::open_fd(const std::string &host, Descriptor &socket,
                     const std::optional<std::string> &principal) {
    const InLibrary call;
    host_ = host;
    principal_ = principal;
    // Nothing that may fail comes between release() and the call.
    return remctl_open_fd(handle_.get(), host_.c_str(), socket.release(), c_string(principal_)) !=
           0;
}

bool Handle::command(const Command &command) {
    const InLibrary call;
    return remctl_commandv(handle_.get(), command.data(), command.size()) != 0;
}

bool Handle::noop() {
    const InLibrary call;
    return remctl_noop(handle_.get()) != 0;
}

const struct remctl_output *Handle::output() {
    const InLibrary call;
    return remctl_output(handle_.get());
}

std::string Handle::error() const { return remctl_error(handle_.get()); }

void Handle::abandon() noexcept { [[maybe_unused]] auto *lost = handle_.release(); }

} // namespace pyremctl
