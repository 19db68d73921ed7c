// Tickets for child processes, renewed for as long as they are lent.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "credentials/credentials.hpp"
#include "credentials/ticket_file.hpp"
#include "transport/call.hpp"
#include "transport/journal.hpp"
#include "transport/shared_only.hpp"
#include "transport/task.hpp"
#include "transport/waker.hpp"

namespace pyremctl {

/// A ticket cache that other programs can use: a file of ours, which a helper
/// thread replaces when the ticket is renewed, or the user's own cache.
class LentTickets : public SharedOnly {
  public:
    LentTickets(std::shared_ptr<Credentials> credentials, std::string name,
                std::unique_ptr<TicketFile> file)
        : credentials_(std::move(credentials)), name_(std::move(name)), file_(std::move(file)) {}

    /// For $KRB5CCNAME.
    const std::string &name() const noexcept { return name_; }

    /// The log entries of the helper thread, for the next caller to log.
    journal::Overheard &overheard() noexcept { return overheard_; }

    /// Removes the file and stops renewing, without waiting. Returns the error of the
    /// last renewal, or nothing.
    std::optional<Error> end() noexcept;

    /// Run by the helper thread: copies each renewed ticket to the file, until end().
    static Task<void> keep(std::shared_ptr<LentTickets> lent, std::shared_ptr<Lease> present,
                           Call &call);

  private:
    bool start_waiting(const std::shared_ptr<Waker> &waker);
    void note_result(std::optional<Error> failure) noexcept;

    const std::shared_ptr<Credentials> credentials_;
    const std::string name_;
    const std::unique_ptr<TicketFile> file_; // null for the user's own cache
    // Guarded by StateLock(this):
    bool ended_ = false;
    std::shared_ptr<Waker> waker_; // of the helper thread
    std::optional<Error> failure_; // of the last renewal
    journal::Overheard overheard_;
};

/// Gets a ticket, writes it to a file, and starts the helper thread. If the credentials
/// are a cache of the user's that other programs can open, only its name is passed on.
/// Throws Error.
Task<std::shared_ptr<LentTickets>> lend_tickets(std::shared_ptr<Credentials> credentials,
                                                Call &call);

} // namespace pyremctl
