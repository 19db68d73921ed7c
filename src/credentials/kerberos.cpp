#include "credentials/kerberos.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "transport/error.hpp"

namespace pyremctl::kerberos {

namespace {

// Longer prefixes come first: DIR::PATH names one file of a collection.
constexpr std::array<std::string_view, 4> types_with_paths = {"FILE:", "WRFILE:", "DIR::", "DIR:"};

std::string words_of(krb5_context context, krb5_error_code code) {
    const char *words = krb5_get_error_message(context, code);
    std::string text(words);
    krb5_free_error_message(context, words);
    return text;
}

/// Iterates over libkrb5's cache collection, in its order.
class Collection {
  public:
    explicit Collection(const Context &context) : context_(context) {
        context_.check(krb5_cccol_cursor_new(context_.get(), &cursor_));
    }
    Collection(const Collection &) = delete;
    Collection &operator=(const Collection &) = delete;
    Collection(Collection &&) = delete;
    Collection &operator=(Collection &&) = delete;
    ~Collection() { krb5_cccol_cursor_free(context_.get(), &cursor_); }

    /// The next one; null at the end.
    Cache next() { return make<krb5_ccache>(context_, krb5_cccol_cursor_next, cursor_); }

  private:
    const Context &context_;
    krb5_cccol_cursor cursor_ = nullptr;
};

/// A path as a cache name: one with colons needs a type in front.
std::string name_of_file(const std::string &path) {
    return (path.find(':') == std::string::npos ? "" : "FILE:") + path;
}

/// Whether the name begins with a type. libkrb5 takes a single letter for the
/// drive of a path.
bool has_type(const std::string &name) {
    const auto colon = name.find(':');
    const bool drive = colon == 1 && std::isalpha(static_cast<unsigned char>(name.front())) != 0;
    return colon != std::string::npos && !drive;
}

} // namespace

Context::Context() {
    krb5_context context = nullptr;
    const krb5_error_code code = krb5_init_context(&context);
    if (code != 0)
        throw Problem(code, words_of(nullptr, code));
    context_.reset(context);
}

std::string Context::words(krb5_error_code code) const { return words_of(get(), code); }

long Context::clock_offset() const {
    krb5_timestamp seconds = 0;
    krb5_int32 microseconds = 0;
    if (krb5_get_time_offsets(get(), &seconds, &microseconds) != 0)
        return 0;
    return seconds;
}

int caches_to_choose_from(const Context &context) {
    int number = 0;
    try {
        Collection caches(context);
        while (number < 2 && caches.next())
            ++number;
    } catch (const Problem &) { // NOLINT(bugprone-empty-catch)
        // A cache that cannot be read is not chosen.
    }
    return number;
}

std::string to_text(const Context &context, krb5_const_principal principal) {
    char *name = nullptr;
    context.check(krb5_unparse_name(context.get(), principal, &name));
    std::string text(name);
    krb5_free_unparsed_name(context.get(), name);
    return text;
}

std::string absolute_name(const std::string &name) {
    if (name.starts_with('/'))
        return name_of_file(name);
    std::string_view path = name;
    if (has_type(name)) {
        const auto typed = [&](const std::string_view type) { return name.starts_with(type); };
        const auto *const type = std::ranges::find_if(types_with_paths, typed);
        if (type == types_with_paths.end())
            return name;
        path.remove_prefix(type->size());
    }
    if (path.empty() || path.starts_with('/'))
        return name;
    std::error_code none;
    const std::string absolute = std::filesystem::absolute(path, none).string();
    if (none) // otherwise it would name a file in a later working directory
        throw Error(ErrorKind::local,
                    "cannot find the file " + name + ": this process's folder has been removed");
    const std::string type = name.substr(0, name.size() - path.size());
    return type.empty() ? name_of_file(absolute) : type + absolute;
}

std::string typed_name(const std::string &name) {
    const std::string absolute = absolute_name(name);
    return (absolute.find(':') == std::string::npos ? "FILE:" : "") + absolute;
}

std::string full_name(const Context &context, krb5_ccache cache) {
    char *name = nullptr;
    context.check(krb5_cc_get_full_name(context.get(), cache, &name));
    std::string text(name);
    krb5_free_string(context.get(), name);
    return text;
}

std::string full_name(const Context &context, krb5_keytab keytab) {
    std::array<char, 4096> name{};
    context.check(krb5_kt_get_name(context.get(), keytab, name.data(), name.size()));
    return name.data();
}

} // namespace pyremctl::kerberos
