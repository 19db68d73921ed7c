#include "credentials/ticket_file.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "credentials/cache_cursor.hpp"
#include "credentials/kerberos.hpp"
#include "handle/leaving.hpp"
#include "transport/error.hpp"
#include "transport/process.hpp"

namespace pyremctl {

namespace {

/// Creates a directory with mode 0700.
std::string make_folder() {
    const char *place = ::secure_getenv("TMPDIR");
    std::string folder = place != nullptr && *place == '/' ? place : "/tmp";
    folder += "/remctl-tickets-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr)
        throw Error(ErrorKind::local,
                    "cannot make a folder for tickets, " + folder + ": " + std::strerror(errno));
    return folder;
}

void copy(const std::string &from, const std::string &into) {
    using namespace kerberos;
    const InLibrary call;
    const Context context;
    const auto source = make<krb5_ccache>(context, krb5_cc_resolve, from.c_str());
    const auto target = make<krb5_ccache>(context, krb5_cc_resolve, into.c_str());
    const auto client = make<krb5_principal>(context, krb5_cc_get_principal, source.get());
    context.check(krb5_cc_initialize(context.get(), target.get(), client.get()));
    Tickets tickets(context, source.get());
    while (const krb5_creds *ticket = tickets.next())
        context.check(krb5_cc_store_cred(context.get(), target.get(),
                                         const_cast<krb5_creds *>(ticket))); // NOLINT(*-const-cast)
}

} // namespace

TicketFile::TicketFile() : generation_(fork_generation()), folder_(make_folder()) {}

void TicketFile::write(const Lease &lease) {
    /// If remove() was called meanwhile, removes the files when write() ends, however
    /// it ends.
    class Removal {
      public:
        explicit Removal(TicketFile &file) noexcept : file_(file) {}
        Removal(const Removal &) = delete;
        Removal &operator=(const Removal &) = delete;
        Removal(Removal &&) = delete;
        Removal &operator=(Removal &&) = delete;
        ~Removal() {
            if (file_.removed_)
                file_.unlink_all();
        }

      private:
        TicketFile &file_;
    };
    const Removal removal(*this); // runs after the lock is released
    const std::scoped_lock lock(mutex_);
    if (!removed_)
        replace(lease);
}

void TicketFile::replace(const Lease &lease) {
    const std::string fresh = path("new");
    try {
        copy(lease.name(), "FILE:" + fresh);
    } catch (const kerberos::Problem &problem) {
        throw Error(ErrorKind::local,
                    "cannot write tickets to " + fresh + ": " + std::string(problem.what()));
    }
    if (::rename(fresh.c_str(), path("cache").c_str()) != 0)
        throw Error(ErrorKind::local,
                    "cannot write tickets to " + path("cache") + ": " + std::strerror(errno));
}

void TicketFile::remove() noexcept {
    if (generation_ != fork_generation() || removed_.exchange(true))
        return;
    if (const std::unique_lock lock(mutex_, std::try_to_lock); lock)
        unlink_all();
}

/// May be called twice: no one else uses the directory's name.
void TicketFile::unlink_all() noexcept {
    for (const char *file : {"new", "cache"})
        ::unlink(path(file).c_str());
    ::rmdir(folder_.c_str());
}

} // namespace pyremctl
