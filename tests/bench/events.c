/* Reads a YAML file once and passes over libyaml's events of it so many times: what yaml.decode cannot be
 * faster than. Arguments: file, times. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#define LARGEST (4 * 1024 * 1024)

static bool pass(const unsigned char *text, size_t len)
{
    yaml_parser_t parser;
    yaml_event_t event;
    bool ended = false;
    bool ok = true;
    if (!yaml_parser_initialize(&parser))
        return false;
    yaml_parser_set_input_string(&parser, text, len);
    while (ok && !ended) {
        ok = yaml_parser_parse(&parser, &event);
        if (ok) {
            ended = event.type == YAML_STREAM_END_EVENT;
            yaml_event_delete(&event);
        }
    }
    yaml_parser_delete(&parser);
    return ok;
}

int main(int argc, char **argv)
{
    static unsigned char text[LARGEST];
    FILE *file = argc > 2 ? fopen(argv[1], "rb") : NULL;
    if (!file)
        return 1;
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    long times = strtol(argv[2], NULL, 10);
    while (times > 0 && pass(text, len))
        times--;
    return times != 0 || len == 0;
}
