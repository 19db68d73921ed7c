// A ticket cache in this process's memory, with a unique name.
#pragma once

#include <memory>
#include <string>

#include "credentials/kerberos.hpp"
#include "handle/leaving.hpp"
#include "transport/process.hpp"

namespace pyremctl::kerberos {

/// Owns the cache and destroys it. In the child of a fork it is not touched, because
/// threads that do not exist there may hold libkrb5's locks.
class MemoryCache {
  public:
    /// Throws Problem.
    MemoryCache()
        : context_(std::make_unique<Context>()),
          cache_(make<krb5_ccache>(*context_, krb5_cc_new_unique, "MEMORY", nullptr)) {}
    MemoryCache(const MemoryCache &) = delete;
    MemoryCache &operator=(const MemoryCache &) = delete;
    MemoryCache(MemoryCache &&) = delete;
    MemoryCache &operator=(MemoryCache &&) = delete;
    ~MemoryCache() {
        krb5_ccache cache = cache_.release();
        if (generation_ != fork_generation()) {
            [[maybe_unused]] auto *lost = context_.release();
            return;
        }
        const InLibrary call;
        krb5_cc_destroy(context_->get(), cache);
    }

    const Context &context() const noexcept { return *context_; }
    krb5_ccache get() const noexcept { return cache_.get(); }

  private:
    unsigned generation_ = fork_generation();
    std::unique_ptr<Context> context_;
    Cache cache_;
};

} // namespace pyremctl::kerberos
