#include "credentials/broken_default.hpp"

#include "credentials/kerberos.hpp"
#include "handle/leaving.hpp"

namespace pyremctl {

namespace {

using namespace kerberos;

/// What libkrb5 looks through for a cache, in its order.
class DefaultCaches {
  public:
    explicit DefaultCaches(const Context &context) : context_(context) {
        context_.check(krb5_cccol_cursor_new(context_.get(), &cursor_));
    }
    DefaultCaches(const DefaultCaches &) = delete;
    DefaultCaches &operator=(const DefaultCaches &) = delete;
    DefaultCaches(DefaultCaches &&) = delete;
    DefaultCaches &operator=(DefaultCaches &&) = delete;
    ~DefaultCaches() { krb5_cccol_cursor_free(context_.get(), &cursor_); }

    /// The next one; null at the end.
    Cache next() { return make<krb5_ccache>(context_, krb5_cccol_cursor_next, cursor_); }

  private:
    const Context &context_;
    krb5_cccol_cursor cursor_ = nullptr;
};

} // namespace

std::optional<std::string> broken_default_cache() {
    const InLibrary call;
    try {
        const Context context;
        DefaultCaches caches(context);
        if (const Cache cache = caches.next()) { // libkrb5 goes on only where this one is broken
            try {
                make<krb5_principal>(context, krb5_cc_get_principal, cache.get());
            } catch (const Problem &) {
                return krb5_cc_default_name(context.get());
            }
        }
    } catch (const Problem &) { // NOLINT(bugprone-empty-catch)
        // libkrb5 will say so itself.
    }
    return std::nullopt;
}

} // namespace pyremctl
