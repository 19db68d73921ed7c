/* A library to preload: where krb5_cc_get_principal fails in krb5_cccol_have_content, which has not
 * set what it is to fill in, that is junk.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <krb5.h>
#include <string.h>

krb5_error_code krb5_cc_get_principal(krb5_context context, krb5_ccache cache,
                                      krb5_principal *principal)
{
    /* Python loads it for itself alone, so that it is not what comes next for everybody. */
    void *library = dlopen("libkrb5.so.3", RTLD_LAZY | RTLD_NOLOAD);
    __typeof__(krb5_cc_get_principal) *next =
        (__typeof__(next))dlsym(library, "krb5_cc_get_principal");
    const krb5_error_code code = next(context, cache, principal);
    Dl_info caller;
    if (code != 0 && dladdr(__builtin_return_address(0), &caller) != 0 &&
        caller.dli_sname != NULL && strcmp(caller.dli_sname, "krb5_cccol_have_content") == 0)
        *principal = (krb5_principal)0x4141414141414140;
    return code;
}
