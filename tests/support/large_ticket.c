/* Puts a ticket for a service into the default ticket cache that carries so many bytes of data.
 *
 *     large_ticket SERVICE BYTES
 *
 * Somebody who is in many groups has such a ticket. Here the client asks the KDC to put the data
 * in, as RFC 4120 allows it to (5.2.6, section 5.4.1: enc-authorization-data).
 */
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(krb5_context context, krb5_error_code code, const char *what)
{
    if (code == 0)
        return;
    fprintf(stderr, "%s: %s\n", what, krb5_get_error_message(context, code));
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    krb5_context context;
    if (krb5_init_context(&context) != 0)
        return 1;
    krb5_ccache ccache;
    check(context, krb5_cc_default(context, &ccache), "cache");
    krb5_creds in = {0};
    check(context, krb5_cc_get_principal(context, ccache, &in.client), "client");
    check(context, krb5_parse_name(context, argv[1], &in.server), "service");
    const unsigned length = (unsigned)atoi(argv[2]);
    krb5_authdata data = {.ad_type = -1000, .length = length, .contents = calloc(length, 1)};
    krb5_authdata *list[] = {&data, NULL};
    in.authdata = list;
    krb5_creds *out;
    check(context, krb5_get_credentials(context, 0, ccache, &in, &out), "ticket");
    printf("%u\n", out->ticket.length);
    return 0;
}
