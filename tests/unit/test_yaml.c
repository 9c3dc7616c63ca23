/* The YAML reader and writer: positions, messages, limits, merging, and what the comparison with PyYAML does
 * not cover. */
#include "core/yaml/yaml.h"
#include "err_text.h"
#include "tap.h"
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

static bosun_arena *arena;
static bosun_err err;

static bosun_value *read_bytes(const char *text, size_t len)
{
    bosun_arena_free(arena);
    arena = bosun_arena_new();
    err = (bosun_err){0};
    return bosun_yaml_read(arena, text, len, "f.yaml", &err);
}

static bosun_value *read(const char *text)
{
    return read_bytes(text, strlen(text));
}

static void rejects(const char *text, const char *message)
{
    char name[200];
    snprintf(name, sizeof name, "rejected: %s", message);
    const bosun_value *value = read(text);
    is_text(value ? "(accepted)" : err_text(&err), message, name);
}

static void syntax_errors_say_where_and_what(void)
{
    rejects("a: \"b\nc: d\n",
            "f.yaml:1:4: the quoted text that begins here is never closed: add the closing quote");
    rejects("a: b: c\n", "f.yaml:1:5: a key is not allowed here: put text that contains \": \" in quotes, or "
                         "correct the indentation");
    rejects(
        "a: 1\nb\nc: 2\n",
        "f.yaml:2:1: expected \"key: value\": put ':' and a space after the key, or quotes around the text");
    rejects("a:\n\t- b\n", "f.yaml:2:1: a tab is not allowed in indentation: use spaces");
    rejects("a: @b\n", "f.yaml:1:4: '@' cannot begin a value: put the text in quotes");
    rejects("a: [1, 2\nb: 3\n", "f.yaml:2:2: expected ',' or ']' here, for the list that begins on line 1");
    rejects("a: {b: 1\n", "f.yaml:2:1: expected ',' or '}' here, for the mapping that begins on line 1");
    rejects("a: 1\n  b: 2\n", "f.yaml:2:4: a key is not allowed here: put text that contains \": \" in "
                              "quotes, or correct the indentation");
    rejects(
        "  a: 1\n b: 2\n",
        "f.yaml:2:2: the document ended before this line: check the indentation, quotes and brackets above");
    rejects("x:\n  - a\n  b: 1\n",
            "f.yaml:3:3: expected the next list item (\"- \") here: correct the indentation; the "
            "list begins on line 2");
    rejects("a: \"\\q\"\n",
            "f.yaml:1:5: unknown escape after '\\': write \\\\ for a backslash, or use single quotes");
    rejects("%YAML 3.0\n---\na\n", "f.yaml:1:1: only %YAML 1.1 and 1.2 are supported: remove the line");
    rejects("a: &\n", "f.yaml:1:4: '&' begins the name of an anchor, of letters and digits: put the text in "
                      "quotes if it is not one");
    rejects("a: b\n---\nc: d\n", "f.yaml:2:1: a second document begins here: keep one per file");
    rejects("é: ü\nö: \"日本\": x\n", "f.yaml:2:8: a key is not allowed here: put text that contains \": \" "
                                      "in quotes, or correct the indentation");
}

static void text_that_is_not_text(void)
{
    rejects("a: b\nc: \xFF\n", "f.yaml:2:4: the text is not UTF-8 here (byte 0xFF): save the file as UTF-8");
    rejects("a: \xC3", "f.yaml:1:4: the text ends inside a UTF-8 character: save the file as UTF-8");
    rejects("\xFF\xFE"
            "a",
            "f.yaml:1:1: the text is not UTF-8 here (byte 0xFF): save the file as UTF-8");
    rejects("é: \"\x07\"\n",
            "f.yaml:1:5: the control character U+0007 is not allowed: remove it, or write it as an "
            "escape in double quotes");
    ok(!read_bytes("a: \0b", 5) && strstr(err_text(&err), "f.yaml:1:4: the control character U+0000"),
       "a NUL byte");
    ok(read("\xEF\xBB\xBF"
            "a: b\nc: d\n") != NULL,
       "a byte order mark is skipped");
    rejects("\xEF\xBB\xBF@", "f.yaml:1:1: '@' cannot begin a value: put the text in quotes");
}

