/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "connectors/http/http_router.h"
#include "connectors/http/http_text.h"

static int targets[8];
static int64_t now_ns;

static int add(struct http_router *r, const char *route, const char *owner, int target,
               struct nw_error *error)
{
    struct http_address address = http_address_parse(route);
    return http_router_add(r, address.methods, address.target, owner, &targets[target], error);
}

/* "3 id=7" for target 3 with that param; "404", "405 GET, PUT", "400". */
static const char *find(struct http_router *r, const char *method, const char *path)
{
    static char text[400];
    char scratch[1000];
    struct http_match match;
    size_t len;

    match.scratch = scratch;
    switch (http_router_find(r, http_slice(method), http_slice(path), now_ns, &match)) {
    case HTTP_GONE:
        return "gone";
    case HTTP_BAD_PATH:
        return "400";
    case HTTP_NO_PATH:
        return "404";
    case HTTP_NO_METHOD:
        snprintf(text, sizeof text, "405 %s", match.allow);
        return text;
    case HTTP_FOUND:
        break;
    }
    len = (size_t)snprintf(text, sizeof text, "%d", (int)((int *)match.target - targets));
    for (size_t i = 0; i < match.param_count; i++) {
        len +=
            (size_t)snprintf(text + len, sizeof text - len, " %.*s=%.*s", (int)match.names[i].len,
                             match.names[i].data, (int)match.values[i].len, match.values[i].data);
    }
    snprintf(text + len, sizeof text - len, " %.*s", (int)match.address.len, match.address.data);
    return text;
}

