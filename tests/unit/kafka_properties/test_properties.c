/* SPDX-License-Identifier: Apache-2.0 */
/* What librdkafka is told where the user says nothing, and that what the user says wins. */
#include <criterion/criterion.h>

#include "connectors/kafka/kafka_properties.h"

/* The host's; nothing is checked here. */
void nw_check_error(struct nw_check *check, const char *option, const char *format, ...)
{
    (void)check;
    (void)option;
    cr_assert_fail("%s", format);
}

static const char *const brokers[] = {"localhost:1"};

/* The value of a property for a client that is configured with one pair ("" for none). */
static void expect_property(rd_kafka_type_t type, const char *name, const char *value,
                            const char *property, const char *expected)
{
    const struct nw_pairs given = {.names = &name, .texts = &value, .count = *name != '\0'};
    const struct kafka_connection_options options = {.brokers = {brokers, 1}, .properties = given};
    const struct nw_pairs none = {.count = 0};
    struct nw_error error = {.text = ""};
    rd_kafka_conf_t *conf = NULL;
    char found[100] = "", text[300];
    size_t len = sizeof found;

    cr_assert_eq(nw_kafka_properties_conf(type, &options, &none, &conf, &error), 0, "%s",
                 error.text);
    cr_assert_eq(rd_kafka_conf_get(conf, property, found, &len), RD_KAFKA_CONF_OK);
    cr_expect_str_eq(found, expected, "%s with %s: %s", property, name, found);
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof text);
    cr_assert_not_null(rk, "%s", text);
    rd_kafka_destroy(rk);
}

#define TIMEOUT "socket.timeout.ms"

Test(kafka_properties, a_connection_that_is_half_there_is_given_up_soon)
{
    expect_property(RD_KAFKA_CONSUMER, "", "", TIMEOUT, "15000");
    expect_property(RD_KAFKA_PRODUCER, "", "", TIMEOUT, "15000");
    expect_property(RD_KAFKA_CONSUMER, "", "", "socket.keepalive.enable", "true");
    expect_property(RD_KAFKA_PRODUCER, "", "", "socket.keepalive.enable", "true");
}

Test(kafka_properties, what_the_user_sets_wins)
{
    expect_property(RD_KAFKA_CONSUMER, TIMEOUT, "2000", TIMEOUT, "2000");
    expect_property(RD_KAFKA_PRODUCER, TIMEOUT, "60000", TIMEOUT, "60000");
}

Test(kafka_properties, a_long_wait_at_the_broker_is_not_given_up)
{
    expect_property(RD_KAFKA_CONSUMER, "fetch.wait.max.ms", "14000", TIMEOUT, "15000");
    expect_property(RD_KAFKA_CONSUMER, "fetch.wait.max.ms", "20000", TIMEOUT, "35000");
    expect_property(RD_KAFKA_CONSUMER, "fetch.wait.max.ms", "290000", TIMEOUT, "300000");
}
