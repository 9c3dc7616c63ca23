/* Whether output is in colour. */
#include "color.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const color_names[3] = {
    [COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};

static color_when chosen;

void color_choose(color_when when)
{
    chosen = when;
}

bool color_wanted(int fd)
{
    if (chosen != COLOR_AUTO)
        return chosen == COLOR_ALWAYS;
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool is_dumb = !term || !*term || strcmp(term, "dumb") == 0;
    return !(no_color && *no_color) && !is_dumb && isatty(fd);
}

void color_report(const char *program, const char *message)
{
    bool color = color_wanted(STDERR_FILENO);
    fprintf(stderr, "%s%s:%s %s\n", color ? COLOR_ERROR : "", program, color ? COLOR_END : "", message);
}

void color_add_status(bosun_buf *out, const char *status, size_t len)
{
    static const struct {
        const char *line;
        const char *color;
    } lines[] = {{"status: \"passing\"", "\033[32m"},
                 {"status: \"failing\"", "\033[31m"},
                 {"status: \"warning\"", "\033[33m"},
                 {"status: \"unknown\"", "\033[35m"}};
    bool colored = color_wanted(STDOUT_FILENO);
    size_t done = 0;
    for (size_t i = 0; colored && i < sizeof lines / sizeof lines[0]; i++)
        if (strncmp(status, lines[i].line, strlen(lines[i].line)) == 0) {
            bosun_buf_printf(out, "%s%s" COLOR_END, lines[i].color, lines[i].line);
            done = strlen(lines[i].line);
        }
    bosun_buf_append(out, status + done, len - done);
}