Test(router, finds_who_serves_a_path)
{
    static const struct {
        const char *method, *path, *found;
    } cases[] = {
        {"POST", "/hooks/natsway", "0 repo=natsway /hooks/natsway"},
        {"POST", "/hooks/all", "1 /hooks/all"},
        {"GET", "/hooks/all", "405 POST"},
        {"GET", "/", "2 /"},
        {"GET", "/a/b/c", "3 x=a z=c /a/b/c"},
        {"PUT", "/a/b/c", "3 x=a z=c /a/b/c"},
        {"DELETE", "/a/b/c", "4 x=a y=b z=c /a/b/c"},
        {"POST", "/a/x/c", "4 x=a y=x z=c /a/x/c"},
        {"POST", "/hooks", "404"},
        {"POST", "/hooks/natsway/x/y", "404"},
        {"POST", "/Hooks/natsway", "404"},
        {"POST", "/caf%C3%A9", "5 /caf\xc3\xa9"},
        {"POST", "/caf\xc3\xa9", "5 /caf\xc3\xa9"},
        {"post", "/hooks/natsway", "405 POST"},
    };
    struct http_router *r = http_router_new();

    cr_assert_eq(add(r, "POST /hooks/{repo}", "a", 0, NULL), 0);
    cr_assert_eq(add(r, "POST /hooks/all", "b", 1, NULL), 0);
    cr_assert_eq(add(r, "GET /", "c", 2, NULL), 0);
    cr_assert_eq(add(r, "ANY /{x}/{y}/{z}", "e", 4, NULL), 0);
    cr_assert_eq(add(r, "GET|PUT /{x}/b/{z}", "d", 3, NULL), 0);
    cr_assert_eq(add(r, "POST /caf%C3%A9", "f", 5, NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *found = find(r, cases[i].method, cases[i].path);
        cr_expect_str_eq(found, cases[i].found, "%s %s: %s", cases[i].method, cases[i].path, found);
    }
    http_router_free(r);
}

/* Who answers GET answers HEAD, unless another route of the same path names HEAD or is nearer. */
Test(router, head_goes_where_get_is_answered)
{
    static const struct {
        const char *method, *path, *found;
    } cases[] = {
        {"HEAD", "/get", "0 /get"},
        {"PUT", "/get", "405 GET, HEAD"},
        {"HEAD", "/post", "405 POST"},
        {"HEAD", "/both", "3 /both"},
        {"GET", "/both", "2 /both"},
        {"HEAD", "/x/near", "4 /x/near"},
        {"HEAD", "/x/far", "5 a=x b=far /x/far"},
        {"GET", "/x/far", "405 HEAD"},
        {"HEAD", "/any", "6 /any"},
        {"DELETE", "/any", "7 /any"},
        {"HEAD", "/none", "404"},
    };
    struct http_router *r = http_router_new();

    cr_assert_eq(add(r, "GET /get", "a", 0, NULL), 0);
    cr_assert_eq(add(r, "POST /post", "b", 1, NULL), 0);
    cr_assert_eq(add(r, "GET /both", "c", 2, NULL), 0);
    cr_assert_eq(add(r, "HEAD /both", "d", 3, NULL), 0);
    cr_assert_eq(add(r, "HEAD /{a}/{b}", "f", 5, NULL), 0);
    cr_assert_eq(add(r, "GET|POST /x/near", "e", 4, NULL), 0);
    cr_assert_eq(add(r, "GET /any", "g", 6, NULL), 0);
    cr_assert_eq(add(r, "ANY /any", "h", 7, NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *found = find(r, cases[i].method, cases[i].path);
        cr_expect_str_eq(found, cases[i].found, "%s %s: %s", cases[i].method, cases[i].path, found);
    }
    http_router_free(r);
}

Test(router, cuts_first_and_decodes_after)
{
    static const struct {
        const char *path, *found;
    } cases[] = {
        {"/f/a%2Fb", "0 name=a/b /f/a%2Fb"},
        {"/f/a%2fb", "0 name=a/b /f/a%2Fb"},
        {"/f/100%25", "0 name=100% /f/100%25"},
        {"/f/%41", "0 name=A /f/A"},
        {"/f/a+b", "0 name=a+b /f/a+b"},
        {"/%66/x", "0 name=x /f/x"},
        {"/f/...", "0 name=... /f/..."},
        {"/f/.", "400"},
        {"/f/..", "400"},
        {"/f/%2e%2E", "400"},
        {"/f/%2e", "400"},
        {"/../f/x", "400"},
        {"/f/%00", "400"},
        {"/f/a%00b", "400"},
        {"/f/%", "400"},
        {"/f/%4", "400"},
        {"/f/%4g", "400"},
        {"", "400"},
        {"f/x", "400"},
        {"http://other/f/x", "400"},
        {"*", "400"},
        {"/f/", "404"},
        {"/f//x", "404"},
        {"//f/x", "404"},
        {"/f/x/", "404"},
    };
    struct http_router *r = http_router_new();

    cr_assert_eq(add(r, "GET /f/{name}", "a", 0, NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *found = find(r, "GET", cases[i].path);
        cr_expect_str_eq(found, cases[i].found, "%s: %s", cases[i].path, found);
    }
    http_router_free(r);
}

Test(router, a_path_longer_than_any_pattern_is_not_found)
{
    char path[3 * HTTP_SEGMENTS + 10] = "";
    struct http_router *r = http_router_new();

    for (size_t i = 0; i < HTTP_SEGMENTS + 1; i++) {
        strcat(path, "/a");
    }
    cr_assert_eq(add(r, "GET /a", "a", 0, NULL), 0);
    cr_expect_str_eq(find(r, "GET", path), "404");
    http_router_free(r);
}

Test(router, says_what_is_wrong_with_a_pattern)
{
    static const struct {
        const char *route, *says;
    } cases[] = {
        {"/hooks", "expected a method before the path"},
        {"post /hooks", "methods in capitals"},
        {"POST| /hooks", "methods in capitals"},
        {"POST hooks", "begins with \"/\""},
        {"POST /hooks/", "no empty segment"},
        {"POST //hooks", "no empty segment"},
        {"POST /hooks?x=1", "no query"},
        {"POST /a{b}", "a text or a {name}"},
        {"POST /{}", "expected a name like {id}"},
        {"POST /{a b}", "expected a name like {id}"},
        {"POST /{a}/{a}", "stands twice"},
        {"POST /a/../b", "\"..\""},
        {"POST /%zz", "a text or a {name}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_address address = http_address_parse(cases[i].route);
        struct nw_error error = {0};
        cr_expect_eq(http_route_check(address.methods, address.target, &error), NW_EINVAL, "%s",
                     cases[i].route);
        cr_expect(strstr(error.text, cases[i].says) != NULL, "%s: %s", cases[i].route, error.text);
    }
}

Test(router, two_routes_cannot_serve_the_same)
{
    struct http_router *r = http_router_new();
    struct nw_error error = {0};

    cr_assert_eq(add(r, "GET|POST /a/{id}", "first", 0, NULL), 0);
    cr_expect_eq(add(r, "POST|PUT /a/{name}", "second", 1, &error), NW_EINVAL);
    cr_expect_str_eq(error.text, "POST|PUT /a/{name} is already served by route first");
    cr_expect_eq(add(r, "PUT /a/{name}", "second", 1, &error), 0);
    cr_expect_eq(add(r, "ANY /a/{name}", "third", 2, &error), 0);
    cr_expect_eq(add(r, "ANY /a/{x}", "fourth", 3, &error), NW_EINVAL);
    cr_expect_str_eq(find(r, "PUT", "/a/1"), "1 name=1 /a/1");
    cr_expect_str_eq(find(r, "DELETE", "/a/1"), "2 name=1 /a/1");
    http_router_free(r);
}

Test(router, lanes_of_a_route_take_turns_until_they_leave)
{
    struct http_router *r = http_router_new();

    cr_assert_eq(add(r, "GET /a", "route", 0, NULL), 0);
    cr_assert_eq(add(r, "GET /a", "route", 1, NULL), 0);
    cr_expect_str_eq(find(r, "GET", "/a"), "0 /a");
    cr_expect_str_eq(find(r, "GET", "/a"), "1 /a");
    cr_expect_str_eq(find(r, "GET", "/a"), "0 /a");
    http_router_remove(r, &targets[0], 100);
    cr_expect_str_eq(find(r, "GET", "/a"), "1 /a");
    cr_expect_str_eq(find(r, "GET", "/a"), "1 /a");
    http_router_free(r);
}

Test(router, a_path_that_was_served_is_remembered_for_a_while)
{
    struct http_router *r = http_router_new();

    cr_assert_eq(add(r, "GET /a/{x}", "first", 0, NULL), 0);
    cr_assert_eq(add(r, "ANY /a/{x}", "second", 1, NULL), 0);
    http_router_remove(r, &targets[0], 100);
    cr_expect_str_eq(find(r, "GET", "/a/1"), "gone");
    cr_expect_str_eq(find(r, "PUT", "/a/1"), "1 x=1 /a/1");
    now_ns = 100;
    cr_expect_str_eq(find(r, "GET", "/a/1"), "1 x=1 /a/1");
    now_ns = 0;
    cr_assert_eq(add(r, "GET /a/{y}", "third", 2, NULL), 0);
    cr_expect_str_eq(find(r, "GET", "/a/1"), "2 y=1 /a/1");
    http_router_free(r);
}
