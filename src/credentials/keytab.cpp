#include "credentials/keytab.hpp"

#include <algorithm>
#include <vector>

#include "credentials/credentials.hpp"
#include "credentials/explain.hpp"
#include "credentials/hints.hpp"
#include "credentials/kerberos.hpp"
#include "credentials/memory_cache.hpp"
#include "handle/leaving.hpp"
#include "transport/descriptor.hpp"
#include "transport/error.hpp"

namespace pyremctl {

namespace {

using namespace kerberos;

Keytab open_keytab(const Context &context, const std::optional<std::string> &name) {
    if (!name)
        return make<krb5_keytab>(context, krb5_kt_client_default);
    return make<krb5_keytab>(context, krb5_kt_resolve, absolute_name(*name).c_str());
}

/// A key's principal and version.
struct Key {
    std::string principal;
    unsigned version = 0;
};

std::vector<Key> keys_of(const Context &context, krb5_keytab keytab) {
    std::vector<Key> keys;
    krb5_kt_cursor cursor = nullptr;
    context.check(krb5_kt_start_seq_get(context.get(), keytab, &cursor));
    krb5_keytab_entry entry{};
    krb5_error_code code = 0;
    while ((code = krb5_kt_next_entry(context.get(), keytab, &entry, &cursor)) == 0) {
        keys.push_back({to_text(context, entry.principal), entry.vno});
        krb5_free_keytab_entry_contents(context.get(), &entry);
    }
    krb5_kt_end_seq_get(context.get(), keytab, &cursor);
    if (code != KRB5_KT_END)
        context.check(code);
    return keys;
}

/// The first few principals of a keytab, for a message.
std::string owners(const std::vector<Key> &keys) {
    constexpr std::size_t enough = 5;
    std::vector<std::string> names;
    for (const Key &key : keys)
        if (std::ranges::find(names, key.principal) == names.end())
            names.push_back(key.principal);
    std::string text;
    for (std::size_t index = 0; index < std::min(names.size(), enough); ++index)
        text += (index == 0 ? "" : ", ") + names[index];
    if (names.size() > enough)
        text += " and " + std::to_string(names.size() - enough) + " more";
    return text;
}

/// The version of the newest key of a principal; 0 if it cannot be read.
unsigned newest_version(const Context &context, const KeytabIdentity &identity) {
    unsigned newest = 0;
    try {
        const auto keytab = open_keytab(context, identity.keytab);
        for (const Key &key : keys_of(context, keytab.get()))
            if (key.principal == identity.principal)
                newest = std::max(newest, key.version);
    } catch (const Problem &) {
        return 0;
    }
    return newest;
}

/// Owns a ticket's contents.
class Contents {
  public:
    explicit Contents(const Context &context) : context_(context) {}
    Contents(const Contents &) = delete;
    Contents &operator=(const Contents &) = delete;
    Contents(Contents &&) = delete;
    Contents &operator=(Contents &&) = delete;
    ~Contents() { krb5_free_cred_contents(context_.get(), &ticket_); }

    krb5_creds *get() noexcept { return &ticket_; }
    const krb5_ticket_times &times() const noexcept { return ticket_.times; }

