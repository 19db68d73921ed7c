#include "transport/descriptor.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <utility>
#include <vector>

namespace pyremctl {

/// The descriptors that we own in this process, for the child of a fork.
struct OwnedDescriptors {
    std::mutex mutex;
    std::vector<bool> owned; // indexed by number
    LentDescriptor *lent = nullptr;

    void note(int number) {
        const auto index = static_cast<std::size_t>(number);
        if (owned.size() <= index)
            owned.resize(index + 1 + (index / 2));
        owned[index] = true;
    }

    void forget(int number) noexcept {
        const auto index = static_cast<std::size_t>(number);
        if (index < owned.size()) // otherwise it could not be noted
            owned[index] = false;
    }

    static ino_t inode_of(int number) noexcept {
        struct stat status{};
        return ::fstat(number, &status) == 0 ? status.st_ino : 0;
    }

    static bool is_socket(int number) noexcept {
        int type = 0;
        socklen_t length = sizeof type;
        return ::getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &length) == 0;
    }

    void add(LentDescriptor &one) noexcept {
        one.inode_ = inode_of(one.number_);
        one.next_ = lent;
        one.previous_ = nullptr;
        if (lent != nullptr)
            lent->previous_ = &one;
        lent = &one;
    }

    void remove(LentDescriptor &one) noexcept {
        if (one.next_ != nullptr)
            one.next_->previous_ = one.previous_;
        (one.previous_ != nullptr ? one.previous_->next_ : lent) = one.next_;
    }

    void close_inherited() noexcept {
        for (std::size_t number = 0; number < owned.size(); ++number) {
            if (owned[number])
                ::close(static_cast<int>(number));
            owned[number] = false;
        }
        for (; lent != nullptr; lent = lent->next_)
            if (lent->inode_ != 0 && inode_of(lent->number_) == lent->inode_)
                ::close(lent->number_);
    }
};

namespace {

OwnedDescriptors &all() noexcept { return immortal<OwnedDescriptors>(); }

[[maybe_unused]] const bool registered = take_part_in_forks({
    .order = 2,
    .settle = nullptr,
    .lock = []() noexcept { all().mutex.lock(); },
    .unlock = []() noexcept { all().mutex.unlock(); },
    .reset =
        []() noexcept {
            new (&all().mutex) std::mutex;
            all().close_inherited();
        },
});

} // namespace

std::unique_lock<std::mutex> Descriptor::making() { return std::unique_lock(all().mutex); }

void Descriptor::own(int number) {
    number_ = number;
    if (number >= 0)
        all().note(number);
}

int Descriptor::release() noexcept {
    if (number_ >= 0 && generation_ == fork_generation()) {
        const auto lock = making();
        all().forget(number_);
    }
    return std::exchange(number_, -1);
}

void Descriptor::reset() noexcept {
    const int old = std::exchange(number_, -1);
    if (old < 0 || generation_ != fork_generation())
        return;
    const int error = errno;
    if (OwnedDescriptors::is_socket(old)) {
        close_socket(old);
    } else {
        const auto lock = making();
        all().forget(old);
        ::close(old);
    }
    errno = error;
}

/// Closing a socket may block for as long as SO_LINGER says. So it is closed without
/// the mutex, which is needed to create or close any descriptor and to fork. A child
/// that is forked meanwhile finds its copy by the inode, because the number may already
/// belong to another file.
void Descriptor::close_socket(int number) noexcept {
    LentDescriptor closing;
    closing.number_ = number;
    {
        const auto lock = making();
        all().forget(number);
        all().add(closing);
    }
    ::close(number);
    // ~LentDescriptor removes it from the list.
}

LentDescriptor::LentDescriptor(int number) : number_(number) {
    const auto lock = Descriptor::making();
    all().add(*this);
}

Descriptor LentDescriptor::replace(const Descriptor &by) {
    Descriptor before;
    const auto lock = Descriptor::making(); // the child of a fork must see either file
    before.own(::fcntl(number_, F_DUPFD_CLOEXEC, 0));
    if (before) {
        ::dup3(by.get(), number_, O_CLOEXEC); // cannot fail: both numbers are in use
        inode_ = OwnedDescriptors::inode_of(number_);
    }
    return before;
}

void LentDescriptor::restore(Descriptor file) noexcept {
    const auto lock = Descriptor::making();
    ::dup3(file.get(), number_, O_CLOEXEC); // cannot fail: both numbers are in use
    inode_ = OwnedDescriptors::inode_of(number_);
}

LentDescriptor::~LentDescriptor() {
    if (generation_ != fork_generation())
        return; // already handled
    const auto lock = Descriptor::making();
    all().remove(*this);
}

bool out_of_descriptors(std::size_t held) {
    std::vector<Descriptor> opened;
    while (opened.size() <= held) {
        Descriptor one = Descriptor::from([] { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); });
        if (!one)
            return errno == EMFILE;
        opened.push_back(std::move(one));
    }
    return false;
}

} // namespace pyremctl
