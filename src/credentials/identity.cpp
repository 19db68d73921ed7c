#include "credentials/identity.hpp"

#include "transport/error.hpp"
#include "transport/process.hpp"

namespace pyremctl {

namespace {

Error another(const std::string &cache, const std::string &before, const std::string &now) {
    return Error(ErrorKind::ticket, "the tickets in " + cache + " are " + now +
                                        "'s, but the connection was opened as " + before)
        .with_hint("A connection keeps its client: to go on as " + now +
                   ", call open() or set_ccache(), or make a new pool.");
}

} // namespace

std::string Identity::key(const Choice &choice) const {
    return many_ && choice.for_server ? choice.cache : "";
}

std::optional<Identity::Known> Identity::known(const Choice &choice) const {
    const std::string where = key(choice);
    const StateLock lock(this);
    const auto found = known_.find(where);
    return found == known_.end() ? std::nullopt : std::optional(found->second);
}

Choice Identity::keep(Choice choice) const {
    const auto before = known(choice);
    if (!before || choice.principal == before->principal)
        return choice;
    if (before->cache != choice.cache) {
        Choice kept = look_into(before->cache);
        if (kept.principal == before->principal)
            return kept;
    }
    require(choice);
    return choice;
}

void Identity::require(const Choice &choice) const {
    if (!choice.principal)
        return;
    const auto before = known(choice);
    if (before && before->principal != *choice.principal)
        throw another(choice.cache, before->principal, *choice.principal);
}

void Identity::settle(const Choice &choice) {
    if (!choice.principal)
        return;
    {
        const Known first{.principal = *choice.principal, .cache = choice.cache};
        const std::string where = key(choice);
        const StateLock lock(this);
        known_.try_emplace(where, first);
    }
    require(choice);
}

} // namespace pyremctl
