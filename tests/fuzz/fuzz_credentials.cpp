// What is read from files that others write: ticket caches, collections of them,
// .k5identity and keytabs. Each must be read, or be an error, and each function must
// give the same facts about a cache.
//
// $KRB5CCNAME and $KRB5_KTNAME are good ones, as `scripts/dev fuzz` has them: an input
// says what is changed in them, or is all of the file.
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "credentials/cache.hpp"
#include "credentials/choice.hpp"
#include "credentials/explain.hpp"
#include "credentials/keytab.hpp"
#include "credentials/service_ticket.hpp"
#include "input.hpp"
#include "transport/error.hpp"

using namespace pyremctl;
using namespace pyremctl::fuzz;
namespace fs = std::filesystem;

namespace {

std::string content(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path &path, const std::string &bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// The file that a variable names.
std::string named_by(const char *variable) {
    const char *value = std::getenv(variable);
    require(value != nullptr, "there is a cache and a keytab to change");
    std::string name(value);
    if (name.starts_with("FILE:"))
        name.erase(0, 5);
    std::string bytes = content(name);
    require(!bytes.empty(), "the cache and the keytab have content");
    return bytes;
}

/// A folder of this process, with all that is read.
class Folder {
  public:
    Folder() {
        path_ = fs::temp_directory_path() / ("fuzz-credentials-" + std::to_string(::getpid()));
        fs::create_directories(path_ / "collection");
        ::setenv("HOME", path_.c_str(), 1);
        ::unsetenv("KRB5_CLIENT_KTNAME");
    }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
    Folder(Folder &&) = delete;
    Folder &operator=(Folder &&) = delete;
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }

    const fs::path &path() const { return path_; }

  private:
    fs::path path_;
};

/// A good file with a few changes, or other bytes.
std::string changed(std::string bytes, Input &input) {
    if (input.below(8) == 0)
        return input.bytes(400);
    for (std::size_t changes = 1 + input.below(6); changes > 0; --changes) {
        const std::size_t where = input.below(bytes.size() + 1);
        switch (input.below(5)) {
        case 0:
            bytes.resize(where);
            break;
        case 1:
            bytes.insert(where, input.bytes(8));
            break;
        case 2:
            bytes.erase(where, input.below(64));
            break;
        default:
            if (where < bytes.size())
                bytes[where] = static_cast<char>(input.byte());
        }
    }
    return bytes;
}

bool one_line(const std::string &text) { return text.find('\n') == std::string::npos; }

/// `failure`: what an open says that fails.
void look_from_all_sides(const DefaultCache &from, const Attempt &attempt, const char *failure) {
    const CacheFacts facts = look_at(from.name);
    const bool read = facts.state >= CacheFacts::State::no_ticket;
    require(!read || facts.principal, "a cache that is read has a principal");
    require(read == facts.problem.empty(), "one that is not read has a reason");
    const Choice choice = foresee(from, attempt.host, attempt.principal);
    if (!choice.for_server && choice.failure.empty() && choice.principal)
        require(choice.principal == facts.principal, "the cache that is chosen is that one");
    const Choice named = look_into(from.name);
    require(named.principal == facts.principal, "a cache that is named is the same");
    const Diagnosis why = explain(failure, attempt);
    require(one_line(why.hint), "a hint is one sentence");
}

void read_caches(const Folder &folder, const std::string &good, Input &input) {
    const fs::path collection = folder.path() / "collection";
    const bool several = input.below(2) == 0;
    DefaultCache from;
    from.home = folder.path();
    if (several) {
        write(collection / "tkt", changed(good, input));
        write(collection / "tktother", input.below(2) == 0 ? good : changed(good, input));
        write(collection / "primary", input.below(2) == 0 ? "tkt\n" : input.bytes(40));
        from.name = "DIR:" + collection.string();
    } else {
        const fs::path cache = folder.path() / "cache";
        write(cache, changed(good, input));
        from.name = "FILE:" + cache.string();
    }
    const fs::path identities = folder.path() / ".k5identity";
    if (input.below(4) == 0)
        write(identities, input.bytes(200));
    else
        fs::remove(identities);
    Attempt attempt{.host = "localhost",
                    .principal = std::getenv("FUZZ_PRINCIPAL"),
                    .ccache = std::nullopt,
                    .default_cache = from};
    static constexpr std::array failures = {
        "Ticket expired", "Server not found in Kerberos database", "No credentials were supplied",
        "Clock skew too great", "Request ticket server HTTP/web kvno 3 not found in keytab"};
    const char *failure = failures.at(input.below(failures.size()));
    look_from_all_sides(from, attempt, failure);
    if (!several && input.below(2) == 0) {
        forget_service_ticket(from.name, attempt);
        look_from_all_sides(from, attempt, failure); // as it is now
    }
}

void read_keytabs(const Folder &folder, const std::string &good, Input &input) {
    const fs::path keytab = folder.path() / "keytab";
    write(keytab, changed(good, input));
    std::optional<std::string> principal;
    if (input.below(2) == 0)
        principal = input.bytes(60);
    try {
        const KeytabIdentity identity = read_keytab(keytab.string(), principal);
        require(identity.keytab == "FILE:" + keytab.string(), "a keytab has its type");
        require(identity.principal.find('@') != std::string::npos, "a principal has its realm");
        require(one_line(explain_request(-1765328378, identity).hint), "a hint is one sentence");
    } catch (const Error &error) {
        require(*error.what() != '\0', "an error has a text");
    }
}

} // namespace

/// What libkrb5 loses of a damaged file is its own.
extern "C" const char *__lsan_default_suppressions() { return "leak:libkrb5.so\n"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static const std::string cache = named_by("KRB5CCNAME");
    static const std::string keytab = named_by("KRB5_KTNAME");
    static const Folder folder;
    Input input(data, size);
    if (input.below(3) == 0)
        read_keytabs(folder, keytab, input);
    else
        read_caches(folder, cache, input);
    return 0;
}
