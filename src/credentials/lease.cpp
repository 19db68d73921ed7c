#include "credentials/lease.hpp"

#include <utility>

#include "credentials/memory_cache.hpp"

namespace pyremctl {

Lease::Lease(std::string name) : name_(std::move(name)) {}

Lease::Lease(std::unique_ptr<kerberos::MemoryCache> cache, std::string principal,
             std::time_t expires)
    : name_(kerberos::full_name(cache->context(), cache->get())), principal_(std::move(principal)),
      expires_(expires), cache_(std::move(cache)) {}

Lease::~Lease() = default;

} // namespace pyremctl
