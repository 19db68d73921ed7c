#include "credentials/credentials.hpp"

#include <utility>

#include "transport/workers.hpp"

namespace pyremctl {

std::shared_ptr<Inquiry> Credentials::renewal(const std::shared_ptr<Lease> &old) {
    return share(&Inquiries::renewal, [this, old](Delay &delay) {
        auto newer = newer_than(old); // if another renewal has ended meanwhile
        return newer ? newer : renew(delay);
    });
}

std::shared_ptr<Lease> Credentials::newer_than(const std::shared_ptr<Lease> &old) const {
    auto present = current();
    return present == old ? nullptr : present;
}

std::shared_ptr<Inquiry> Credentials::look_on_thread() {
    return share(&Inquiries::look, [this](Delay &delay) {
        check(delay);
        return nullptr;
    });
}

std::shared_ptr<Inquiry>
Credentials::share(std::shared_ptr<Inquiry> Inquiries::*kind,
                   std::function<std::shared_ptr<Lease>(Delay &)> request) {
    require_open();
    Inquiries &inquiries = inquiries_.get();
    const std::scoped_lock lock(inquiries.mutex);
    auto &current = inquiries.*kind;
    if (current)
        return current;
    auto fresh = std::make_shared<Inquiry>();
    workers::run([self = shared_from_this(), fresh, kind, request = std::move(request)]() mutable {
        fresh->carry_out(std::exchange(request, nullptr));
        self->forget(kind);
        // Destroy what the request owns before anyone is told that it has ended.
        self.reset();
        Inquiry::announce(std::move(fresh));
    });
    current = fresh;
    return fresh;
}

void Credentials::forget(std::shared_ptr<Inquiry> Inquiries::*kind) noexcept {
    Inquiries &inquiries = inquiries_.get();
    const std::scoped_lock lock(inquiries.mutex);
    (inquiries.*kind).reset();
}

} // namespace pyremctl
