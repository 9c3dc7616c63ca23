/* Reading lines. On a terminal, characters are read here, not by libedit: a signal then does what it means
 * for the line. While a line is edited, the thread has a UTF-8 locale, which libedit asks for how wide
 * characters are. */
#include "line.h"
#include "edit_api.h"
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define REMEMBERED 1000 /* lines */
#define LISTED_MAX 200  /* words that Tab lists */

struct line_reader {
    const edit_api *api; /* NULL: plain lines */
    EditLine *editor;
    History *history;
    locale_t locale;
    const char *prompt;
    bool terminal;
    line_complete *complete;
    void *data;
    char input[4096]; /* plain lines: what was read and not yet used */
    size_t used;
    size_t filled;
};

static volatile sig_atomic_t terminal_changed;
static volatile sig_atomic_t interrupted;
static volatile sig_atomic_t ended;

void line_terminal_changed(void)
{
    terminal_changed = 1;
}

void line_interrupt(void)
{
    interrupted = 1;
}

void line_forget_interrupt(void)
{
    interrupted = 0;
}

void line_end(void)
{
    ended = 1;
}

int line_columns(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
        return 80;
    return size.ws_col;
}

static line_reader *reader_of(EditLine *editor, const edit_api *api)
{
    void *reader = NULL;
    api->el_get(editor, EL_CLIENTDATA, &reader);
    return reader;
}

static char *get_prompt(EditLine *editor)
{
    return (char *)reader_of(editor, edit_api_load())->prompt;
}

static void redraw(const line_reader *reader)
{
    terminal_changed = 0;
    reader->api->el_resize(reader->editor);
    reader->api->el_set(reader->editor, EL_PREP_TERM, 0); /* after Ctrl-Z and fg, the modes are the shell's */
    reader->api->el_set(reader->editor, EL_PREP_TERM, 1);
    reader->api->el_set(reader->editor, EL_REFRESH);
}

/* Reads a byte. 1, 0 at the end, -1: Ctrl-C or an error. */
static int read_byte(const line_reader *reader, char *byte)
{
    for (;;) {
        if (interrupted || ended)
            return -1;
        ssize_t n = read(STDIN_FILENO, byte, 1);
        if (n >= 0 || errno != EINTR)
            return (int)n;
        if (terminal_changed)
            redraw(reader);
    }
}

/* libedit's function for reading a character: 1, 0 at the end, -1. */
static int read_character(EditLine *editor, wchar_t *character)
{
    const line_reader *reader = reader_of(editor, edit_api_load());
    mbstate_t state = {0};
    char byte;
    for (;;) {
        int n = read_byte(reader, &byte);
        if (n <= 0)
            return n;
        size_t len = mbrtowc(character, &byte, 1, &state);
        if (len == (size_t)-1) {
            *character = L'?';
            return 1;
        }
        if (len != (size_t)-2)
            return 1;
    }
}

static size_t common_length(const char *words, size_t first_len)
{
    size_t common = first_len;
    for (const char *word = words; *word; word += strcspn(word, "\n") + 1) {
        size_t same = 0;
        while (same < common && word[same] == words[same])
            same++;
        common = same;
    }
    while (common > 0 && ((unsigned char)words[common] & 0xC0) == 0x80)
        common--; /* not into the middle of a character */
    return common;
}

static size_t count_words(const char *words, size_t *longest)
{
    size_t count = 0;
    *longest = 0;
    for (; *words; words += strcspn(words, "\n") + 1, count++)
        if (strcspn(words, "\n") > *longest)
            *longest = strcspn(words, "\n");
    return count;
}

/* Lists the words below the line, in columns. */
static void list_words(const char *words)
{
    size_t longest;
    size_t count = count_words(words, &longest);
    size_t columns = (size_t)line_columns() / (longest + 2);
    size_t column = 0;
    columns = columns ? columns : 1;
    putchar('\n');
    for (size_t i = 0; *words && i < LISTED_MAX; words += strcspn(words, "\n") + 1, i++) {
        int len = (int)strcspn(words, "\n");
        bool last = ++column == columns || !words[len + 1];
        printf("%.*s%*s%s", len, words, last ? 0 : (int)longest + 2 - len, "", last ? "\n" : "");
        column = last ? 0 : column;
    }
    if (count > LISTED_MAX)
        printf("… and %zu more\n", count - LISTED_MAX);
    fflush(stdout);
}

static unsigned char insert(const line_reader *reader, const char *text)
{
    return reader->api->el_insertstr(reader->editor, text) == 0 ? CC_REFRESH : CC_ERROR;
}

/* Inserts what all words have in common behind `typed`, or lists them. */
static unsigned char offer(const line_reader *reader, char *words, size_t typed)
{
    size_t first = strcspn(words, "\n");
    size_t common = common_length(words, first);
    bool single = !words[first] || !words[first + 1];
    if (common > typed) {
        words[common] = '\0';
        return insert(reader, words + typed);
    }
    if (single)
        return CC_NORM;
    list_words(words);
    return CC_REDISPLAY;
}

