// The calling thread's default ticket cache at one moment.
#pragma once

#include <string>

namespace pyremctl {

/// The settings that decide which tickets a call uses if it names none. They are read
/// in the calling thread, before anything waits: the tickets are used later, on another
/// thread, when the environment may have changed.
struct DefaultCache {
    std::string name;           ///< KRB5CCNAME or libkrb5's default; empty if there is none
    bool of_thread = false;     ///< set by gss_krb5_ccache_name(): no other cache is chosen
    std::string home;           ///< HOME, for .k5identity; empty if it is not set
    bool client_keytab = false; ///< KRB5_CLIENT_KTNAME is set
};

/// Reads the environment (the caller keeps others from changing it) and krb5.conf; it
/// contacts nobody.
DefaultCache default_cache_of_this_thread();

/// Makes a cache the default of this thread for as long as the object lives, whatever
/// the environment says. Only for helper threads.
class UsedByThread {
  public:
    explicit UsedByThread(const std::string &name);
    UsedByThread(const UsedByThread &) = delete;
    UsedByThread &operator=(const UsedByThread &) = delete;
    UsedByThread(UsedByThread &&) = delete;
    UsedByThread &operator=(UsedByThread &&) = delete;
    ~UsedByThread();
};

} // namespace pyremctl
