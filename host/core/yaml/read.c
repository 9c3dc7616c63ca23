/* The reader: turns libyaml's events into a tree. libyaml limits neither depth nor the expansion of aliases,
 * so the stack and all counts are kept here. What a scalar means is in scalar.c and tag.c; merging and
 * duplicate keys are in merge.c, and the wording of libyaml's errors in problem.c. */
#include "internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_DIRECTIVES 100

typedef struct anchor {
    const char *name;
    bosun_value *value;
    size_t nodes; /* in its subtree, aliases expanded; 0 while it is still open */
} anchor;

/* A sequence or mapping being read. */
typedef struct frame {
    bosun_value *collection;
    bosun_value *key;       /* waiting for its value; NULL: the next node is a key */
    bosun_value *merge_key; /* the plain "<<", if there was one */
    bosun_value *merge;     /* its value */
    anchor *anchor;
    size_t nodes_before;
} frame;

typedef struct reader {
    yaml_parser_t parser;
    bosun_arena *arena;
    const char *source;
    bosun_err *err;
    bosun_value *root;
    frame stack[BOSUN_YAML_MAX_DEPTH];
    size_t depth;
    anchor anchors[BOSUN_YAML_MAX_ANCHORS];
    size_t anchor_count;
    size_t events;
    size_t max_events;
    size_t nodes;  /* so far, aliases expanded */
    size_t budget; /* nodes that aliases and merges may still expand to */
} reader;

static int nomem(const reader *r)
{
    return bosun_yaml_nomem(r->err);
}

#define FAIL(r, code, mark, ...) bosun_yaml_fail((r)->err, code, (r)->source, mark, __VA_ARGS__)

static int place_key(reader *r, frame *f, bosun_value *key, bool merges)
{
    if (key->kind >= BOSUN_SEQUENCE)
        return FAIL(r, BOSUN_ERR_SYNTAX, key->mark, "%s cannot be a key: use text, or put it in quotes",
                    bosun_kind_name(key->kind));
    if (key->kind == BOSUN_FLOAT && isnan(key->as.number))
        return FAIL(r, BOSUN_ERR_SYNTAX, key->mark, ".nan cannot be a key: put it in quotes");
    if (merges && f->merge_key)
        return FAIL(
            r, BOSUN_ERR_SYNTAX, key->mark,
            "duplicate key \"<<\", first on line %u: merge several mappings with one list: <<: [*a, *b]",
            f->merge_key->mark.line);
    if (merges)
        f->merge_key = key;
    f->key = key;
    return 0;
}

static int place_in_mapping(reader *r, frame *f, bosun_value *value, bool merges)
{
    if (!f->key)
        return place_key(r, f, value, merges);
    bosun_value *key = f->key;
    f->key = NULL;
    if (key == f->merge_key)
        f->merge = value;
    else if (bosun_value_put(r->arena, f->collection, key, value) < 0)
        return nomem(r);
    return 0;
}

/* Adds a scalar, or a collection just opened, to the innermost open collection. */
static int place(reader *r, bosun_value *value, bool merges)
{
    if (r->depth == 0) {
        r->root = value;
        return 0;
    }
    frame *f = &r->stack[r->depth - 1];
    if (f->collection->kind == BOSUN_MAPPING)
        return place_in_mapping(r, f, value, merges);
    return bosun_value_push(r->arena, f->collection, value) < 0 ? nomem(r) : 0;
}

static bool awaits_key(const reader *r)
{
    const frame *f = r->depth > 0 ? &r->stack[r->depth - 1] : NULL;
    return f && f->collection->kind == BOSUN_MAPPING && !f->key;
}

static anchor *find_anchor(reader *r, const yaml_char_t *name)
{
    for (size_t i = 0; i < r->anchor_count; i++)
        if (strcmp(r->anchors[i].name, (const char *)name) == 0)
            return &r->anchors[i];
    return NULL;
}

/* Gives `value` the anchor `name`, which may be NULL. *out: the anchor, or NULL if there is none. */
static int add_anchor(reader *r, const yaml_char_t *name, bosun_value *value, anchor **out)
{
    *out = NULL;
    if (!name)
        return 0;
    const anchor *first = find_anchor(r, name);
    if (first)
        return FAIL(r, BOSUN_ERR_SYNTAX, value->mark, "duplicate anchor &%.60s, first on line %u: rename one",
                    name, first->value->mark.line);
    if (r->anchor_count == BOSUN_YAML_MAX_ANCHORS)
        return FAIL(r, BOSUN_ERR_TOO_LARGE, value->mark, "more than %d anchors: repeat the values instead",
                    BOSUN_YAML_MAX_ANCHORS);
    const bosun_value *copy = bosun_value_string(r->arena, (const char *)name, strlen((const char *)name));
    if (!copy)
        return nomem(r);
    *out = &r->anchors[r->anchor_count++];
    **out = (anchor){.name = copy->as.string.bytes, .value = value};
    return 0;
}

