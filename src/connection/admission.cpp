#include "connection/admission.hpp"

#include "transport/error.hpp"

namespace pyremctl {

Admission::Permit Admission::join(const Address &address, Call &call) {
    auto entry = std::make_unique<Entry>();
    entry->key.assign(reinterpret_cast<const char *>(address.get()), address.length);
    entry->waker = call.waker();
    Queue &queue = queues_[entry->key];
    if (queue.inside < most) {
        ++queue.inside;
        entry->inside = true;
    } else {
        queue.waiting.push_back(entry.get());
    }
    return {shared_from_this(), std::move(entry)};
}

void Admission::leave(const Entry &entry) noexcept {
    const auto found = queues_.find(entry.key);
    Queue &queue = found->second;
    if (!entry.inside) {
        std::erase(queue.waiting, &entry);
    } else if (queue.waiting.empty()) {
        --queue.inside;
    } else {
        Entry *next = queue.waiting.front();
        queue.waiting.pop_front();
        next->inside = true;
        next->waker->wake();
    }
    if (queue.inside == 0)
        queues_.erase(found);
}

Task<Admission::Permit> Admission::enter(Endpoint endpoint, Address address, Call &call) {
    Permit permit = join(address, call);
    while (!permit.entry_->inside) {
        if (call.expired())
            throw Error(ErrorKind::timeout,
                        "cannot connect to " + endpoint.host + " (port " +
                            std::to_string(endpoint.port) +
                            "): timed out behind other connections to the same address");
        co_await call.wait();
    }
    co_return permit;
}

} // namespace pyremctl
