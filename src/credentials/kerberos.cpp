#include "credentials/kerberos.hpp"

#include <array>
#include <new>

namespace pyremctl::kerberos {

namespace {

std::string words_of(krb5_context context, krb5_error_code code) {
    const char *words = krb5_get_error_message(context, code);
    std::string text(words);
    krb5_free_error_message(context, words);
    return text;
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

std::string to_text(const Context &context, krb5_const_principal principal) {
    char *name = nullptr;
    context.check(krb5_unparse_name(context.get(), principal, &name));
    std::string text(name);
    krb5_free_unparsed_name(context.get(), name);
    return text;
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