static void content_errors(void)
{
    rejects("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: duplicate key \"a\", first on line 1: remove "
                                  "one");
    rejects("{1: a, 0x1: b}", "f.yaml:1:8: duplicate key 1, first on line 1: remove one");
    rejects("{1: a, 1.0: b}", "f.yaml:1:8: duplicate key 1, first on line 1: remove one");
    rejects("~: a\nnull: b\n", "f.yaml:2:1: duplicate key null, first on line 1: remove one");
    ok(read("{1: a, '1': b, true: c}") != NULL, "keys of different kinds differ");
    rejects("? [a]\n: b\n", "f.yaml:1:3: a sequence cannot be a key: use text, or put it in quotes");
    rejects("{a: 1}: b\n", "f.yaml:1:1: a mapping cannot be a key: use text, or put it in quotes");
    rejects(".nan: 1", "f.yaml:1:1: .nan cannot be a key: put it in quotes");
    rejects("id: 99999999999999999999",
            "f.yaml:1:5: the integer \"99999999999999999999\" does not fit in 64 bits: put it "
            "in quotes to make it a string");
    rejects("a: *x", "f.yaml:1:4: no anchor before the alias \"*x\": define it, or put the text in quotes");
    rejects("a: &x [*x]", "f.yaml:1:8: the alias *x is inside the value it refers to: remove it");
    rejects("a: &x 1\nb: &x 2\n", "f.yaml:2:4: duplicate anchor &x, first on line 1: rename one");
    rejects("a: !!int x", "f.yaml:1:4: tag \"!!int\": the text is not an integer: correct it, or remove "
                          "the tag");
    rejects("a: !foo x", "f.yaml:1:4: tag \"!foo\": not valid for a scalar: remove it");
    rejects("a: !foo [x]", "f.yaml:1:4: tag \"!foo\": not valid for a sequence: remove it");
    rejects("a: !!python/object:os.x {}",
            "f.yaml:1:4: tag \"!!python/object:os.x\": not valid for a mapping: "
            "remove it");
}

static bool has_int(const bosun_value *mapping, const char *key, int64_t wanted)
{
    const bosun_value *value = bosun_value_get(mapping, key);
    return value && value->kind == BOSUN_INT && value->as.integer == wanted;
}

static void merging(void)
{
    const bosun_value *m = bosun_value_get(read("x: &x {a: 1, b: 2}\nm: {a: 5, <<: *x}\n"), "m");
    ok(has_int(m, "a", 5) && has_int(m, "b", 2) && m->as.mapping.count == 2,
       "an explicit key wins before <<");
    m = bosun_value_get(read("x: &x {a: 1, b: 2}\nm: {<<: *x, a: 5}\n"), "m");
    ok(has_int(m, "a", 5) && m->as.mapping.count == 2, "and after it");
    m = bosun_value_get(read("x: &x {a: 1}\ny: &y {a: 2, b: 3}\nm: {<<: [*x, *y]}\n"), "m");
    ok(has_int(m, "a", 1) && has_int(m, "b", 3), "of a list the first wins");
    m = read("{<<: {<<: {a: 1, b: 1}, a: 2}, b: 3}");
    ok(has_int(m, "a", 2) && has_int(m, "b", 3), "merges nest");
    ok(bosun_value_get(read("{'<<': {a: 1}}"), "<<") != NULL, "a quoted << is a key");
    rejects("<<: 1\n", "f.yaml:1:5: << expects a mapping or a list of mappings, not an integer");
    rejects("<<: [{}, x]\n", "f.yaml:1:10: << expects a mapping or a list of mappings, not a string");
    rejects("<<: {a: 1}\n<<: {b: 1}\n", "f.yaml:2:1: duplicate key \"<<\", first on line 1: merge several "
                                        "mappings with one list: <<: [*a, *b]");
}

static void positions(void)
{
    const bosun_value *root = read("# c\na:\n  é: [x,  y]\nb: &n z\nc: *n\n");
    const bosun_value *a = bosun_value_get(root, "a");
    const bosun_value *list = bosun_value_get(a, "é");
    ok(root->mark.line == 2 && root->mark.column == 1, "of the root");
    ok(a->mark.line == 3 && a->mark.column == 3, "of a block mapping");
    ok(list->mark.line == 3 && list->mark.column == 6, "columns count characters");
    ok(list->as.sequence.items[1]->mark.column == 11, "of an item");
    ok(bosun_value_get(root, "c") == bosun_value_get(root, "b"), "an alias shares the value");
    root = read("");
    ok(root && root->kind == BOSUN_NULL && root->mark.line == 1, "an empty text is null on line 1");
    root = read("a: &k key\n*k : 1\n");
    ok(root && root->as.mapping.pairs[1].key->mark.line == 2, "an alias as key has its own place");
}

