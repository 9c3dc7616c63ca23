/* The plan of a dry run as a diff. An entry begins with + for what is new, - for what goes, ~ for what
 * becomes something else, and > for what is done without a state that could be compared, such as a request.
 */
#include "plan_text.h"
#include "color.h"
#include "core/yaml/yaml.h"
#include <string.h>

#define COLOR_NEW     "\033[32m"
#define COLOR_GONE    "\033[31m"
#define COLOR_CHANGED "\033[33m"
#define COLOR_REASON  "\033[2m"

typedef struct printer {
    bosun_buf *out;
    bool colored;
} printer;

static const char *text_of(const bosun_value *entry, const char *key)
{
    const bosun_value *value = bosun_value_get(entry, key);
    return value && value->kind == BOSUN_STRING ? value->as.string.bytes : NULL;
}

/* "# ", then the text in a colour. */
static void add_line(const printer *p, const char *color, const char *sign, const char *a, const char *b)
{
    bosun_buf_printf(p->out, "# %s%s%s%s%s", p->colored ? color : "", sign, a, b ? " " : "", b ? b : "");
    bosun_buf_puts(p->out, p->colored ? COLOR_END : "");
}

/* What is there before or after the change, if anything. */
static void add_state(const printer *p, const char *color, const char *sign, const char *state)
{
    if (!state)
        return;
    add_line(p, color, sign, state, NULL);
    bosun_buf_putc(p->out, '\n');
}

static void add_entry(const printer *p, const bosun_value *entry)
{
    const char *before = text_of(entry, "before");
    const char *after = text_of(entry, "after");
    const char *reason = text_of(entry, "reason");
    const char *operation = text_of(entry, "operation");
    const char *target = text_of(entry, "target");
    if (!operation || !target)
        return;
    if (before)
        add_line(p, after ? COLOR_CHANGED : COLOR_GONE, after ? "~ " : "- ", operation, target);
    else
        add_line(p, after ? COLOR_NEW : "", after ? "+ " : "> ", operation, target);
    if (reason)
        bosun_buf_printf(p->out, "%s  (%s)%s", p->colored ? COLOR_REASON : "", reason,
                         p->colored ? COLOR_END : "");
    bosun_buf_putc(p->out, '\n');
    add_state(p, COLOR_GONE, "    - ", before);
    add_state(p, COLOR_NEW, "    + ", after);
}

void plan_text_add(bosun_buf *out, const char *status, size_t len, bool colored)
{
    bosun_arena *arena = bosun_arena_new();
    bosun_err err = {0};
    const bosun_value *root = arena ? bosun_yaml_read(arena, status, len, "status", &err) : NULL;
    const bosun_value *plan = bosun_value_get(bosun_value_get(root, "data"), "plan");
    const printer p = {.out = out, .colored = colored};
    size_t count = plan && plan->kind == BOSUN_SEQUENCE ? plan->as.sequence.count : 0;
    if (count > 0)
        bosun_buf_printf(out, "\n# %zu change%s planned\n", count, count == 1 ? " is" : "s are");
    for (size_t i = 0; i < count; i++)
        add_entry(&p, plan->as.sequence.items[i]);
    bosun_arena_free(arena);
}
