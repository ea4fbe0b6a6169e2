/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/js_api.h"
#include "hub/lease.h"
#include "hub/letters_internal.h"

int nw_lease_probe(const void *hub_options, bool *there, struct nw_error *error)
{
    jv request = jv_object_set(jv_object(), jv_string("last_by_subj"),
                               jv_string("$KV." NW_LEASE_BUCKET ".check"));
    struct nw_letters *l = NULL;
    struct nw_error own;
    bool missing;
    jv answer;
    int rc = nw_letters_open(hub_options, &l, error);

    if (rc != 0) {
        jv_free(request);
        return rc;
    }
    rc = nw_letters_ask(l, request, &answer, &own, "STREAM.MSG.GET.KV_" NW_LEASE_BUCKET);
    if (rc == 0) {
        jv_free(answer);
    }
    missing = l->error_code == NW_JS_ERR_STREAM_NOT_FOUND;
    nw_letters_close(l);
    *there = rc == 0 || (rc == NW_ENOTFOUND && !missing);
    if (*there || missing) {
        return 0;
    }
    return nw_error_set(error, rc, "%s", own.text);
}
