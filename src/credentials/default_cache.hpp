// The default ticket cache as the calling thread has it, at one moment.
#pragma once

#include <string>

namespace pyremctl {

/// What decides whose tickets a call uses that names none. It is taken in the
/// thread that makes the call, before anything waits: the environment and the
/// thread may have changed when the tickets are needed, on another thread.
struct DefaultCache {
    std::string name;           ///< KRB5CCNAME or what stands for it; empty where libkrb5 has none
    bool of_thread = false;     ///< gss_krb5_ccache_name() named it: nothing else is chosen
    std::string home;           ///< HOME, where .k5identity lies; empty where it is not set
    bool client_keytab = false; ///< KRB5_CLIENT_KTNAME is set
};

/// It reads the environment (the caller holds what keeps others from changing
/// it) and krb5.conf, and asks nobody.
DefaultCache default_cache_of_this_thread();

/// Makes a cache the default of this thread for as long as it lives: neither
/// the environment nor a cache of another name has a say then. Not for a
/// caller's thread.
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
