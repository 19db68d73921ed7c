// RAII for libkrb5's objects.
#pragma once

#include <krb5.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace pyremctl::kerberos {

/// An error of libkrb5: its code and its text.
class Problem : public std::runtime_error {
  public:
    Problem(krb5_error_code code, const std::string &words)
        : std::runtime_error(words), code_(code) {}

    krb5_error_code code() const noexcept { return code_; }

  private:
    krb5_error_code code_;
};

/// A libkrb5 context: its configuration and the text of the last error. Use it in one
/// thread at a time.
class Context {
  public:
    /// Throws Problem if krb5.conf is unusable.
    Context();

    krb5_context get() const noexcept { return context_.get(); }

    /// The text for a code; that of the last error if it had this code.
    std::string words(krb5_error_code code) const;

    /// Throws Problem for any code but 0.
    void check(krb5_error_code code) const {
        if (code != 0)
            throw Problem(code, words(code));
    }

    /// How many seconds the KDC's clock is ahead of this machine's, as far as this
    /// context knows.
    long clock_offset() const;

  private:
    struct Free {
        void operator()(krb5_context context) const noexcept { krb5_free_context(context); }
    };
    std::unique_ptr<std::remove_pointer_t<krb5_context>, Free> context_;
};

/// Frees an object in its context, which must still exist.
struct Release {
    krb5_context context = nullptr;

    void operator()(krb5_principal principal) const noexcept {
        krb5_free_principal(context, principal);
    }
    void operator()(krb5_ccache cache) const noexcept { krb5_cc_close(context, cache); }
    void operator()(krb5_keytab keytab) const noexcept { krb5_kt_close(context, keytab); }
    void operator()(krb5_get_init_creds_opt *options) const noexcept {
        krb5_get_init_creds_opt_free(context, options);
    }
};

template <class Pointer> using Owner = std::unique_ptr<std::remove_pointer_t<Pointer>, Release>;
using Principal = Owner<krb5_principal>;
using Cache = Owner<krb5_ccache>;
using Keytab = Owner<krb5_keytab>;
using TicketOptions = Owner<krb5_get_init_creds_opt *>;

/// Calls a libkrb5 function that creates an object in its last argument, and returns
/// that object. Throws Problem.
template <class Pointer, class Function, class... Arguments>
Owner<Pointer> make(const Context &context, Function function, Arguments... arguments) {
    Pointer made = nullptr;
    context.check(function(context.get(), arguments..., &made));
    return Owner<Pointer>(made, Release{context.get()});
}

/// How many caches libkrb5 can choose from; 2 means two or more.
int caches_to_choose_from(const Context &context);

/// A principal's name, with its realm.
std::string to_text(const Context &context, krb5_const_principal principal);

/// The name of a ticket cache or keytab with a relative path made absolute, so that it
/// does not depend on the working directory. A name that starts with a slash is a path,
/// even with colons in it. Throws Error if the working directory was removed.
std::string absolute_name(const std::string &name);

/// The same with its type, which is FILE if the name has none.
std::string typed_name(const std::string &name);

/// A cache's or a keytab's name, with its type.
std::string full_name(const Context &context, krb5_ccache cache);
std::string full_name(const Context &context, krb5_keytab keytab);

/// Converts a libkrb5 time, which wraps in 2106.
constexpr long to_seconds(krb5_timestamp time) noexcept { return static_cast<unsigned int>(time); }

} // namespace pyremctl::kerberos
