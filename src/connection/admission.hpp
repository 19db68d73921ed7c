// Limits how many connections are opened to one server at the same time.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "transport/address.hpp"
#include "transport/call.hpp"
#include "transport/dial.hpp"
#include "transport/shared_only.hpp"
#include "transport/task.hpp"
#include "transport/waker.hpp"

namespace pyremctl {

/// Lets five connections at a time be opened to one address and port, first come, first
/// served. A standalone remctld has a listen queue of five; a connection that finds it
/// full is retried by the kernel only after a second.
///
/// Shared by connections of one thread.
class Admission : public SharedOnly, public std::enable_shared_from_this<Admission> {
    struct Entry {
        std::string key; // the address and port
        std::shared_ptr<Waker> waker;
        bool inside = false;
    };

  public:
    static constexpr std::size_t most = 5;

    /// The right to open a connection, or a place in the queue for it. The destructor
    /// leaves the queue and wakes the next waiter.
    class Permit {
      public:
        Permit() noexcept = default;
        Permit(Permit &&) noexcept = default;
        Permit &operator=(Permit &&other) noexcept {
            std::swap(admission_, other.admission_);
            std::swap(entry_, other.entry_);
            return *this;
        }
        Permit(const Permit &) = delete;
        Permit &operator=(const Permit &) = delete;
        ~Permit() {
            if (entry_)
                admission_->leave(*entry_);
        }

      private:
        friend class Admission;
        Permit(std::shared_ptr<Admission> admission, std::unique_ptr<Entry> entry) noexcept
            : admission_(std::move(admission)), entry_(std::move(entry)) {}

        std::shared_ptr<Admission> admission_;
        std::unique_ptr<Entry> entry_; // null after a move
    };

    Admission() = default;
    Admission(const Admission &) = delete;
    Admission &operator=(const Admission &) = delete;
    Admission(Admission &&) = delete;
    Admission &operator=(Admission &&) = delete;
    ~Admission() = default;

    /// Waits until a connection may be opened to this address. Throws Error if the call
    /// times out first.
    Task<Permit> enter(Endpoint endpoint, Address address, Call &call);

    /// Addresses to which connections are being opened.
    std::size_t size() const noexcept { return queues_.size(); }

  private:
    struct Queue {
        std::size_t inside = 0;
        std::list<Entry *> waiting;
    };

    Permit join(const Address &address, Call &call);
    void leave(const Entry &entry) noexcept;

    std::unordered_map<std::string, Queue> queues_;
};

} // namespace pyremctl
