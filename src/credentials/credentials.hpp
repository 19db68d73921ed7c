// Who we are to the KDC: a keytab that tickets are got with, or a cache that
// has some.
#pragma once

#include <atomic>
#include <ctime>
#include <memory>
#include <optional>
#include <string>

#include "credentials/lease.hpp"
#include "transport/error.hpp"
#include "transport/shared_only.hpp"

namespace pyremctl {

/// Any number of threads, loops and connections share one, by shared_ptr. What
/// may block is for a helper thread (ready.hpp): it is safe to leave behind,
/// since it owns what it uses and calls nobody back. In the child of a fork it
/// starts anew, without a ticket.
class Credentials : public SharedOnly {
  public:
    /// What is known without asking anybody.
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

    /// A cache of the user's, which may be there now or later; or the default
    /// one. Throws Error where no cache can have that name.
    static std::shared_ptr<Credentials> from_ccache(const std::optional<std::string> &name);

    Credentials(const Credentials &) = delete;
    Credentials &operator=(const Credentials &) = delete;
    Credentials(Credentials &&) = delete;
    Credentials &operator=(Credentials &&) = delete;
    virtual ~Credentials() = default;

    /// What it is made of, for people: "keytab FILE:/etc/krb5.keytab of me@REALM".
    virtual std::string source() const = 0;

    virtual Facts look() const = 0;

    /// True when a ticket has to be got before the next open: less than a
    /// quarter of the present one's life is left, or less than five minutes.
    virtual bool needs_renewal() const = 0;

    /// The lease of a ticket that is not expired, else null. Asks nobody, and
    /// does not look into a cache of the user's, whose lease it always has.
    virtual std::shared_ptr<Lease> current() const = 0;

    /// Gets a ticket in the place of `old`, which the caller has found (null
    /// for none), and returns its lease. It blocks for as long as libkrb5 waits
    /// for the KDC. Callers who come meanwhile share in what comes out, and so
    /// do those who have found the same, and come later. Throws Error, with a
    /// hint.
    virtual std::shared_ptr<Lease> renew(const std::shared_ptr<Lease> &old) = 0;

    /// Why a renewal that is taking too long is given up.
    virtual Error late() const = 0;

    /// No open uses these credentials from now on. A cache of ours goes when
    /// the last open that uses it has ended; one of the user's stays.
    virtual void close() noexcept { closed_ = true; }

    bool closed() const noexcept { return closed_.load(); }

  protected:
    Credentials() = default;

    /// Throws Error once it is closed.
    void require_open() const {
        if (closed())
            throw Error(ErrorKind::misuse, "the credentials are closed");
    }

  private:
    std::atomic<bool> closed_{false};
};

} // namespace pyremctl