/* The seconds it takes to read a text. */
static double timed_read(const char *text, size_t len)
{
    struct timespec a;
    struct timespec b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    read_bytes(text, len);
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

static void rejects_fast(bosun_buf *text, const char *words, const char *name)
{
    double seconds = timed_read(text->data, text->len);
    ok(strcmp(err.code, BOSUN_ERR_TOO_LARGE) == 0 && strstr(err_text(&err), words) && seconds < 2,
       "%s (%.3f s)", name, seconds);
    if (!err.code[0] || !strstr(err_text(&err), words))
        note("%s", err.message);
    bosun_buf_free(text);
}

static bosun_buf repeated(const char *piece, size_t count)
{
    bosun_buf text = {0};
    for (size_t i = 0; i < count; i++)
        bosun_buf_puts(&text, piece);
    return text;
}

static void caps(void)
{
    bosun_buf text = repeated("[", 100000);
    rejects_fast(&text, ":1:65: nested deeper than 64 levels", "100,000 brackets");
    text = repeated("- ", 100000);
    rejects_fast(&text, "nested deeper", "100,000 dashes");
    text = repeated("{a: ", 65);
    rejects_fast(&text, "nested deeper", "mappings");
    text = repeated("- x\n", BOSUN_YAML_MAX_EVENTS);
    rejects_fast(&text, "more than 100000 keys and values", "too many events");
    text = repeated(" ", BOSUN_YAML_MAX_BYTES + 1);
    rejects_fast(&text, "f.yaml:1:1: the document is too large: 1048577 bytes", "too many bytes");
    for (int i = 0; i <= BOSUN_YAML_MAX_ANCHORS; i++)
        bosun_buf_printf(&text, "- &a%d x\n", i);
    rejects_fast(&text, "f.yaml:101:3: more than 100 anchors", "too many anchors");
    for (int i = 0; i < 60000; i++)
        bosun_buf_printf(&text, "%%TAG !%d! x\n", i);
    rejects_fast(&text, "f.yaml:101:1: more than 100 %TAG directives", "too many directives");
    bosun_buf_puts(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++)
        bosun_buf_printf(&text, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1,
                         i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    rejects_fast(&text, "aliases expand to more than", "a billion laughs");
    bosun_buf_puts(&text, "a: &a {");
    for (int i = 0; i < 5000; i++)
        bosun_buf_printf(&text, "k%d: 1, ", i);
    bosun_buf_puts(&text, "}\nb: ");
    for (int i = 0; i < 50; i++)
        bosun_buf_puts(&text, "{<<: ");
    bosun_buf_puts(&text, "*a");
    for (int i = 0; i < 50; i++)
        bosun_buf_puts(&text, "}");
    rejects_fast(&text, "<< merges more than", "a tower of merges");
    text = repeated("[", BOSUN_YAML_MAX_DEPTH);
    for (int i = 0; i < BOSUN_YAML_MAX_DEPTH; i++)
        bosun_buf_puts(&text, "]");
    ok(read_bytes(text.data, text.len) != NULL, "64 levels are read");
    bosun_buf_free(&text);
}

static void many_keys(void)
{
    bosun_buf text = {0};
    for (int i = 0; i < 45000; i++)
        bosun_buf_printf(&text, "key%d: %d\n", i, i);
    double seconds = timed_read(text.data, text.len);
    ok(!err.code[0] && seconds < 2, "45,000 keys of one mapping are read (%.3f s)", seconds);
    bosun_buf_puts(&text, "key7: x\n");
    read_bytes(text.data, text.len);
    starts_with(err_text(&err), "f.yaml:45001:1: duplicate key \"key7\", first on line 8:",
                "and one that is there twice is found");
    bosun_buf_free(&text);
}

static const char *written(const bosun_value *value, int indent)
{
    static bosun_buf out;
    bosun_buf_clear(&out);
    err = (bosun_err){0};
    return bosun_yaml_write(&out, value, indent, &err) < 0 ? err.message : bosun_buf_text(&out);
}

static void writing(void)
{
    is_text(
        written(read("a: [1, [2, {b: 3, c: []}], {}]\nq: {e: ~, f: {}}\ng: 1.0\n5: yes\n'': \"x\\n\"\n"), 2),
        "  \"a\":\n    - 1\n    - - 2\n      - \"b\": 3\n        \"c\": []\n    - {}\n"
        "  \"q\":\n    \"e\": null\n    \"f\": {}\n  \"g\": 1.0\n  5: true\n  \"\": \"x\\n\"\n",
        "blocks");
    is_text(written(read("hello"), 0), "\"hello\"\n", "a scalar alone");
    is_text(written(read("[]"), 4), "    []\n", "an empty sequence alone");
    is_text(written(read("!!binary //4A"), 0), "\"\xEF\xBF\xBD\xEF\xBF\xBD\\x00\"\n",
            "bytes that are not UTF-8");
    is_text(written(read("\"\\x85\\u2028\\uFEFF\\uFFFE\\U0001FFFF\\x7F\\xA0\\e\""), 0),
            "\"\\x85\\u2028\\uFEFF\\uFFFE\\U0001FFFF\\x7F\xC2\xA0\\x1B\"\n",
            "characters that readers disagree on");
    is_text(written(read("[.inf, -.inf, .nan]"), 0), "- \"inf\"\n- \"-inf\"\n- \"nan\"\n",
            "no number is a string");
    is_text(written(read("[0.1, 1.0e+16, 123456.789, -0.0, 1.0e-5, 0.0001, 1.5e+300]"), 0),
            "- 0.1\n- 1.0e+16\n- 123456.789\n- -0.0\n- 1.0e-05\n- 0.0001\n- 1.5e+300\n", "floats");
}

static void writing_has_caps(void)
{
    bosun_buf text = repeated("[", 51);
    bosun_buf_puts(&text, "x");
    for (int i = 0; i < 51; i++)
        bosun_buf_puts(&text, "]");
    ok(written(read_bytes(text.data + 1, 101), 0) != NULL && !err.code[0], "50 levels are written");
    is_text(written(read_bytes(text.data, text.len), 0), "the data is nested deeper than 50 levels",
            "51 are not");
    bosun_buf_free(&text);
    bosun_buf_puts(&text, "a: &a \"");
    bosun_buf_repeat(&text, 'x', 100000);
    bosun_buf_puts(&text, "\"\nb: [");
    for (int i = 0; i < 680; i++)
        bosun_buf_puts(&text, "*a,");
    bosun_buf_puts(&text, "]");
    is_text(written(read_bytes(text.data, text.len), 0), "the data is too large: more than 64 MiB",
            "68 MB are not");
    bosun_buf_free(&text);
    char storage[16];
    bosun_buf small = bosun_buf_fixed(storage, sizeof storage);
    ok(bosun_yaml_write(&small, read("a: a text that is too long"), 0, &err) < 0,
       "a fixed buffer that is full");
}

static void long_keys(void)
{
    bosun_buf key = {0};
    bosun_buf_puts(&key, "? \"");
    bosun_buf_repeat(&key, 'k', 2000);
    bosun_buf_puts(&key, "\"\n: {a: 1}\n");
    char *once = strdup(written(read_bytes(key.data, key.len), 0));
    const bosun_value *again = read(once);
    ok(again && again->as.mapping.count == 1 && again->as.mapping.pairs[0].key->as.string.len == 2000,
       "a key past 1024 characters is read again");
    free(once);
    bosun_buf_free(&key);
}

static void other_locale(void)
{
    const char *set = setlocale(LC_ALL, "de_DE.UTF-8");
    if (!set) {
        skip("numbers under a locale with a decimal comma", "de_DE.UTF-8 is not installed");
        return;
    }
    is_text(written(read("[1.5, 1.0e-7, !!float 2.5]"), 0), "- 1.5\n- 1.0e-07\n- 2.5\n",
            "numbers under a locale with a decimal comma");
    setlocale(LC_ALL, "C");
}

int main(void)
{
    syntax_errors_say_where_and_what();
    text_that_is_not_text();
    content_errors();
    merging();
    positions();
    caps();
    many_keys();
    writing();
    writing_has_caps();
    long_keys();
    other_locale();
    bosun_arena_free(arena);
    return done();
}
