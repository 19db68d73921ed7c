// Who we are to the KDC: a keytab that tickets are got with, or a cache that
// has some.
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

/// Any number of threads, loops and connections share one, by shared_ptr. What
/// may block is for a helper thread (ready.hpp): it is safe to leave behind,
/// since it owns what it uses and calls nobody back. The child of a fork starts
/// without a ticket.
class Credentials : public SharedOnly, public std::enable_shared_from_this<Credentials> {
  public:
    /// What the last look has shown.
    struct Facts {
        std::optional<std::string> name;      ///< the cache's, with its type
        std::optional<std::string> principal; ///< the client's
        std::optional<std::time_t> expires;   ///< nothing without a ticket
        bool valid = false;                   ///< it has a ticket that is not expired
    };

    /// Reads the keytab, or the default client keytab, and contacts nobody.
    /// Without a principal it is the keytab's first. Throws Error where
    /// the keytab cannot be read, or has no key of that principal.
    static std::shared_ptr<Credentials> from_keytab(const std::optional<std::string> &keytab,
                                                    const std::optional<std::string> &principal);

    /// The same, but the keytab is read by the first renewal, which throws.
    static std::shared_ptr<Credentials> from_unread_keytab(const std::string &keytab);

    /// A cache of the user's, which may be there now or later. The first look
    /// tells whether any cache can have that name.
    static std::shared_ptr<Credentials> from_ccache(const std::string &name);

    Credentials(const Credentials &) = delete;
    Credentials &operator=(const Credentials &) = delete;
    Credentials(Credentials &&) = delete;
    Credentials &operator=(Credentials &&) = delete;
    virtual ~Credentials() = default;

    /// What it is made of, for people: "keytab FILE:/etc/krb5.keytab of me@REALM".
    virtual std::string source() const = 0;

    /// It reads nothing.
    virtual Facts look() const = 0;

    /// Looks on a helper thread, for look() to tell. All callers share the look
    /// that is on its way; one that began before the caller came may be too old.
    std::shared_ptr<Inquiry> look_on_thread();

    /// True for what only the calling thread sees: then look_here() looks, in
    /// the thread itself, which does not block.
    virtual bool of_thread() const { return false; }
    void look_here() {
        Delay delay;
        check(delay);
    }

    /// Why a look that is taking too long is given up.
    virtual Error unseen() const = 0;

    /// True when a ticket has to be got before the next open: less than a
    /// quarter of the present one's life is left, or less than five minutes.
    virtual bool needs_renewal() const = 0;

    /// The lease of a ticket that is not expired, else null. Asks nobody, and
    /// does not look into a cache of the user's, whose lease it always has.
    virtual std::shared_ptr<Lease> current() const = 0;

    /// Gets a ticket in the place of `old`, which the caller has found (null
    /// for none), on a helper thread. All callers share the renewal that is on
    /// its way. Throws Error when no thread can be started.
    std::shared_ptr<Inquiry> renewal(const std::shared_ptr<Lease> &old);

    /// Why a renewal that is taking too long is given up, without a hint.
    virtual Error late() const = 0;

    /// No open uses these credentials from now on. A cache of ours goes when
    /// the last open that uses it has ended; one of the user's stays.
    virtual void close() noexcept { closed_ = true; }

    bool closed() const noexcept { return closed_.load(); }

  protected:
    Credentials() = default;

    /// For look_on_thread(), one at a time. It may block. Throws Error where it
    /// can never see anything.
    virtual void check(Delay &delay) = 0;

    /// For renewal(), one at a time: returns the lease of a new ticket, or of
    /// one that is newer than `old`. It blocks for as long as libkrb5 waits for
    /// the KDC. Throws Error, with a hint.
    virtual std::shared_ptr<Lease> renew(const std::shared_ptr<Lease> &old, Delay &delay) = 0;

    /// Throws Error once it is closed.
    void require_open() const {
        if (closed())
            throw Error(ErrorKind::misuse, "the credentials are closed");
    }

  private:
    struct Inquiries {
        std::mutex mutex;
        std::shared_ptr<Inquiry> renewal; // null when none is on its way, as the next
        std::shared_ptr<Inquiry> look;
    };

    std::shared_ptr<Inquiry> share(std::shared_ptr<Inquiry> Inquiries::*kind,
                                   std::function<std::shared_ptr<Lease>(Delay &)> request);
    void forget(std::shared_ptr<Inquiry> Inquiries::*kind) noexcept;

    std::atomic<bool> closed_{false};
    PerProcess<Inquiries> inquiries_;
};

} // namespace pyremctl