/* The value of a scalar without a tag: resolved from its text if it is plain. */
static int resolve_scalar(reader *r, const yaml_event_t *event, bosun_value **out)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    bosun_value resolved = {.kind = BOSUN_STRING};
    if (event->data.scalar.plain_implicit && bosun_yaml_resolve(text, len, &resolved) < 0)
        return FAIL(r, BOSUN_ERR_SYNTAX, bosun_yaml_mark(event->start_mark),
                    "the integer %s does not fit in 64 bits: put it in quotes to make it a string",
                    bosun_yaml_excerpt(text, len).text);
    if (resolved.kind == BOSUN_STRING)
        *out = bosun_value_string(r->arena, text, len);
    else if ((*out = bosun_value_new(r->arena, resolved.kind)))
        (*out)->as = resolved.as;
    return *out ? 0 : nomem(r);
}

/* What stands in the file, without what libyaml makes of it. */
static bosun_excerpt as_written(const char *sign, const char *rest)
{
    char text[256]; /* more than an excerpt shows */
    snprintf(text, sizeof text, "%s%s", sign, rest);
    return bosun_yaml_excerpt(text, strlen(text));
}

static bosun_excerpt tag_as_written(const char *tag)
{
    static const char prefix[] = "tag:yaml.org,2002:";
    bool is_short = strncmp(tag, prefix, sizeof prefix - 1) == 0;
    return as_written(is_short ? "!!" : "", is_short ? tag + sizeof prefix - 1 : tag);
}

static int tagged_scalar(reader *r, const yaml_event_t *event, bosun_value **out)
{
    const char *problem = NULL;
    const char *tag = (const char *)event->data.scalar.tag;
    *out = bosun_yaml_tagged(r->arena, tag, (const char *)event->data.scalar.value, event->data.scalar.length,
                             &problem);
    if (problem)
        return FAIL(r, BOSUN_ERR_SYNTAX, bosun_yaml_mark(event->start_mark), "tag %s: %s",
                    tag_as_written(tag).text, problem);
    return *out ? 0 : nomem(r);
}

/* PyYAML and Lua treat 1.0 and 1 as the same key, so they are the same here. */
static void normalise_key(bosun_value *key)
{
    if (key->kind != BOSUN_FLOAT || key->as.number != floor(key->as.number) || fabs(key->as.number) >= 0x1p63)
        return;
    key->kind = BOSUN_INT;
    key->as.integer = (int64_t)key->as.number;
}

static int read_scalar(reader *r, const yaml_event_t *event)
{
    bosun_value *value = NULL;
    const char *tag = (const char *)event->data.scalar.tag;
    bool tagged = tag && strcmp(tag, "!") != 0; /* like PyYAML, which treats "!" as no tag */
    int rc = tagged ? tagged_scalar(r, event, &value) : resolve_scalar(r, event, &value);
    if (rc < 0)
        return -1;
    value->mark = bosun_yaml_mark(event->start_mark);
    if (awaits_key(r))
        normalise_key(value);
    anchor *named;
    if (add_anchor(r, event->data.scalar.anchor, value, &named) < 0)
        return -1;
    if (named)
        named->nodes = 1;
    r->nodes++;
    bool merges = event->data.scalar.plain_implicit && event->data.scalar.length == 2 &&
                  memcmp(event->data.scalar.value, "<<", 2) == 0;
    return place(r, value, merges);
}

static int check_collection_tag(reader *r, bosun_kind kind, const char *tag, bosun_mark mark)
{
    const char *wanted = kind == BOSUN_SEQUENCE ? YAML_SEQ_TAG : YAML_MAP_TAG;
    if (!tag || strcmp(tag, "!") == 0 || strcmp(tag, wanted) == 0)
        return 0;
    return FAIL(r, BOSUN_ERR_SYNTAX, mark, "tag %s: not valid for %s: remove it", tag_as_written(tag).text,
                bosun_kind_name(kind));
}

static int open_collection(reader *r, bosun_kind kind, const yaml_char_t *name, const yaml_char_t *tag,
                           yaml_mark_t start)
{
    bosun_mark mark = bosun_yaml_mark(start);
    if (check_collection_tag(r, kind, (const char *)tag, mark) < 0)
        return -1;
    if (r->depth == BOSUN_YAML_MAX_DEPTH)
        return FAIL(r, BOSUN_ERR_TOO_LARGE, mark, "nested deeper than %d levels", BOSUN_YAML_MAX_DEPTH);
    frame f = {.collection = bosun_value_new(r->arena, kind), .nodes_before = r->nodes++};
    if (!f.collection)
        return nomem(r);
    f.collection->mark = mark;
    if (add_anchor(r, name, f.collection, &f.anchor) < 0 || place(r, f.collection, false) < 0)
        return -1;
    r->stack[r->depth++] = f;
    return 0;
}

static int close_collection(reader *r)
{
    frame *f = &r->stack[--r->depth];
    if (f->anchor)
        f->anchor->nodes = r->nodes - f->nodes_before;
    if (f->collection->kind == BOSUN_SEQUENCE)
        return 0;
    return bosun_yaml_finish_mapping(r->arena, f->collection, f->merge, &r->budget, r->source, r->err);
}