/* Tab. At the beginning of a line it indents. */
static unsigned char complete(EditLine *editor, wint_t key)
{
    (void)key;
    const line_reader *reader = reader_of(editor, edit_api_load());
    const LineInfo *line = reader->api->el_line(editor);
    size_t point = (size_t)(line->cursor - line->buffer);
    if (strspn(line->buffer, " ") >= point)
        return insert(reader, "  ");
    bosun_buf words = {0};
    bosun_buf text = {0};
    size_t start = point;
    bosun_buf_append(&text, line->buffer, point);
    reader->complete(reader->data, bosun_buf_text(&text), point, &words, &start);
    unsigned char result = CC_ERROR;
    if (words.len > 0 && !words.failed && start <= point)
        result = offer(reader, words.data, point - start);
    bosun_buf_free(&words);
    bosun_buf_free(&text);
    return result;
}

static void set_up_editor(line_reader *reader)
{
    const edit_api *api = reader->api;
    EditLine *editor = reader->editor;
    HistEvent event;
    api->history(reader->history, &event, H_SETSIZE, REMEMBERED);
    api->history(reader->history, &event, H_SETUNIQUE, 1);
    api->el_set(editor, EL_CLIENTDATA, (void *)reader);
    api->el_set(editor, EL_HIST, api->history, reader->history);
    api->el_set(editor, EL_EDITOR, "emacs");
    api->el_set(editor, EL_SIGNAL, 0);
    api->el_set(editor, EL_PROMPT, get_prompt);
    api->el_set(editor, EL_GETCFN, read_character);
    api->el_wset(editor, EL_ADDFN, L"bosun-complete", L"complete the word",
                 complete); /* el_set leaks copies */
    api->el_set(editor, EL_BIND, "^I", "bosun-complete", NULL);
    api->el_set(editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
    api->el_source(editor, NULL); /* the person's own ~/.editrc */
}

static locale_t utf8_locale(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    locale_t before = locale ? uselocale(locale) : (locale_t)0;
    bool wide = locale && MB_CUR_MAX > 1;
    if (locale)
        uselocale(before);
    if (wide)
        return locale;
    locale_t fallback = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (fallback && locale)
        freelocale(locale);
    return fallback ? fallback : locale;
}

static void open_editor(line_reader *reader)
{
    const edit_api *api = edit_api_load();
    if (!api || !reader->locale)
        return;
    reader->history = api->history_init();
    reader->editor = reader->history ? api->el_init("bosun", stdin, stdout, stderr) : NULL;
    if (!reader->editor)
        return;
    reader->api = api;
    set_up_editor(reader);
}

line_reader *line_open(bool terminal, line_complete *complete_line, void *data)
{
    line_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return NULL;
    reader->terminal = terminal;
    reader->complete = complete_line;
    reader->data = data;
    if (!terminal)
        return reader;
    reader->locale = utf8_locale();
    locale_t before = reader->locale ? uselocale(reader->locale) : (locale_t)0;
    open_editor(reader);
    if (before)
        uselocale(before);
    return reader;
}

void line_close(line_reader *reader)
{
    if (!reader)
        return;
    if (reader->editor)
        reader->api->el_end(reader->editor);
    if (reader->history && reader->api)
        reader->api->history_end(reader->history);
    if (reader->locale)
        freelocale(reader->locale);
    free(reader);
}

/* 1: a byte, 0: the end, -1: Ctrl-C or an error. */
static int next_plain(line_reader *reader, char *byte)
{
    if (reader->used == reader->filled) {
        ssize_t n;
        do
            n = interrupted || ended ? -1 : read(STDIN_FILENO, reader->input, sizeof reader->input);
        while (n < 0 && errno == EINTR && !interrupted && !ended);
        if (n <= 0)
            return (int)n;
        reader->used = 0;
        reader->filled = (size_t)n;
    }
    *byte = reader->input[reader->used++];
    return 1;
}

static line_result read_plain(line_reader *reader, const char *prompt, bosun_buf *out)
{
    char byte = '\0';
    int n;
    if (reader->terminal) {
        fputs(prompt, stdout);
        fflush(stdout);
    }
    while ((n = next_plain(reader, &byte)) > 0 && byte != '\n')
        bosun_buf_putc(out, byte);
    if (ended)
        return LINE_END;
    if (n < 0 && interrupted)
        return LINE_INTERRUPTED;
    return n <= 0 && out->len == 0 ? LINE_END : LINE_READ;
}

static line_result read_edited(line_reader *reader, const char *prompt, bosun_buf *out)
{
    int count = 0;
    reader->prompt = prompt;
    locale_t before = uselocale(reader->locale);
    terminal_changed = 0;
    const char *line = reader->api->el_gets(reader->editor, &count);
    uselocale(before);
    if (line && count > 0) {
        bosun_buf_append(out, line, strcspn(line, "\n"));
        return LINE_READ;
    }
    putchar('\n');
    fflush(stdout);
    return interrupted && !ended ? LINE_INTERRUPTED : LINE_END;
}

line_result line_read(line_reader *reader, const char *prompt, bosun_buf *out)
{
    line_result result = reader->editor ? read_edited(reader, prompt, out) : read_plain(reader, prompt, out);
    if (result == LINE_INTERRUPTED)
        interrupted = 0;
    return result;
}

void line_remember(line_reader *reader, const char *line)
{
    HistEvent event;
    if (!reader->editor || !*line)
        return;
    locale_t before = uselocale(reader->locale);
    reader->api->history(reader->history, &event, H_ENTER, line);
    uselocale(before);
}