  private:
    const Context &context_;
    krb5_creds ticket_{};
};

/// Gets the ticket; the cache is filled only when it has arrived.
Contents &ask(const MemoryCache &cache, const KeytabIdentity &identity, Contents &ticket) {
    const Context &context = cache.context();
    const auto client = make<krb5_principal>(context, krb5_parse_name, identity.principal.c_str());
    const auto keytab = open_keytab(context, identity.keytab);
    const auto options = make<krb5_get_init_creds_opt *>(context, krb5_get_init_creds_opt_alloc);
    context.check(
        krb5_get_init_creds_opt_set_out_ccache(context.get(), options.get(), cache.get()));
    context.check(krb5_get_init_creds_keytab(context.get(), ticket.get(), client.get(),
                                             keytab.get(), 0, nullptr, options.get()));
    return ticket;
}

/// True if the KDC did not accept the keytab's key.
bool wrong_key(krb5_error_code code) {
    return code == KRB5KDC_ERR_PREAUTH_FAILED || code == KRB5KRB_AP_ERR_BAD_INTEGRITY;
}

Error no_ticket(const Context &context, const KeytabIdentity &identity, const Problem &problem) {
    std::string with = "the keytab " + identity.keytab;
    Diagnosis why = explain_request(problem.code(), identity);
    if (wrong_key(problem.code())) {
        if (const unsigned version = newest_version(context, identity); version != 0)
            with = "key version " + std::to_string(version) + " of " + with;
    }
    return Error(why.kind.value_or(ErrorKind::ticket), "cannot get a ticket for " +
                                                           identity.principal + " with " + with +
                                                           ": " + problem.what())
        .with_hint(std::move(why.hint));
}

} // namespace

std::string keytab_name(const std::optional<std::string> &name) {
    if (name)
        return absolute_name(*name);
    const InLibrary call;
    try {
        const Context context;
        return absolute_name(full_name(context, open_keytab(context, name).get()));
    } catch (const Problem &problem) {
        throw Error(ErrorKind::ticket,
                    "cannot find the default client keytab: " + std::string(problem.what()));
    }
}

KeytabIdentity read_keytab(const std::optional<std::string> &name,
                           const std::optional<std::string> &principal) {
    const InLibrary call;
    std::string shown = name.value_or("(the default client keytab)");
    try {
        const Context context;
        const auto keytab = open_keytab(context, name);
        shown = absolute_name(full_name(context, keytab.get()));
        const auto keys = keys_of(context, keytab.get());
        if (keys.empty())
            throw Error(ErrorKind::ticket, "the keytab " + shown + " has no key")
                .with_hint("Export a key into it (kadmin: ktadd).");
        if (!principal)
            return {.keytab = shown, .principal = keys.front().principal};
        const auto parsed = make<krb5_principal>(context, krb5_parse_name, principal->c_str());
        const std::string wanted = to_text(context, parsed.get());
        if (std::ranges::find(keys, wanted, &Key::principal) == keys.end())
            throw Error(ErrorKind::ticket, "the keytab " + shown + " has no key of " + wanted)
                .with_hint("It has keys of " + owners(keys) +
                           "; principal= is here the client's, whose keys it must hold.");
        return {.keytab = shown, .principal = wanted};
    } catch (const Problem &problem) {
        const std::string failure = "cannot read the keytab " + shown + ": " + problem.what();
        if (out_of_descriptors())
            throw Error(ErrorKind::local, failure).with_hint(hints::no_descriptors());
        throw Error(ErrorKind::ticket, failure);
    }
}

Ticket get_ticket(const KeytabIdentity &identity, Delay &delay) {
    const InLibrary call;
    try {
        auto cache = std::make_unique<MemoryCache>();
        const Context &context = cache->context();
        Contents contents(context);
        try {
            delay.at(hints::locked_keytab(identity.keytab));
            keys_of(context, open_keytab(context, identity.keytab).get());
            delay.at(hints::kdc_silent(context, hints::realm_of(identity.principal)));
            ask(*cache, identity, contents);
        } catch (const Problem &problem) {
            throw no_ticket(context, identity, problem);
        }
        const krb5_ticket_times times = contents.times();
        const long offset = context.clock_offset();
        const krb5_timestamp starts = times.starttime != 0 ? times.starttime : times.authtime;
        const std::time_t expires = to_seconds(times.endtime) - offset;
        return {.lease = std::make_shared<Lease>(std::move(cache), identity.principal, expires),
                .starts = to_seconds(starts) - offset,
                .expires = expires};
    } catch (const Problem &problem) {
        throw Error(ErrorKind::local, "cannot make a ticket cache: " + std::string(problem.what()));
    }
}

} // namespace pyremctl
