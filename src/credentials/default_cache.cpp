#include "credentials/default_cache.hpp"

#include <gssapi/gssapi_krb5.h>

#include <cstdlib>
#include <new>
#include <optional>

#include "credentials/kerberos.hpp"
#include "handle/leaving.hpp"
#include "transport/process.hpp"

namespace pyremctl {

namespace {

std::optional<std::string> from_environment(const char *variable) {
    const char *value = ::secure_getenv(variable);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

/// The cache name set for this thread, or libkrb5's default; nothing if krb5.conf is
/// unusable. libgssapi only returns the name when another one is set, so afterwards
/// this thread has none.
std::optional<std::string> take_name() {
    OM_uint32 minor = 0;
    const char *name = nullptr;
    if (gss_krb5_ccache_name(&minor, nullptr, &name) != GSS_S_COMPLETE || name == nullptr)
        return std::nullopt;
    return name;
}

/// Remembers the last known default name of krb5.conf.
class KnownDefault {
  public:
    static bool is(const std::string &name) {
        auto &known = immortal<KnownDefault>();
        const StateLock lock(&known);
        return known.name_ == name;
    }
    static void note(const std::string &name) {
        auto &known = immortal<KnownDefault>();
        std::string copy = name;
        const StateLock lock(&known);
        known.name_.swap(copy);
    }

  private:
    std::string name_;
};

/// Whether no cache name was set for this thread; `name` is the result of take_name().
/// A thread that has set the default name counts as one that has set none.
bool is_default(const std::string &name, const std::optional<std::string> &variable) {
    if (variable)
        return name == *variable;
    if (KnownDefault::is(name))
        return true;
    const std::string known = take_name().value_or(""); // the default name of krb5.conf now
    KnownDefault::note(known);
    return name == known;
}

} // namespace

DefaultCache default_cache_of_this_thread() {
    const InLibrary call;
    const auto variable = from_environment("KRB5CCNAME");
    const auto name = take_name();
    DefaultCache cache{.name = name ? *name : variable.value_or(""),
                       .of_thread = false,
                       .home = from_environment("HOME").value_or(""),
                       .client_keytab = from_environment("KRB5_CLIENT_KTNAME").has_value()};
    if (name && !is_default(cache.name, variable)) {
        OM_uint32 minor = 0;
        gss_krb5_ccache_name(&minor, cache.name.c_str(), nullptr); // sets the thread's name again
        cache.of_thread = true;
    }
    cache.name = kerberos::absolute_name(cache.name);
    return cache;
}

UsedByThread::UsedByThread(const std::string &name) {
    OM_uint32 minor = 0;
    if (gss_krb5_ccache_name(&minor, name.c_str(), nullptr) != GSS_S_COMPLETE)
        throw std::bad_alloc();
}

UsedByThread::~UsedByThread() {
    OM_uint32 minor = 0;
    gss_krb5_ccache_name(&minor, nullptr, nullptr);
}

} // namespace pyremctl