static int read_alias(reader *r, const yaml_event_t *event)
{
    const yaml_char_t *name = event->data.alias.anchor;
    bosun_mark mark = bosun_yaml_mark(event->start_mark);
    const anchor *named = find_anchor(r, name);
    if (!named)
        return FAIL(r, BOSUN_ERR_SYNTAX, mark,
                    "no anchor before the alias %s: define it, or put the text in quotes",
                    as_written("*", (const char *)name).text);
    if (named->nodes == 0)
        return FAIL(r, BOSUN_ERR_SYNTAX, mark, "the alias *%.60s is inside the value it refers to: remove it",
                    name);
    if (named->nodes > r->budget)
        return FAIL(r, BOSUN_ERR_TOO_LARGE, mark, "aliases expand to more than %d values: use fewer",
                    BOSUN_YAML_MAX_ALIAS_NODES);
    r->budget -= named->nodes;
    r->nodes += named->nodes;
    if (!awaits_key(r))
        return place(r, named->value, false);
    bosun_value *key = bosun_value_new(r->arena, BOSUN_NULL); /* a copy, because it has its own position */
    if (!key)
        return nomem(r);
    *key = *named->value;
    key->mark = mark;
    normalise_key(key);
    return place(r, key, false);
}

static int take_event(reader *r, const yaml_event_t *event)
{
    bosun_mark mark = bosun_yaml_mark(event->start_mark);
    if (++r->events > r->max_events)
        return FAIL(r, BOSUN_ERR_TOO_LARGE, mark, "more than %zu keys and values: shorten the document",
                    r->max_events);
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return r->root ? FAIL(r, BOSUN_ERR_SYNTAX, mark, "a second document begins here: keep one per file")
                       : 0;
    case YAML_SCALAR_EVENT: return read_scalar(r, event);
    case YAML_ALIAS_EVENT: return read_alias(r, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(r, BOSUN_SEQUENCE, event->data.sequence_start.anchor,
                               event->data.sequence_start.tag, event->start_mark);
    case YAML_MAPPING_START_EVENT:
        return open_collection(r, BOSUN_MAPPING, event->data.mapping_start.anchor,
                               event->data.mapping_start.tag, event->start_mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: return close_collection(r);
    default: return 0;
    }
}

static int read_events(reader *r, const char *text, size_t len)
{
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&r->parser, &event))
            return bosun_yaml_parser_failure(r->err, &r->parser, r->source, text, len);
        yaml_event_type_t type = event.type;
        int rc = take_event(r, &event);
        yaml_event_delete(&event);
        if (rc < 0 || type == YAML_STREAM_END_EVENT)
            return rc;
    }
}

/* libyaml compares every %TAG directive with all earlier ones: 60,000 of them take nine seconds. */
static int check_directives(const reader *r, const char *text, size_t len)
{
    int count = 0;
    const char *at = text;
    for (; (at = memmem(at, (size_t)(text + len - at), "%TAG", 4)); at += 4) {
        /* The last bytes of the line breaks that libyaml knows, up to U+0085, U+2028 and U+2029. */
        bool begins_line = at == text || strchr("\n\r\x85\xA8\xA9", at[-1]);
        if (begins_line && ++count > MAX_DIRECTIVES)
            return FAIL(r, BOSUN_ERR_TOO_LARGE, bosun_yaml_locate(text, len, (size_t)(at - text)),
                        "more than %d %%TAG directives: remove some", MAX_DIRECTIVES);
    }
    return 0;
}

static int read_document(reader *r, const char *text, size_t len)
{
    if (check_directives(r, text, len) < 0)
        return -1;
    if (!yaml_parser_initialize(&r->parser))
        return nomem(r);
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, len);
    int rc = read_events(r, text, len);
    yaml_parser_delete(&r->parser);
    if (rc == 0 && !r->root) {
        r->root = bosun_value_new(r->arena, BOSUN_NULL);
        if (!r->root)
            return nomem(r);
        r->root->mark = (bosun_mark){1, 1};
    }
    return rc;
}

bosun_value *bosun_yaml_read(bosun_arena *arena, const char *text, size_t len, const char *source,
                             bosun_err *err)
{
    return bosun_yaml_read_max(arena, text, len, source, BOSUN_YAML_MAX_BYTES, err);
}

bosun_value *bosun_yaml_read_max(bosun_arena *arena, const char *text, size_t len, const char *source,
                                 size_t max, bosun_err *err)
{
    reader r = {.arena = arena, .source = source, .err = err, .budget = BOSUN_YAML_MAX_ALIAS_NODES};
    r.max_events = max > BOSUN_YAML_MAX_BYTES ? max : BOSUN_YAML_MAX_EVENTS;
    if (len > max) {
        FAIL(&r, BOSUN_ERR_TOO_LARGE, ((bosun_mark){1, 1}),
             "the document is too large: %zu bytes, at most %zu", len, max);
        return NULL;
    }
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        len -= 3;
    }
    return read_document(&r, len > 0 ? text : "", len) < 0 ? NULL : r.root;
}
