// libkrb5's objects, each with one owner.
#pragma once

#include <krb5.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace pyremctl::kerberos {

/// What libkrb5 failed of: its code, and its words.
class Problem : public std::runtime_error {
  public:
    Problem(krb5_error_code code, const std::string &words)
        : std::runtime_error(words), code_(code) {}

    krb5_error_code code() const noexcept { return code_; }

  private:
    krb5_error_code code_;
};

/// libkrb5's configuration, and the last failure's words. Used by one thread
/// at a time.
class Context {
  public:
    /// Throws Problem where krb5.conf cannot be used.
    Context();

    krb5_context get() const noexcept { return context_.get(); }

    /// The words for a code; those of the last failure where it had the code.
    std::string words(krb5_error_code code) const;

    /// Throws Problem for any code but 0.
    void check(krb5_error_code code) const {
        if (code != 0)
            throw Problem(code, words(code));
    }

    /// Seconds by which the KDC's clock is ahead of this machine's, as far as
    /// this context has learned of it.
    long clock_offset() const;

  private:
    struct Free {
        void operator()(krb5_context context) const noexcept { krb5_free_context(context); }
    };
    std::unique_ptr<std::remove_pointer_t<krb5_context>, Free> context_;
};

/// Gives back what was made in a context, which has to live until then.
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

/// Calls a function of libkrb5's that makes something in its last argument,
/// and returns what it made. Throws Problem.
template <class Pointer, class Function, class... Arguments>
Owner<Pointer> make(const Context &context, Function function, Arguments... arguments) {
    Pointer made = nullptr;
    context.check(function(context.get(), arguments..., &made));
    return Owner<Pointer>(made, Release{context.get()});
}

/// How many caches libkrb5 has to choose from; 2 stands for more too.
int caches_to_choose_from(const Context &context);

/// A principal's name, with its realm.
std::string to_text(const Context &context, krb5_const_principal principal);

/// The name of a ticket cache or of a keytab, with a relative path in it made
/// absolute: it still names the same file when the process has changed its
/// folder. A name that begins with a slash is a path, whatever colons are in it.
/// Throws Error where the folder has been removed.
std::string absolute_name(const std::string &name);

/// The same with its type, which is FILE where the name has none.
std::string typed_name(const std::string &name);

/// A cache's or a keytab's name, with its type.
std::string full_name(const Context &context, krb5_ccache cache);
std::string full_name(const Context &context, krb5_keytab keytab);

/// A time of libkrb5's, which wraps in 2106.
constexpr long to_seconds(krb5_timestamp time) noexcept { return static_cast<unsigned int>(time); }

} // namespace pyremctl::kerberos
