#include "credentials/choice.hpp"

#include <gssapi/gssapi.h>
#include <unistd.h>

#include <profile.h>

#include <array>
#include <utility>

#include "credentials/cache.hpp"
#include "credentials/kerberos.hpp"
#include "handle/leaving.hpp"
#include "transport/error.hpp"

namespace pyremctl {

namespace {

using namespace kerberos;

/// Whether krb5.conf names a ccselect plugin.
bool has_plugins(const Context &context) {
    profile_t profile = nullptr;
    if (krb5_get_profile(context.get(), &profile) != 0)
        return false;
    const std::array<const char *, 4> path = {"plugins", "ccselect", "module", nullptr};
    char **values = nullptr;
    const bool found = profile_get_values(profile, path.data(), &values) == 0;
    if (found)
        profile_free_list(values);
    profile_release(profile);
    return found;
}

/// The principals of the client keytab; null if there is no such keytab.
class ClientKeytab {
  public:
    explicit ClientKeytab(const Context &context) : context_(context) {
        krb5_keytab keytab = nullptr;
        if (krb5_kt_client_default(context.get(), &keytab) == 0)
            keytab_ = Keytab(keytab, Release{context.get()});
    }

    bool has_key_of(krb5_const_principal client) const {
        krb5_keytab_entry entry{};
        if (!keytab_ || krb5_kt_get_entry(context_.get(), keytab_.get(), client, 0, 0, &entry) != 0)
            return false;
        krb5_free_keytab_entry_contents(context_.get(), &entry);
        return true;
    }

    bool has_content() const {
        return keytab_ && krb5_kt_have_content(context_.get(), keytab_.get()) == 0;
    }

    /// The principal of the first key; null if there is none.
    Principal first() const {
        if (!has_content())
            return nullptr;
        krb5_kt_cursor cursor = nullptr;
        if (krb5_kt_start_seq_get(context_.get(), keytab_.get(), &cursor) != 0)
            return nullptr;
        krb5_keytab_entry entry{};
        krb5_principal client = nullptr;
        if (krb5_kt_next_entry(context_.get(), keytab_.get(), &entry, &cursor) == 0) {
            krb5_copy_principal(context_.get(), entry.principal, &client);
            krb5_free_keytab_entry_contents(context_.get(), &entry);
        }
        krb5_kt_end_seq_get(context_.get(), keytab_.get(), &cursor);
        return Principal(client, Release{context_.get()});
    }

  private:
    const Context &context_;
    Keytab keytab_;
};

/// Fills in a choice from the facts about its cache.
Choice of(const CacheFacts &facts, Choice choice) {
    choice.principal = facts.principal;
    if (facts.state == CacheFacts::State::ticket)
        choice.expires = facts.expires - facts.clock_offset;
    return choice;
}

/// Makes the choice, in a libkrb5 context.
class Chooser {
  public:
    Chooser(const DefaultCache &from, const std::string &host,
            const std::optional<std::string> &server, bool makes_caches)
        : from_(from), host_(host), server_(server), makes_caches_(makes_caches) {
        if (!from.name.empty())
            context_.check(krb5_cc_set_default_name(context_.get(), from.name.c_str()));
    }

    Choice choose() const {
        Choice choice = chosen();
        choice.context = owner_;
        return choice;
    }

  private:
    Choice chosen() const {
        if (!from_.of_thread) {
            number_ = caches_to_choose_from(context_);
            if (number_ > 1 || has_identities() || has_plugins(context_))
                if (auto choice = for_server())
                    return *std::move(choice);
        }
        return primary();
    }

    bool has_identities() const {
        return !from_.home.empty() && ::access((from_.home + "/.k5identity").c_str(), F_OK) == 0;
    }

    /// The server's principal, made like libgssapi makes it for libremctl.
    Principal server() const {
        if (server_)
            return make<krb5_principal>(context_, krb5_parse_name, server_->c_str());
        return make<krb5_principal>(context_, krb5_sname_to_principal, host_.c_str(), "host",
                                    KRB5_NT_SRV_HST);
    }

    /// The cache chosen for this server; nothing if no rule applies.
    std::optional<Choice> for_server() const {
        krb5_ccache cache = nullptr;
        krb5_principal client = nullptr;
        const auto name = server();
        const auto code = krb5_cc_select(context_.get(), name.get(), &cache, &client);
        const Cache chosen(cache, Release{context_.get()});
        const Principal chosen_client(client, Release{context_.get()});
        if (code != 0 && code != KRB5_CC_NOTFOUND)
            return failed(context_.words(code));
        if (chosen)
            return found(chosen.get(), true);
        if (chosen_client)
            return for_client(chosen_client.get(), true);
        return std::nullopt;
    }

    Choice failed(const std::string &words) const {
        Choice choice(from_.name);
        choice.failure = without_tickets(words);
        return choice;
    }

