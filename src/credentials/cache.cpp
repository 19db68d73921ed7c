#include "credentials/cache.hpp"

#include <cerrno>

#include "credentials/cache_cursor.hpp"
#include "credentials/kerberos.hpp"
#include "handle/leaving.hpp"

namespace pyremctl {

namespace {

using namespace kerberos;

/// The ticket-granting ticket of the client's own realm.
Principal ticket_granting(const Context &context, krb5_const_principal client) {
    const krb5_data *realm = krb5_princ_realm(context.get(), client);
    krb5_principal server = nullptr;
    context.check(krb5_build_principal_ext(context.get(), &server, realm->length, realm->data,
                                           KRB5_TGS_NAME_SIZE, KRB5_TGS_NAME, realm->length,
                                           realm->data, 0));
    return Principal(server, Release{context.get()});
}

void read_tickets(const Context &context, krb5_ccache cache, CacheFacts &facts) {
    const auto client = make<krb5_principal>(context, krb5_cc_get_principal, cache);
    facts.principal = to_text(context, client.get());
    facts.clock_offset = context.clock_offset();
    facts.state = CacheFacts::State::no_ticket;
    const auto granting = ticket_granting(context, client.get());
    Tickets tickets(context, cache);
    while (const krb5_creds *ticket = tickets.next()) {
        const bool first =
            krb5_principal_compare(context.get(), ticket->server, granting.get()) != 0;
        const long expires = to_seconds(ticket->times.endtime);
        // Without a ticket-granting ticket, the one that lasts longest counts.
        if (!first && expires <= facts.expires)
            continue;
        facts.state = CacheFacts::State::ticket;
        const krb5_ticket_times &times = ticket->times;
        facts.starts = to_seconds(times.starttime != 0 ? times.starttime : times.authtime);
        facts.expires = expires;
        facts.granting = first;
        facts.postdated = (ticket->ticket_flags & TKT_FLG_INVALID) != 0;
        if (first)
            return;
    }
}

bool nothing_there(krb5_error_code code) {
    return code == KRB5_FCC_NOFILE || code == KRB5_CC_NOTFOUND || code == ENOENT;
}

void fail(CacheFacts &facts, const Problem &problem) {
    facts.state =
        nothing_there(problem.code()) ? CacheFacts::State::missing : CacheFacts::State::unreadable;
    facts.problem = problem.what();
    facts.impossible = problem.code() == KRB5_CC_UNKNOWN_TYPE || problem.code() == KRB5_CC_BADNAME;
}

} // namespace

CacheFacts look_at(const Context &context, krb5_ccache cache) {
    CacheFacts facts;
    try {
        facts.name = full_name(context, cache);
        read_tickets(context, cache, facts);
    } catch (const Problem &problem) {
        fail(facts, problem);
    }
    return facts;
}

CacheFacts look_at(const Context &context, const std::string &name) {
    CacheFacts facts;
    facts.name = name;
    try {
        const auto cache = make<krb5_ccache>(context, krb5_cc_resolve, name.c_str());
        return look_at(context, cache.get());
    } catch (const Problem &problem) {
        fail(facts, problem);
    }
    return facts;
}

CacheFacts look_at(const std::optional<std::string> &name) {
    const InLibrary call;
    CacheFacts facts;
    facts.name = name.value_or("");
    try {
        const Context context;
        return look_at(context, name ? *name : krb5_cc_default_name(context.get()));
    } catch (const Problem &problem) {
        fail(facts, problem);
    }
    return facts;
}

} // namespace pyremctl
