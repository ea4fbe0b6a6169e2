/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/test.h"

void nw_test_add_name(struct nw_buffer *out, const struct nw_test_spec *test)
{
    nw_buffer_add_text(out, test->route->name);
    if (test->name != NULL) {
        nw_buffer_add_format(out, ": %s", test->name);
    }
    nw_buffer_add_format(out, " (%s:%zu:%zu)", test->mark.file, test->mark.line, test->mark.column);
}

/* Text inside of an attribute or element. What XML cannot have becomes a question mark. */
static void add_xml(struct nw_buffer *out, const char *text)
{
    struct nw_slice rest = nw_slice_text(text);

    while (rest.len > 0) {
        size_t n = nw_utf8_length(rest);
        unsigned char c = (unsigned char)*rest.data;

        if (n == 0 || (c < ' ' && c != '\n' && c != '\t')) {
            nw_buffer_add_char(out, '?');
            n = 1;
        } else if (strchr("<>&\"\n\t", c) != NULL) {
            nw_buffer_add_format(out, "&#%d;", c);
        } else {
            nw_buffer_add(out, rest.data, n);
        }
        rest = (struct nw_slice){rest.data + n, rest.len - n};
    }
}

static void add_case(struct nw_buffer *out, const struct nw_test_result *r)
{
    struct nw_buffer name = {0};

    nw_test_add_name(&name, r->test);
    nw_buffer_add_text(out, "  <testcase classname=\"natsway.");
    add_xml(out, r->test->route->name);
    nw_buffer_add_text(out, "\" name=\"");
    add_xml(out, nw_buffer_text(&name));
    nw_buffer_add_format(out, "\" file=\"");
    add_xml(out, r->test->mark.file);
    nw_buffer_add_format(out, "\" line=\"%zu\"", r->test->mark.line);
    if (r->failure == NULL) {
        nw_buffer_add_text(out, "/>\n");
    } else {
        nw_buffer_add_text(out, ">\n    <failure message=\"not as expected\">");
        add_xml(out, r->failure);
        nw_buffer_add_text(out, "</failure>\n  </testcase>\n");
    }
    nw_buffer_done(&name);
}

int nw_test_write_junit(const char *path, const struct nw_test_result *results, size_t count)
{
    FILE *file = fopen(path, "we");
    struct nw_buffer out = {0};
    size_t failed = 0;
    int rc = 0;

    if (file == NULL) {
        return errno;
    }
    for (size_t i = 0; i < count; i++) {
        failed += results[i].failure != NULL ? 1 : 0;
    }
    nw_buffer_add_format(&out,
                         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                         "<testsuite name=\"natsway\" tests=\"%zu\" failures=\"%zu\">\n",
                         count, failed);
    for (size_t i = 0; i < count; i++) {
        add_case(&out, &results[i]);
    }
    nw_buffer_add_text(&out, "</testsuite>\n");
    if (out.failed) {
        rc = ENOMEM;
    } else if (fwrite(nw_buffer_text(&out), 1, out.len, file) != out.len) {
        rc = errno;
    }
    if (fclose(file) != 0 && rc == 0) {
        rc = errno;
    }
    nw_buffer_done(&out);
    return rc;
}
