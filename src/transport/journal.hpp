// A record of what happens, for the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pyremctl::journal {

/// What an entry is about; each has a log of its own.
enum class Topic { connections, credentials, pools };

/// What an entry says, for machines; without a value where it does not say it.
struct Facts {
    std::optional<std::string> host;
    std::optional<std::uint16_t> port;
    std::optional<std::uint64_t> connection; ///< its number in this process
    std::optional<std::string> command;      ///< the words that it may be called by
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

/// Says whether entries about a topic are wanted, from now on and in all
/// threads. Every call checks at its start whether anybody listens.
void keep(Topic topic, bool wants) noexcept;

/// True where they are wanted, and this thread is not deaf.
bool kept(Topic topic) noexcept;

/// Adds to the entries of this thread.
void add(Topic topic, std::string text, Facts facts = {});

/// True when this thread has no entries.
bool empty() noexcept;

/// Takes this thread's entries, in the order in which they were made. A verb
/// runs in the thread of its driver, so that they are those of its calls.
std::vector<Entry> take() noexcept;

/// Adds what `make` gives, where it is wanted: a text, and the facts that it
/// fills in. An entry for which there is no memory is not made.
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

/// While it lives this thread adds nothing: it is at work for the log itself.
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

/// Entries of a helper thread, to which nobody listens, for the next caller.
class Overheard {
  public:
    /// Takes the entries of this thread; those beyond a thousand are lost.
    void overhear() noexcept;

    /// Adds them to the entries of this thread.
    void retell() noexcept;

  private:
    std::vector<Entry> entries_; // guarded by StateLock(this)
};

} // namespace pyremctl::journal
