/* SPDX-License-Identifier: Apache-2.0 */
#include "config/check.h"

#include <stdio.h>

#include "config/diagnostics.h"

/* The item for the head of name, and how much of name it took: names in pairs have dots of their
 * own, so the whole is tried before the part up to each dot. */
static const struct nw_item *find_head(const struct nw_node *map, struct nw_slice name,
                                       size_t *taken)
{
    const struct nw_item *item = nw_node_find(map, name);
    const char *dot;

    *taken = name.len;
    if (item != NULL) {
        return item;
    }
    dot = memchr(name.data, '.', name.len);
    if (dot == NULL) {
        return NULL;
    }
    *taken = (size_t)(dot - name.data) + 1;
    return nw_node_find(map, (struct nw_slice){name.data, *taken - 1});
}

struct nw_mark nw_check_mark(const struct nw_check *check, const char *option)
{
    struct nw_mark mark = check->address;
    const struct nw_node *node = check->options;
    struct nw_slice rest = nw_slice_text(option);

    while (rest.len > 0) {
        size_t taken;
        const struct nw_item *item = find_head(node, rest, &taken);

        if (item == NULL) {
            break;
        }
        node = item->value;
        mark = node->mark;
        rest.data += taken;
        rest.len -= taken;
    }
    return mark;
}

static void __attribute__((format(printf, 4, 0)))
say(struct nw_check *check, const char *option, bool warning, const char *format, va_list args)
{
    struct nw_mark mark = nw_check_mark(check, option);
    char text[600];

    (void)vsnprintf(text, sizeof text, format, args);
    nw_diagnostics_add(check->reader->diagnostics, &mark, check->reader->route, warning, "%s%s%s",
                       option == NULL ? "" : option, option == NULL ? "" : ": ", text);
}

NW_API void nw_check_error(struct nw_check *check, const char *option, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(check, option, false, format, args);
    check->address_wrong = check->address_wrong || option == NULL;
    va_end(args);
}

NW_API void nw_check_warning(struct nw_check *check, const char *option, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(check, option, true, format, args);
    va_end(args);
}
