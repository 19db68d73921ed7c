// Cleans up after a verb that ends early.
#pragma once

#include "connection/connection.hpp"

namespace pyremctl {

/// Drops the connection unless the verb has completed.
class Connection::DropGuard {
  public:
    explicit DropGuard(Connection &connection) noexcept : connection_(&connection) {}
    DropGuard(const DropGuard &) = delete;
    DropGuard &operator=(const DropGuard &) = delete;
    DropGuard(DropGuard &&) = delete;
    DropGuard &operator=(DropGuard &&) = delete;
    ~DropGuard() {
        if (connection_ != nullptr)
            connection_->drop();
    }
    void dismiss() noexcept { connection_ = nullptr; }

  private:
    Connection *connection_;
};

} // namespace pyremctl
