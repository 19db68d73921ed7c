#include "credentials/private_keyring.hpp"

#include <utility>

#include "credentials/cache.hpp"
#include "credentials/memory_cache.hpp"
#include "handle/leaving.hpp"
#include "transport/error.hpp"

namespace pyremctl {

using namespace kerberos;

bool is_private_keyring(const std::string &name) {
    return name.starts_with("KEYRING:thread:") || name.starts_with("KEYRING:process:");
}

std::shared_ptr<Lease> copy_of_keyring(const std::string &name, bool is_default) {
    const InLibrary call;
    try {
        auto copy = std::make_unique<MemoryCache>();
        const Context &context = copy->context();
        context.check(krb5_cc_set_default_name(context.get(), name.c_str()));
        if (is_default && caches_to_choose_from(context) > 1)
            throw Error(ErrorKind::ticket,
                        "the collection " + name + " has several ticket caches: name one of them");
        const auto cache = make<krb5_ccache>(context, krb5_cc_resolve, name.c_str());
        const CacheFacts facts = look_at(context, cache.get());
        if (!facts.principal)
            throw Error(ErrorKind::ticket,
                        "this thread sees no tickets in the cache " + name + ": " + facts.problem)
                .with_hint("Another thread or process does not see the keyring of the one that "
                           "got the tickets: keep them in another kind of cache, "
                           "KEYRING:session: or FILE:.");
        const auto client = make<krb5_principal>(context, krb5_cc_get_principal, cache.get());
        context.check(krb5_cc_initialize(context.get(), copy->get(), client.get()));
        context.check(krb5_cc_copy_creds(context.get(), cache.get(), copy->get()));
        return std::make_shared<Lease>(std::move(copy), *facts.principal,
                                       facts.expires - facts.clock_offset);
    } catch (const Problem &problem) {
        throw Error(ErrorKind::ticket,
                    "cannot use the ticket cache " + name + ": " + problem.what());
    }
}

std::shared_ptr<Lease> lease_of(const std::string &name) {
    if (is_private_keyring(name))
        return copy_of_keyring(name, false);
    return std::make_shared<Lease>(name);
}

} // namespace pyremctl
