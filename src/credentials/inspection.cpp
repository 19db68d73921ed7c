#include "credentials/inspection.hpp"

#include <deque>
#include <string_view>
#include <utility>

#include "credentials/cache.hpp"
#include "credentials/cache_cursor.hpp"
#include "credentials/choice.hpp"
#include "credentials/hints.hpp"
#include "credentials/kerberos.hpp"
#include "handle/leaving.hpp"
#include "transport/process.hpp"
#include "transport/workers.hpp"

namespace pyremctl {

namespace {

using namespace kerberos;

/// The inspections that have not started, and the number of running threads.
class Queue {
  public:
    /// True if the caller must start a thread for them.
    bool push(const std::shared_ptr<Inspection> &inspection) {
        const StateLock lock(this);
        // The parent's threads do not exist in the child of a fork.
        if (std::exchange(generation_, fork_generation()) != fork_generation()) {
            waiting_.clear();
            threads_ = 0;
        }
        if (waiting_.size() >= many)
            std::erase_if(waiting_, [](const auto &one) { return one.expired(); });
        waiting_.push_back(inspection);
        if (threads_ == most)
            return false;
        ++threads_;
        return true;
    }

    /// The next inspection that a call still waits for; null if the thread must end.
    std::shared_ptr<Inspection> next() noexcept {
        const StateLock lock(this);
        while (!waiting_.empty()) {
            auto inspection = waiting_.front().lock();
            waiting_.pop_front();
            if (inspection)
                return inspection;
        }
        --threads_;
        return nullptr;
    }

    void thread_failed() noexcept {
        const StateLock lock(this);
        --threads_;
    }

  private:
    static constexpr int most = 8; // threads
    static constexpr std::size_t many = 64;

    std::deque<std::weak_ptr<Inspection>> waiting_;
    int threads_ = 0;
    unsigned generation_ = fork_generation();
};

Queue &queue() noexcept { return immortal<Queue>(); }

/// Whether the cache has a valid ticket for the server.
bool has_service_ticket(const Context &context, krb5_ccache cache, krb5_principal client,
                        krb5_principal server) {
    krb5_creds wanted{};
    wanted.client = client;
    wanted.server = server;
    krb5_creds *found = nullptr;
    if (krb5_get_credentials(context.get(), KRB5_GC_CACHED, cache, &wanted, &found) != 0)
        return false;
    krb5_free_creds(context.get(), found);
    return true;
}

/// Whether the cache has a ticket-granting ticket for another realm.
bool reaches_realm(const Context &context, krb5_ccache cache, const std::string &realm) {
    Tickets tickets(context, cache);
    while (const krb5_creds *ticket = tickets.next())
        if (to_text(context, ticket->server).starts_with("krbtgt/" + realm + "@"))
            return true;
    return false;
}

} // namespace

std::shared_ptr<Inspection> Inspection::start(Attempt attempt, std::shared_ptr<Waker> waker) {
    auto inspection = std::make_shared<Inspection>(std::move(attempt), std::move(waker));
    if (!queue().push(inspection))
        return inspection;
    try {
        workers::run([] {
            while (const auto next = queue().next())
                next->run();
        });
    } catch (...) {
        queue().thread_failed();
        throw;
    }
    return inspection;
}

void Inspection::run() noexcept {
    try {
        const InLibrary call;
        look();
    } catch (const std::exception &) {
        delay_.at(""); // the open fails with this error and reports it itself
    }
    done_.store(true, std::memory_order_release);
    waker_->wake();
}

void Inspection::look() {
    const Context context;
    std::string name = attempt_.cache().value_or(krb5_cc_default_name(context.get()));
    delay_.at(hints::locked_cache(name));
    if (!attempt_.ccache && attempt_.chosen->get().empty())
        name = foresee(attempt_.default_cache, attempt_.host, attempt_.principal).cache;
    if (look_at(name).state != CacheFacts::State::ticket) {
        const auto keytab = make<krb5_keytab>(context, krb5_kt_client_default);
        delay_.at(hints::locked_keytab(full_name(context, keytab.get())));
        ask(context, hints::realm_of(read_keytab(std::nullopt, std::nullopt).principal));
        return;
    }
    const auto cache = make<krb5_ccache>(context, krb5_cc_resolve, name.c_str());
    const auto client = make<krb5_principal>(context, krb5_cc_get_principal, cache.get());
    if (!attempt_.principal)
        delay_.at(hints::slow_name_service(attempt_.host));
    const auto server =
        attempt_.principal
            ? make<krb5_principal>(context, krb5_parse_name, attempt_.principal->c_str())
            : make<krb5_principal>(context, krb5_sname_to_principal, attempt_.host.c_str(), "host",
                                   KRB5_NT_SRV_HST);
    delay_.at(hints::locked_cache(name));
    has_ticket_ = has_service_ticket(context, cache.get(), client.get(), server.get());
    if (has_ticket_) {
        delay_.at("");
        return;
    }
    const std::string own = hints::realm_of(to_text(context, client.get()));
    const std::string theirs = hints::realm_of(to_text(context, server.get()));
    ask(context, reaches_realm(context, cache.get(), theirs) ? theirs : own);
}

/// The last step: the KDC of the realm.
void Inspection::ask(const Context &context, const std::string &realm) {
    realm_ = realm;
    if (const auto names = hints::named_kdcs(context, realm); !names.empty()) {
        delay_.at(hints::kdc_names_slow(realm, names));
        if (!hints::any_resolves(names)) {
            delay_.at(hints::kdc_unresolved(context, realm));
            return;
        }
    }
    delay_.at(hints::kdc_silent(context, realm));
}

} // namespace pyremctl
