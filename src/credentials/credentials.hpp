// The client's credentials: a keytab to get tickets with, or a cache that contains
// tickets.
#pragma once

#include <atomic>
#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "credentials/delay.hpp"
#include "credentials/inquiry.hpp"
#include "credentials/lease.hpp"
#include "credentials/per_process.hpp"
#include "transport/error.hpp"
#include "transport/shared_only.hpp"

namespace pyremctl {

/// Any number of threads, loops and connections share one, by shared_ptr. Everything
/// that may block runs on a helper thread (ready.hpp), which can be left behind: it
/// owns what it uses. The child of a fork starts without a ticket.
class Credentials : public SharedOnly, public std::enable_shared_from_this<Credentials> {
  public:
    /// The result of the last check.
    struct Facts {
        std::optional<std::string> name;      ///< the cache's name, with its type
        std::optional<std::string> principal; ///< the client's name
        std::optional<std::time_t> expires;   ///< nothing if there is no ticket
        bool valid = false;                   ///< there is a ticket that has not expired
    };

    /// A keytab, or the default client keytab. The default principal is the keytab's
    /// first. The first check or renewal reads it; that throws Error if the keytab
    /// cannot be read, or has no key of that principal.
    static std::shared_ptr<Credentials> from_keytab(const std::optional<std::string> &keytab,
                                                    const std::optional<std::string> &principal);

    /// A cache of the user, which need not exist yet. The first check shows whether its
    /// name is valid.
    static std::shared_ptr<Credentials> from_ccache(const std::string &name);

    Credentials(const Credentials &) = delete;
    Credentials &operator=(const Credentials &) = delete;
    Credentials(Credentials &&) = delete;
    Credentials &operator=(Credentials &&) = delete;
    virtual ~Credentials() = default;

    /// A readable description: "keytab FILE:/etc/krb5.keytab of me@REALM".
    virtual std::string source() const = 0;

    /// The result of the last check; reads nothing.
    virtual Facts look() const = 0;

    /// Checks on a helper thread; look() returns the result. All callers share a check
    /// in progress; one that started before the caller came may be too old.
    std::shared_ptr<Inquiry> look_on_thread();

    /// True for a cache that only the calling thread can see. Then look_here() checks
    /// it in that thread, which does not block.
    virtual bool of_thread() const { return false; }
    void look_here() {
        Delay delay;
        check(delay);
    }

    /// The error for a check that takes too long.
    virtual Error unseen() const = 0;

    /// True if a ticket must be got before the next open: less than a quarter of the
    /// current ticket's lifetime, or less than five minutes, is left.
    virtual bool needs_renewal() const = 0;

    /// The lease of a ticket that has not expired, else null. For a cache of the user
    /// it always returns a lease, without reading the cache.
    virtual std::shared_ptr<Lease> current() const = 0;

    /// Gets a ticket that replaces `old`, the one that the caller has found (null for
    /// none), on a helper thread. All callers share a renewal in progress, and the ticket
    /// of one that has ended since. Throws Error if no thread can be started.
    std::shared_ptr<Inquiry> renewal(const std::shared_ptr<Lease> &old);

    /// The error for a renewal that takes too long, without a hint.
    virtual Error late() const = 0;

    /// No open may use these credentials from now on. A cache of ours is destroyed
    /// after the last open that uses it; a cache of the user stays.
    virtual void close() noexcept { closed_ = true; }

    bool closed() const noexcept { return closed_.load(); }

  protected:
    Credentials() = default;

    /// Called by look_on_thread(), one at a time. It may block. Throws Error if the
    /// cache can never be read.
    virtual void check(Delay &delay) = 0;

    /// A ticket that replaces `old` already; null if there is none.
    virtual std::shared_ptr<Lease> newer_than(const std::shared_ptr<Lease> &old) const;

    /// Called by renewal(), one at a time: returns the lease of a new ticket. It blocks
    /// for as long as libkrb5 waits for the KDC. Throws Error, with a hint.
    virtual std::shared_ptr<Lease> renew(Delay &delay) = 0;

    /// Throws Error after close().
    void require_open() const {
        if (closed())
            throw Error(ErrorKind::misuse, "the credentials are closed");
    }

  private:
    struct Inquiries {
        std::mutex mutex;
        std::shared_ptr<Inquiry> renewal; // null if none is in progress, like the next one
        std::shared_ptr<Inquiry> look;
    };

    std::shared_ptr<Inquiry> share(std::shared_ptr<Inquiry> Inquiries::*kind,
                                   std::function<std::shared_ptr<Lease>(Delay &)> request);
    void forget(std::shared_ptr<Inquiry> Inquiries::*kind) noexcept;

    std::atomic<bool> closed_{false};
    PerProcess<Inquiries> inquiries_;
};

} // namespace pyremctl
