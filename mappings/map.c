/* SPDX-License-Identifier: Apache-2.0 */
/* Making a map: a list of steps, each with what it needs, compiled. Running it is in map_run.c. */
#include "mappings/map.h"

#include <stdio.h>
#include <stdlib.h>

#include "mappings/map_steps.h"

struct nw_map *nw_map_new(void)
{
    return calloc(1, sizeof(struct nw_map));
}

static void free_step(struct nw_map_step *s)
{
    nw_program_free(s->program);
    nw_program_free(s->when);
    nw_template_free(s->value);
    nw_window_free(s->window);
    nw_check_free(s->check);
    free(s->name);
}

void nw_map_free(struct nw_map *map)
{
    if (map == NULL) {
        return;
    }
    for (size_t i = 0; i < map->count; i++) {
        free_step(&map->steps[i]);
    }
    free(map->steps);
    free(map);
}

bool nw_map_is_empty(const struct nw_map *map)
{
    return map == NULL || map->count == 0;
}

void nw_map_set_route(struct nw_map *map, const char *route)
{
    map->route = route;
}

void nw_map_begin_step(struct nw_map *map)
{
    map->number++;
}

static int add(struct nw_map *map, struct nw_map_step step)
{
    struct nw_map_step *steps = realloc(map->steps, (map->count + 1) * sizeof *steps);

    if (steps == NULL) {
        free_step(&step);
        return NW_ENOMEM;
    }
    step.number = map->number != 0 ? map->number : (unsigned)map->count + 1;
    map->steps = steps;
    steps[map->count++] = step;
    return 0;
}

int nw_map_add_filter(struct nw_map *map, struct nw_program *program, struct nw_program *when)
{
    return add(map, (struct nw_map_step){.kind = NW_STEP_FILTER, .program = program, .when = when});
}

int nw_map_add_payload(struct nw_map *map, struct nw_program *program, struct nw_program *when)
{
    return add(map,
               (struct nw_map_step){.kind = NW_STEP_PAYLOAD, .program = program, .when = when});
}

int nw_map_add_split(struct nw_map *map, struct nw_program *program, struct nw_program *when)
{
    return add(map, (struct nw_map_step){.kind = NW_STEP_SPLIT, .program = program, .when = when});
}

static int add_named(struct nw_map *map, struct nw_map_step step, struct nw_slice name)
{
    step.name = name.data == NULL ? NULL : strndup(name.data, name.len);
    if (name.data != NULL && step.name == NULL) {
        free_step(&step);
        return NW_ENOMEM;
    }
    return add(map, step);
}

int nw_map_add_set(struct nw_map *map, enum nw_map_field field, struct nw_slice name,
                   struct nw_template *value, struct nw_program *when)
{
    return add_named(
        map,
        (struct nw_map_step){.kind = NW_STEP_SET, .field = field, .value = value, .when = when},
        name);
}

int nw_map_add_remove(struct nw_map *map, struct nw_slice pattern, struct nw_program *when)
{
    return add_named(map, (struct nw_map_step){.kind = NW_STEP_REMOVE, .when = when}, pattern);
}

int nw_map_add_decode(struct nw_map *map, const struct nw_codec *codec, struct nw_program *when)
{
    return add(map, (struct nw_map_step){.kind = NW_STEP_DECODE, .codec = codec, .when = when});
}

int nw_map_add_encode(struct nw_map *map, const struct nw_codec *codec, struct nw_program *when)
{
    return add(map, (struct nw_map_step){.kind = NW_STEP_ENCODE, .codec = codec, .when = when});
}

int nw_map_add_check(struct nw_map *map, const struct nw_check_rule *rule, struct nw_program *when)
{
    struct nw_check *check;
    int rc = nw_check_new(rule, &check);

    if (rc != 0) {
        nw_program_free(when);
        return rc;
    }
    return add(map, (struct nw_map_step){.kind = NW_STEP_CHECK, .check = check, .when = when});
}

int nw_map_add_drop(struct nw_map *map, struct nw_program *when)
{
    return add(map, (struct nw_map_step){.kind = NW_STEP_DROP, .when = when});
}

int nw_map_add_reject(struct nw_map *map, struct nw_template *why, struct nw_program *when)
{
    return add(map, (struct nw_map_step){.kind = NW_STEP_REJECT, .value = why, .when = when});
}

int nw_map_add_call(struct nw_map *map, const struct nw_map_call *call, struct nw_program *when)
{
    return add(map, (struct nw_map_step){.kind = NW_STEP_CALL, .call = call, .when = when});
}

int nw_map_add_dedupe(struct nw_map *map, struct nw_template *id, int64_t window_ms, size_t most,
                      struct nw_program *when)
{
    struct nw_map_step step = {.kind = NW_STEP_DEDUPE, .value = id, .when = when};

    step.window = nw_window_new(window_ms, most);
    if (step.window == NULL) {
        free_step(&step);
        return NW_ENOMEM;
    }
    return add(map, step);
}

struct nw_window *nw_map_window(const struct nw_map *map, size_t index)
{
    for (size_t i = 0; map != NULL && i < map->count; i++) {
        if (map->steps[i].window != NULL && index-- == 0) {
            return map->steps[i].window;
        }
    }
    return NULL;
}

int nw_map_add_lookup(struct nw_map *map, struct nw_program *key, const struct nw_lookup_rule *rule,
                      struct nw_program *when)
{
    return add(map, (struct nw_map_step){
                        .kind = NW_STEP_LOOKUP, .program = key, .lookup = rule, .when = when});
}

bool nw_map_looks_into(const struct nw_map *map, const struct nw_lookup *l)
{
    for (size_t i = 0; map != NULL && i < map->count; i++) {
        if (map->steps[i].lookup != NULL && map->steps[i].lookup->lookup == l) {
            return true;
        }
    }
    return false;
}

/* ---- what steps are called ---- */

const char *nw_step_name(enum nw_step_kind kind)
{
    static const char *const names[] = {
        [NW_STEP_FILTER] = "filter", [NW_STEP_PAYLOAD] = "payload", [NW_STEP_SPLIT] = "split",
        [NW_STEP_SET] = "set",       [NW_STEP_REMOVE] = "remove",   [NW_STEP_DECODE] = "decode",
        [NW_STEP_ENCODE] = "encode", [NW_STEP_CHECK] = "check",     [NW_STEP_DROP] = "drop",
        [NW_STEP_REJECT] = "reject", [NW_STEP_CALL] = "call",       [NW_STEP_DEDUPE] = "dedupe",
        [NW_STEP_LOOKUP] = "lookup",
    };

    return names[kind];
}

void nw_mapped_reason(const struct nw_mapped *mapped, char *text, size_t size)
{
    const char *name = mapped->step_name, *why = mapped->error.text;
    size_t len = name == NULL ? 0 : strlen(name);

    if (name == NULL) {
        (void)snprintf(text, size, "%s", why);
        return;
    }
    if (strncmp(why, name, len) == 0 && strncmp(why + len, ": ", 2) == 0) {
        why += len + 2; /* it names the step itself */
    }
    (void)snprintf(text, size, "step %u (%s): %s", mapped->step, name, why);
}