    Choice found(krb5_ccache cache, bool for_server) const {
        const CacheFacts facts = look_at(context_, cache);
        Choice choice = of(facts, Choice(facts.name));
        choice.for_server = for_server;
        return choice;
    }

    Choice primary() const {
        const CacheFacts facts = look_at_default();
        if (facts.principal)
            return of(facts, Choice(facts.name));
        Choice choice(from_.name);
        if (from_.of_thread)
            return choice;
        const ClientKeytab keytab(context_);
        const bool missing = facts.state == CacheFacts::State::missing;
        if (const auto client = missing ? keytab.first() : nullptr)
            return for_client(client.get(), false);
        if (!keytab.has_content())
            choice.no_tickets = nothing(facts);
        return choice;
    }

    CacheFacts look_at_default() const {
        try {
            const auto cache = make<krb5_ccache>(context_, krb5_cc_default);
            return look_at(context_, cache.get());
        } catch (const Problem &problem) {
            CacheFacts facts;
            facts.state = CacheFacts::State::unreadable;
            facts.problem = problem.what();
            return facts;
        }
    }

    /// The library's text if no cache can be used. If there is a broken cache, the
    /// library is not asked, because it would run into it (see choose()).
    std::string nothing(const CacheFacts &facts) const {
        if (number_ == 0)
            return context_.words(krb5_cccol_have_content(context_.get()));
        return "No Kerberos credentials available: " + facts.problem;
    }

    /// A cache with this client's tickets, or one that will be filled from the client
    /// keytab. If there is no client name, libgssapi uses the keytab's first principal.
    Choice for_client(krb5_principal client, bool for_server) const {
        krb5_ccache match = nullptr;
        const auto code = krb5_cc_cache_match(context_.get(), client, &match);
        if (code == 0)
            return found(Cache(match, Release{context_.get()}).get(), for_server);
        Choice none = failed(context_.words(code));
        if (code != KRB5_CC_NOTFOUND || !ClientKeytab(context_).has_key_of(client))
            return none;
        Choice choice("");
        choice.principal = to_text(context_, client);
        choice.for_server = for_server;
        const auto standard = make<krb5_ccache>(context_, krb5_cc_default);
        const char *type = krb5_cc_get_type(context_.get(), standard.get());
        if (krb5_cc_support_switch(context_.get(), type) != 0) {
            if (makes_caches_)
                choice.cache = fresh(type, client);
        } else if (look_at(context_, standard.get()).state == CacheFacts::State::missing) {
            if (for_server && makes_caches_)
                context_.check(krb5_cc_initialize(context_.get(), standard.get(), client));
            choice.cache = full_name(context_, standard.get());
        } else {
            return none;
        }
        return choice;
    }

    std::string fresh(const char *type, krb5_principal client) const {
        const auto cache = make<krb5_ccache>(context_, krb5_cc_new_unique, type, nullptr);
        context_.check(krb5_cc_initialize(context_.get(), cache.get(), client));
        return full_name(context_, cache.get());
    }

    const std::shared_ptr<const Context> owner_ = std::make_shared<const Context>();
    const Context &context_ = *owner_;
    const DefaultCache &from_;
    const std::string &host_;
    const std::optional<std::string> &server_;
    const bool makes_caches_;
    mutable int number_ = 0;
};

Choice choose(const DefaultCache &from, const std::string &host,
              const std::optional<std::string> &server, bool makes_caches) {
    const InLibrary call;
    try {
        return Chooser(from, host, server, makes_caches).choose();
    } catch (const Problem &) {
        // The library reports the error itself, for the cache that it would use.
        return Choice(from.name);
    }
}

} // namespace

Choice choose(const DefaultCache &from, const std::string &host,
              const std::optional<std::string> &server) {
    return choose(from, host, server, true);
}

Choice foresee(const DefaultCache &from, const std::string &host,
               const std::optional<std::string> &server) {
    return choose(from, host, server, false);
}

Choice look_into(const std::string &cache) { return read_again(Choice(cache)); }

Choice read_again(const Choice &choice) {
    const InLibrary call;
    Choice now(choice.cache);
    try {
        now.context = choice.context ? choice.context : std::make_shared<const Context>();
    } catch (const Problem &) {
        return now; // the library reports the error itself
    }
    now.for_server = choice.for_server;
    const CacheFacts facts = look_at(*now.context, choice.cache);
    return of(facts, std::move(now));
}

std::string without_tickets(const std::string &words) {
    OM_uint32 minor = 0;
    OM_uint32 more = 0;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    std::string major = "no credentials";
    if (gss_display_status(&minor, GSS_S_NO_CRED, GSS_C_GSS_CODE, GSS_C_NO_OID, &more, &text) ==
        GSS_S_COMPLETE)
        major.assign(static_cast<const char *>(text.value), text.length);
    gss_release_buffer(&minor, &text);
    return "GSS-API error initializing context: " + major + ", " + words;
}

} // namespace pyremctl
