// Collects entries for the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pyremctl::journal {

/// The topic of an entry; each has its own logger.
enum class Topic { connections, credentials, pools };

/// An entry's facts in a machine-readable form. A fact that the entry does not have is
/// empty.
struct Facts {
    std::optional<std::string> host;
    std::optional<std::uint16_t> port;
    std::optional<std::uint64_t> connection; ///< its number in this process
    std::optional<std::string> command;      ///< its name, as the log may show it
    std::optional<double> seconds;           ///< how long it took
    std::optional<std::size_t> bytes;        ///< of arguments, or of output
    std::optional<int> status;               ///< exit status
    std::optional<std::string> kind;         ///< of a failure
};

struct Entry {
    Topic topic;
    std::string text;
    Facts facts;
};

/// Turns the entries about a topic on or off, in all threads. Every call checks at its
/// start whether the topic's logger is enabled.
void keep(Topic topic, bool wants) noexcept;

/// True if they are turned on, and this thread is not deaf.
bool kept(Topic topic) noexcept;

/// Adds to the entries of this thread.
void add(Topic topic, std::string text, Facts facts = {});

/// True if this thread has no entries.
bool empty() noexcept;

/// Removes and returns this thread's entries, in order. They are those of the calls
/// that this thread drives, because a verb runs in the thread of its driver.
std::vector<Entry> take() noexcept;

/// If the topic is on, calls `make` for the text, which also fills in the facts, and
/// adds the entry. If memory runs out, there is no entry.
template <class Make> void note(Topic topic, Make make) noexcept {
    if (!kept(topic))
        return;
    try {
        Facts facts;
        std::string text = make(facts);
        add(topic, std::move(text), std::move(facts));
    } catch (const std::bad_alloc &) { // NOLINT(bugprone-empty-catch)
    }
}

/// While it lives, this thread adds no entries, because it is running a log handler.
class Deaf {
  public:
    Deaf() noexcept;
    Deaf(const Deaf &) = delete;
    Deaf &operator=(const Deaf &) = delete;
    Deaf(Deaf &&) = delete;
    Deaf &operator=(Deaf &&) = delete;
    ~Deaf();

  private:
    bool before_;
};

/// True while this thread has a Deaf.
bool deaf() noexcept;

/// Entries of a helper thread, kept for the next caller to log.
class Overheard {
  public:
    /// Takes this thread's entries; it keeps at most a thousand.
    void overhear() noexcept;

    /// Adds the kept entries to those of this thread.
    void retell() noexcept;

  private:
    std::vector<Entry> entries_; // guarded by StateLock(this)
};

} // namespace pyremctl::journal
