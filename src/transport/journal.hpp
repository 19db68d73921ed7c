// A record of what happens, for the log.
#pragma once

#include <new>
#include <string>
#include <utility>
#include <vector>

namespace pyremctl::journal {

/// What an entry is about; each has a log of its own.
enum class Topic { connections, credentials, pools };

struct Entry {
    Topic topic;
    std::string text;
};

/// Says whether entries about a topic are wanted, from now on and in all
/// threads. Every call checks at its start whether anybody listens.
void keep(Topic topic, bool wants) noexcept;

/// True where they are wanted, and this thread is not deaf.
bool kept(Topic topic) noexcept;

/// Adds to the entries of this thread.
void add(Topic topic, std::string text);

/// True when this thread has no entries.
bool empty() noexcept;

/// Takes this thread's entries, in the order in which they were made. A verb
/// runs in the thread of its driver, so that they are those of its calls.
std::vector<Entry> take() noexcept;

/// Adds what `make` gives, where it is wanted. An entry for which there is no
/// memory is not made.
template <class Make> void note(Topic topic, Make make) noexcept {
    if (!kept(topic))
        return;
    try {
        add(topic, make());
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

} // namespace pyremctl::journal
