/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "config/reference.h"
#include "fakes.h"

Test(reference, a_connectors_page_comes_from_its_rows)
{
    struct nw_registry *registry = fake_registry();
    struct nw_buffer b = {0};

    nw_reference_connector(&b, nw_registry_find(registry, "kafka"));
    cr_expect_str_eq(
        nw_buffer_text(&b),
        "# kafka\n\nApache Kafka\n\n"
        "## The connection\n\n"
        "| option | value | default | |\n|---|---|---|---|\n"
        "| `brokers` | a text or a list of texts | required | who is asked first |\n"
        "| `properties` | a mapping of names to texts |  | for the library |\n\n"
        "## As a source\n\nAddress: a topic\n\nPromise: at least once\n\n"
        "| option | value | default | |\n|---|---|---|---|\n"
        "| `topics` | a text or a list of texts |  | several topics |\n"
        "| `group` | a text |  | the consumer group |\n"
        "| `start` | earliest, latest or {since: …} | `earliest` | where a new group begins |\n"
        "| `properties` | a mapping of names to texts |  | for the library |\n\n"
        "## As a target\n\nAddress: a topic, a template\n\nPromise: acks=all\n\n"
        "| option | value | default | |\n|---|---|---|---|\n"
        "| `key` | a text, a template |  | the record's key |\n"
        "| `headers` | a mapping of names to texts, each a template |  | the record's headers |\n");
    nw_buffer_done(&b);
    nw_registry_free(registry);
}

Test(reference, groups_secrets_and_ranges_are_shown)
{
    struct nw_registry *registry = fake_registry();
    struct nw_buffer b = {0};

    nw_reference_connector(&b, nw_registry_find(registry, "nats"));
    nw_reference_connector(&b, nw_registry_find(registry, "http"));
    cr_expect_not_null(
        strstr(nw_buffer_text(&b), "| `tls.ca` | the path of a file |  | who is trusted |"));
    cr_expect_not_null(strstr(nw_buffer_text(&b), "| `password` | a text, never shown |"));
    cr_expect_not_null(
        strstr(nw_buffer_text(&b), "| `request` | a duration like 2s, from 1ms to 1h |"));
    cr_expect_not_null(strstr(nw_buffer_text(&b), "## As a source\n\nNo options.\n"));
    cr_expect_not_null(strstr(nw_buffer_text(&b), "## As a source, like `GET https://host/path`"));
    nw_buffer_done(&b);
    nw_registry_free(registry);
}

Test(reference, the_language_has_every_key)
{
    static const char *const keys[] = {
        "routes",           "connections", "defaults", "state_dir", "log.level", "listen", "lanes",
        "on_error.backoff", "spool.full",  "from",     "reply",     "otherwise", "filter", "set"};
    struct nw_buffer b = {0};

    nw_reference_language(&b);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char row[100];

        (void)snprintf(row, sizeof row, "| `%s` |", keys[i]);
        cr_expect_not_null(strstr(nw_buffer_text(&b), row), "%s", keys[i]);
    }
    nw_buffer_done(&b);
}
