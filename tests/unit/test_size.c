/* Sizes: what is read as how many bytes, what is refused, and how sizes are shown. */
#include "core/base/size.h"
#include "tap.h"
#include <inttypes.h>
#include <locale.h>
#include <string.h>

#define KI INT64_C(1024)

typedef int parser(const char *text, size_t len, int64_t *bytes, bosun_err *err);

static void check(parser *parse, const char *text, int64_t wanted)
{
    int64_t got = -1;
    bosun_err err = {0};
    int rc = parse(text, strlen(text), &got, &err);
    if (!ok(rc == 0 && got == wanted, "\"%s\"", text))
        note("wanted %" PRId64 ", got %" PRId64 " (%s)", wanted, got, err.message);
}

static void check_size(const char *text, int64_t wanted)
{
    check(bosun_size_parse, text, wanted);
}

static void check_docker(const char *text, int64_t wanted)
{
    check(bosun_size_parse_docker, text, wanted);
}

static void check_refused(parser *parse, const char *text, const char *message)
{
    int64_t got = 7;
    bosun_err err = {0};
    int rc = parse(text, strlen(text), &got, &err);
    ok(rc < 0 && got == 7 && strcmp(err.code, BOSUN_ERR_INVALID) == 0, "\"%s\" is refused", text);
    is_text(err.message, message, message);
}

static void test_units(void)
{
    check_size("0", 0);
    check_size("4096", 4096);
    check_size("007", 7);
    check_size("7b", 7);
    check_size("10k", 10000);
    check_size("10kB", 10000);
    check_size("10K", 10000);
    check_size("512Mi", 512 * KI * KI);
    check_size("512MI", 512 * KI * KI);
    check_size("512 Mi", 512 * KI * KI);
    check_size("512\tmib", 512 * KI * KI);
    check_size("512 ", 512);
    check_size("3m", 3000000);
    check_size("3MB", 3000000);
    check_size("2G", INT64_C(2000000000));
    check_size("2GiB", 2 * KI * KI * KI);
    check_size("2T", INT64_C(2000000000000));
    check_size("2TiB", 2 * KI * KI * KI * KI);
    check_size("2PB", INT64_C(2000000000000000));
    check_size("2Pi", 2 * KI * KI * KI * KI * KI);
}

static void test_fractions(void)
{
    check_size("1.5GiB", 3 * KI * KI * KI / 2);
    check_size("1.5k", 1500);
    check_size("1.k", 1000);
    check_size("1.", 1);
    check_size("1.999", 1);
    check_size("4.35k", 4350); /* 4.35 * 1000 is less than 4350 in floating point */
    check_size("0.1Ki", 102);
    check_size("0.0009765625Mi", 1024);
    check_size("1.00000000000000000000000000000000000000000000000000000001k", 1000);
    check_size("1.99999999999999999999999999999999999999999999999999999999k", 1999);
}

static void test_limits(void)
{
    check_size("9223372036854775807", INT64_MAX);
    check_size("9007199254740993", INT64_C(9007199254740993));
    check_size("8191.99999999999999999999Pi", INT64_MAX);
    const char *too_large = "expected a size below 8192Pi";
    check_refused(bosun_size_parse, "9223372036854775808", too_large);
    check_refused(bosun_size_parse, "18446744073709551616", too_large);
    check_refused(bosun_size_parse, "123456789012345678901234567890", too_large);
    check_refused(bosun_size_parse, "8192Pi", too_large);
    check_refused(bosun_size_parse, "9300P", too_large);
    check_refused(bosun_size_parse, "18446744073709551615.9Pi", too_large);
}

static void test_refused(void)
{
    static const char *const texts[] = {"",      "k",    "-1",  "+1",  "1e3", "0x10",  ".5k", "1.5.5", "1,5k",
                                        " 1",    "nan",  "inf", "1kk", "1bb", "1i",    "1ib", "1bk",   "5x",
                                        "1 k k", "many", "1e",  "1E",  "-0",  "1 B B", "1k ", "1_000"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check_refused(bosun_size_parse, texts[i], "expected a size such as 512Mi");
    int64_t bytes = 0;
    ok(bosun_size_parse("12\0", 3, &bytes, NULL) < 0, "a NUL is refused");
    ok(bosun_size_parse("12", 1, &bytes, NULL) == 0 && bytes == 1, "the length counts");
}

static void test_docker(void)
{
    check_docker("512m", 512 * KI * KI);
    check_docker("512M", 512 * KI * KI);
    check_docker("512mb", 512 * KI * KI);
    check_docker("512Mi", 512 * KI * KI);
    check_docker("512MiB", 512 * KI * KI);
    check_docker("2g", 2 * KI * KI * KI);
    check_docker("1.5G", 3 * KI * KI * KI / 2);
    check_docker("4k", 4096);
    check_docker("1tb", KI * KI * KI * KI);
    check_docker("1p", KI * KI * KI * KI * KI);
    check_docker("1000", 1000);
    check_docker("1000b", 1000);
    check_docker(" 1 Gi\t", KI * KI * KI);
    check_docker("1024.0", 1024);
    check_refused(bosun_size_parse_docker, "", "expected a size such as 512m");
    check_refused(bosun_size_parse_docker, "-1m", "expected a size such as 512m");
    check_refused(bosun_size_parse_docker, "1 m m", "expected a size such as 512m");
    check_refused(bosun_size_parse_docker, "8192p", "expected a size below 8192Pi");
}

static void check_shown(uint64_t bytes, const char *wanted)
{
    char text[16];
    bosun_size_show(text, sizeof text, bytes);
    is_text(text, wanted, wanted);
}

static void test_show(void)
{
    check_shown(0, "0 B");
    check_shown(1023, "1023 B");
    check_shown(1024, "1.0 KiB");
    check_shown(1536, "1.5 KiB");
    check_shown(1024 * 1024 - 1, "1.0 MiB");
    check_shown(1024 * 1024 - 52, "1023.9 KiB");
    check_shown(3 * (UINT64_C(1) << 29), "1.5 GiB");
    check_shown(UINT64_C(5) << 40, "5.0 TiB");
    check_shown(UINT64_C(5) << 50, "5.0 PiB");
    check_shown(UINT64_MAX, "16.0 EiB");
    if (setlocale(LC_ALL, "de_DE.UTF-8"))
        check_shown(1536, "1.5 KiB");
}

int main(void)
{
    test_units();
    test_fractions();
    test_limits();
    test_refused();
    test_docker();
    test_show();
    return done();
}
