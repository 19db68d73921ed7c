#include "transport/socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>

#include "transport/error.hpp"

namespace pyremctl {

namespace {

Transfer failed_transfer() noexcept {
    Transfer transfer;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS)
        transfer.blocked = true;
    else if (errno == EPIPE || errno == ECONNRESET)
        transfer.ended = true;
    else
        transfer.error = errno;
    return transfer;
}

} // namespace

Transfer send_from(int socket, ByteQueue &queue) noexcept {
    const auto bytes = queue.bytes();
    if (bytes.empty())
        return {};
    const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return failed_transfer();
    Transfer transfer;
    transfer.count = static_cast<std::size_t>(sent);
    transfer.blocked = transfer.count < bytes.size();
    queue.consume(transfer.count);
    return transfer;
}

Transfer receive_into(int socket, ByteQueue &queue, std::size_t chunk) {
    const auto room = queue.room(chunk);
    const auto got = ::recv(socket, room.data(), room.size(), MSG_DONTWAIT);
    if (got < 0)
        return failed_transfer();
    Transfer transfer;
    transfer.count = static_cast<std::size_t>(got);
    transfer.ended = got == 0;
    queue.commit(transfer.count);
    return transfer;
}

std::pair<Descriptor, Descriptor> socket_pair() {
    auto ends = Descriptor::pair_from(
        [](int *numbers) { return ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, numbers); });
    if (!ends.first)
        throw no_descriptor("a socket pair");
    return ends;
}

std::size_t send_buffer_size(int socket) noexcept {
    int size = 0;
    socklen_t length = sizeof size;
    if (::getsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, &length) != 0 || size < 0)
        return 0;
    return static_cast<std::size_t>(size);
}

std::size_t unread(int socket) noexcept {
    int count = 0;
    return ::ioctl(socket, FIONREAD, &count) == 0 && count > 0 ? static_cast<std::size_t>(count)
                                                               : 0;
}

std::string peer_in_digits(int socket) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    auto *const generic = reinterpret_cast<sockaddr *>(&address);
    std::array<char, NI_MAXHOST> digits{};
    if (::getpeername(socket, generic, &length) != 0 ||
        (address.ss_family != AF_INET && address.ss_family != AF_INET6) ||
        ::getnameinfo(generic, length, digits.data(), digits.size(), nullptr, 0, NI_NUMERICHOST) !=
            0)
        return "a local socket";
    return digits.data();
}

void disable_nagle(int socket) noexcept {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void make_blocking(int socket) noexcept {
    int off = 0;
    ::ioctl(socket, FIONBIO, &off);
}

std::optional<Duration> silence_of(int socket) noexcept {
    tcp_info info{};
    socklen_t length = sizeof info;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return std::nullopt;
    return std::chrono::milliseconds(info.tcpi_last_data_recv);
}

void keep_alive(int socket, Duration idle) noexcept {
    constexpr int probes = 4;
    constexpr double most = 32767; // the largest value that Linux accepts, in seconds
    const auto whole = [](double seconds) { return static_cast<int>(std::ceil(seconds)); };
    const double seconds = std::min(std::chrono::duration<double>(idle).count(), most);
    const int first = whole(seconds);
    const int interval = whole(seconds / 3);
    const int milliseconds = (first + (probes * interval)) * 1000;
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &first, sizeof first);
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}

void acknowledge_at_once(int socket) noexcept {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

void never_linger(int socket) noexcept {
    linger wanted{};
    socklen_t length = sizeof wanted;
    if (::getsockopt(socket, SOL_SOCKET, SO_LINGER, &wanted, &length) != 0 || wanted.l_onoff == 0 ||
        wanted.l_linger == 0)
        return;
    wanted = {};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &wanted, sizeof wanted);
}

} // namespace pyremctl
