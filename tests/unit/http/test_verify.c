/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "connectors/http/http_verify.h"

/* GitHub's own example of a signed delivery. */
#define SECRET "It's a Secret to Everybody"
#define BODY "Hello, World!"
#define SIGNATURE "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
#define NOW_S 1767225600

struct headers {
    const char *names[4], *values[4];
};

static struct nw_slice header_of(void *request, const char *name)
{
    const struct headers *h = request;

    for (size_t i = 0; i < 4 && h->names[i] != NULL; i++) {
        if (strcmp(h->names[i], name) == 0) {
            return (struct nw_slice){h->values[i], strlen(h->values[i])};
        }
    }
    return (struct nw_slice){NULL, 0};
}

static void expect(const struct http_verify_options *o, struct headers h, const char *body,
                   const char *says)
{
    const char *why = http_verify(o, header_of, &h, (struct nw_slice){body, strlen(body)}, NOW_S);

    if (says == NULL) {
        cr_expect_null(why, "%s", why);
    } else {
        cr_expect(why != NULL && strstr(why, says) != NULL, "%s, not: %s", why, says);
    }
}

Test(http_verify, takes_what_github_signs)
{
    static const char *const secrets[] = {"a newer one", SECRET};
    struct http_verify_options o = {.github = {secrets, 2}};
    struct headers h = {{"X-Hub-Signature-256"}, {SIGNATURE}};
    char damaged[] = SIGNATURE;

    expect(&o, h, BODY, NULL);
    expect(&o, h, BODY "!", "wrong");
    expect(&o, h, "", "wrong");
    expect(&o, (struct headers){{NULL}, {NULL}}, BODY, "missing");
    damaged[sizeof damaged - 2] = '8';
    h.values[0] = damaged;
    expect(&o, h, BODY, "wrong");
    h.values[0] = "sha256=";
    expect(&o, h, BODY, "wrong");
    h.values[0] = &SIGNATURE[strlen("sha256=")];
    expect(&o, h, BODY, "missing");
    o.github.count = 1;
    h.values[0] = SIGNATURE;
    expect(&o, h, BODY, "wrong");
    o.github.count = 0;
    expect(&o, h, "anything", NULL);
}

/* HMAC-SHA-1 and SHA-512 of "what do ya want for nothing?" with "Jefe": RFC 2202 and RFC 4231. */
Test(http_verify, takes_what_is_spelled_out)
{
    static const char *const secrets[] = {"Jefe"};
    static const char sha512[] =
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758"
        "bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";
    struct http_verify_options o = {.hmac = {.secret = {secrets, 1},
                                             .header = "S",
                                             .prefix = "",
                                             .signs = "{body}",
                                             .algorithm = {.index = 1}}};
    struct headers h = {{"S"}, {"EFFCDF6AE5EB2FA2D27416D5F184DF9C259A7C79"}};

    expect(&o, h, "what do ya want for nothing?", NULL);
    o.hmac.algorithm.index = 2;
    h.values[0] = sha512;
    expect(&o, h, "what do ya want for nothing?", NULL);
    o.hmac.algorithm.index = 1;
    o.hmac.encoding.index = 1;
    h.values[0] = "7/zfauXrL6LSdBbV8YTfnCWafHk=";
    expect(&o, h, "what do ya want for nothing?", NULL);
    h.values[0] = "7/zfauXrL6LSdBbV8YTfnCWafHK=";
    expect(&o, h, "what do ya want for nothing?", "wrong");
}

/* The signed text is "what do ya want for nothing?", cut so that its middle is the time. */
Test(http_verify, holds_the_time_against_the_clock)
{
    static const char *const secrets[] = {"Jefe"};
    struct http_verify_options o = {.hmac = {.secret = {secrets, 1},
                                             .header = "S",
                                             .prefix = "v0=",
                                             .signs = "v0:{id}:{timestamp}.{body}",
                                             .timestamp = "T",
                                             .id = "I",
                                             .window_ms = 300000}};
    /* HMAC-SHA-256 of "v0:d-1:1767225600.x" */
    struct headers h = {{"S", "T", "I"},
                        {"v0=97dd9f70eaeba2c945374c20d6c82468cb974b1f05635456ff1f6ff2a1746b59",
                         "1767225600", "d-1"}};

    expect(&o, h, "x", NULL);
    h.values[2] = "d-2";
    expect(&o, h, "x", "wrong");
    h.values[1] = "1767225299";
    expect(&o, h, "x", "too old");
    h.values[1] = "1767225901";
    expect(&o, h, "x", "not yet valid");
    h.values[1] = "yesterday";
    expect(&o, h, "x", "no number");
    h.values[1] = "";
    expect(&o, h, "x", "missing");
    h.values[1] = "99999999999999999999999999999999";
    expect(&o, h, "x", "missing");
}
