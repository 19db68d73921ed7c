// Iterates over the tickets of a cache.
#pragma once

#include "credentials/kerberos.hpp"

namespace pyremctl::kerberos {

/// Iterates over a cache, skipping libkrb5's internal entries.
class Tickets {
  public:
    Tickets(const Context &context, krb5_ccache cache) : context_(context), cache_(cache) {
        context_.check(krb5_cc_start_seq_get(context_.get(), cache_, &cursor_));
    }
    Tickets(const Tickets &) = delete;
    Tickets &operator=(const Tickets &) = delete;
    Tickets(Tickets &&) = delete;
    Tickets &operator=(Tickets &&) = delete;
    ~Tickets() {
        krb5_free_cred_contents(context_.get(), &ticket_);
        krb5_cc_end_seq_get(context_.get(), cache_, &cursor_);
    }

    /// The next ticket, valid until the following call; null at the end.
    const krb5_creds *next() {
        for (;;) {
            krb5_free_cred_contents(context_.get(), &ticket_);
            ticket_ = {};
            const auto code = krb5_cc_next_cred(context_.get(), cache_, &cursor_, &ticket_);
            if (code == KRB5_CC_END)
                return nullptr;
            context_.check(code);
            if (krb5_is_config_principal(context_.get(), ticket_.server) == 0)
                return &ticket_;
        }
    }

  private:
    const Context &context_;
    krb5_ccache cache_;
    krb5_cc_cursor cursor_ = nullptr;
    krb5_creds ticket_{};
};

} // namespace pyremctl::kerberos
