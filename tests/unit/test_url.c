/* URLs: their parts, what is refused and why, and what a message shows of them. */
#include "core/base/url.h"
#include "tap.h"
#include <string.h>

static void append_part(bosun_buf *out, const char *name, bosun_span part)
{
    if (part.at)
        bosun_buf_printf(out, " %s=%.*s", name, (int)part.len, part.at);
}

/* Shows the parts, or the error. */
static void check_parse_bytes(const char *url, size_t len, const char *wanted)
{
    bosun_url parts;
    bosun_err err = {0};
    bosun_buf got = {0};
    if (bosun_url_parse(url, len, &parts, &err) < 0) {
        bosun_buf_puts(&got, err.message);
    } else {
        bosun_buf_printf(&got, "%.*s", (int)parts.scheme.len, parts.scheme.at);
        append_part(&got, "user", parts.user);
        append_part(&got, "password", parts.password);
        append_part(&got, "host", parts.host);
        if (parts.port)
            bosun_buf_printf(&got, " port=%d", parts.port);
        append_part(&got, "path", parts.path);
        append_part(&got, "query", parts.query);
        append_part(&got, "fragment", parts.fragment);
    }
    is_text(bosun_buf_text(&got), wanted, url);
    bosun_buf_free(&got);
}

static void check_parse(const char *url, const char *wanted)
{
    check_parse_bytes(url, strlen(url), wanted);
}

static void test_parts(void)
{
    check_parse("http://host", "http host=host path=");
    check_parse("HTTPS://Host/", "HTTPS host=Host path=/");
    check_parse("https://user:pass@host:8/p/q?a=1&b#part",
                "https user=user password=pass host=host port=8 path=/p/q query=a=1&b fragment=part");
    check_parse("http://user@host", "http user=user host=host path=");
    check_parse("http://:pass@host", "http user= password=pass host=host path=");
    check_parse("http://@host:", "http user= host=host path=");
    check_parse("http://a:b:c@host", "http user=a password=b:c host=host path=");
    check_parse("http://a@b@host", "http user=a@b host=host path=");
    check_parse("http://a:%2Fb@host", "http user=a password=%2Fb host=host path=");
    check_parse("http://host?", "http host=host path= query=");
    check_parse("http://host#", "http host=host path= fragment=");
    check_parse("http://host?a?b#c?d#e", "http host=host path= query=a?b fragment=c?d#e");
    check_parse("http://host/#/?", "http host=host path=/ fragment=/?");
    check_parse("http://host//x:80@y", "http host=host path=//x:80@y");
    check_parse("http://host/100%", "http host=host path=/100%");
    check_parse("http://host:65535", "http host=host port=65535 path=");
    check_parse("http://host:00080", "http host=host port=80 path=");
    check_parse("unix+http.v-1://host", "unix+http.v-1 host=host path=");
    check_parse("http://b\xC3\xBC"
                "cher.example/\xC3\xBC",
                "http host=b\xC3\xBC"
                "cher.example path=/\xC3\xBC");
    check_parse("http://a%20b_~!$&'()*+,;=.example", "http host=a%20b_~!$&'()*+,;=.example path=");
}

static void test_ipv6(void)
{
    check_parse("http://[::1]", "http host=[::1] path=");
    check_parse("http://a:b@[2001:db8::7]:80/x", "http user=a password=b host=[2001:db8::7] port=80 path=/x");
    check_parse("http://[::ffff:10.0.0.1]?q", "http host=[::ffff:10.0.0.1] path= query=q");
    check_parse("http://[fe80::1%25eth0]/", "http host=[fe80::1%25eth0] path=/");
    check_parse("http://[::1", "not a valid URL: the \"[\" of the host is not closed");
    check_parse("http://[]", "not a valid URL: the host in brackets is not an IPv6 address");
    check_parse("http://[1.2.3.4]", "not a valid URL: the host in brackets is not an IPv6 address");
    check_parse("http://[host]", "not a valid URL: the host in brackets is not an IPv6 address");
    check_parse("http://[1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17:18:19:20]",
                "not a valid URL: the host in brackets is not an IPv6 address");
    check_parse("http://[::1]80",
                "not a valid URL: expected \":\" and a port, or the path, after the host in brackets");
    check_parse("http://::1/", "not a valid URL: the host is missing");
}

static void test_refused(void)
{
    const char *no_scheme = "not a valid URL: expected it to begin with a scheme such as https://";
    check_parse("", no_scheme);
    check_parse("host", no_scheme);
    check_parse("//host", no_scheme);
    check_parse("://host", no_scheme);
    check_parse("http:/host", no_scheme);
    check_parse("http:", no_scheme);
    check_parse("1http://host", no_scheme);
    check_parse(" http://host", no_scheme);
    check_parse("user:secret@host://x", no_scheme);
    check_parse("http://", "not a valid URL: the host is missing");
    check_parse("http:///path", "not a valid URL: the host is missing");
    check_parse("http://:80", "not a valid URL: the host is missing");
    check_parse("http://user@", "not a valid URL: the host is missing");
    check_parse("http://?q", "not a valid URL: the host is missing");
    check_parse("http://ho st/", "not a valid URL: contains a space (at byte 10)");
    check_parse("http://host/ ", "not a valid URL: contains a space (at byte 13)");
    check_parse("http://host/\rX: y", "not a valid URL: contains a control character (at byte 13)");
    check_parse("http://host/\x7F", "not a valid URL: contains a control character (at byte 13)");
    check_parse_bytes("http://host\0.evil", 17, "not a valid URL: contains a control character (at byte 12)");
    const char *bad_port = "not a valid URL: the port is not a number from 1 to 65535";
    check_parse("http://host:0", bad_port);
    check_parse("http://host:65536", bad_port);
    check_parse("http://host:99999999999999999999", bad_port);
    check_parse("http://host:-1", bad_port);
    check_parse("http://host:+1", bad_port);
    check_parse("http://host:8x", bad_port);
    check_parse("http://host:8:9", bad_port);
    check_parse("http://ho\"st", "not a valid URL: the host contains a character that is not allowed");
    check_parse("http://host\\path", "not a valid URL: the host contains a character that is not allowed");
    check_parse("http://host%2", "not a valid URL: % in the host is not followed by two hexadecimal digits");
    check_parse("http://a%:b@host",
                "not a valid URL: % in the user is not followed by two hexadecimal digits");
    check_parse("http://a:b%zz@host",
                "not a valid URL: % in the password is not followed by two hexadecimal digits");
}

/* A message about a bad URL does not repeat the password. */
static void test_quiet(void)
{
    static const char *const urls[] = {
        "http://user:S3cret%@host",  "http://user:S3cret@",         "http://user:S3cret/x@host",
        "http://user:S3cret#x@host", "http://user:S3cret?x@host:8", "http://user:S3cret @host",
        "user:S3cret@host",          "http://user:S3cret@host:8x",  "http://user:S3cret@[host",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        bosun_url parts;
        bosun_err err = {0};
        int rc = bosun_url_parse(urls[i], strlen(urls[i]), &parts, &err);
        ok(rc < 0 && !strstr(err.message, "S3cret"), "%s", err.message);
    }
    check_parse("http://user:p/w@host", "not a valid URL: the port is not a number from 1 to 65535; in a "
                                        "password, write %25 for %, %2F for /, "
                                        "%3F for ?, %23 for #, %40 for @");
}

static void check_shown(const char *url, const char *wanted)
{
    bosun_buf shown = {0};
    bosun_url_show(&shown, url);
    is_text(bosun_buf_text(&shown), wanted, url);
    bosun_buf_free(&shown);
}

static void test_shown(void)
{
    check_shown("http://host/path", "http://host/path");
    check_shown("https://user:pass@host:8/p?a=1#fragment", "https://host:8/p?a=1");
    check_shown("http://a@b@host", "http://host");
    check_shown("http://[::1]:80/x", "http://[::1]:80/x");
    check_shown("http://h?token=1&x=2&X-Amz-Signature=3;sig=4",
                "http://h?token=[redacted]&x=2&X-Amz-Signature=[redacted];sig=[redacted]");
    check_shown("http://h/?design=1&access_token=2&apikey=&monkey=1",
                "http://h/?design=1&access_token=[redacted]&apikey=[redacted]&monkey=1");
    check_shown("http://h/x@y?password", "http://h/x@y?password");
    check_shown("https://cdn.example/npm/@scope/pkg@1", "https://cdn.example/npm/@scope/pkg@1");
    check_shown("http://h?", "http://h?");
    check_shown("http://host:x y", "http://host:x y");
    check_shown("http://", "http://");
}

static void test_hidden(void)
{
    check_shown("http://user1:p#S3cret@127.0.0.1:8080", "http://[redacted]@127.0.0.1:8080");
    check_shown("http://user:p/S3cret@host/x", "http://[redacted]@host/x");
    check_shown("http://user:/S3cret@host/x", "http://[redacted]@host/x");
    check_shown("http://user:p?token=S3cret@host", "http://[redacted]@host");
    check_shown("http://user:123/S3cret@host", "http://[redacted]@host");
    check_shown("http://user:S3cret@x/S3cret@host?a", "http://[redacted]@host?a");
    check_shown("http://user:S3cret@", "http://");
    check_shown("http://user:S3 cret@host", "http://host");
    check_shown("http://user:S3%cret@host:x", "http://host:x");
    check_shown("http://u/S3 cret@host", "http://[redacted]@host");
    check_shown("nonsense", "(not a URL)");
    check_shown("user:S3cret@host:3128", "(not a URL)");
    check_shown("//user:S3cret@host", "(not a URL)");
    check_shown("user:S3cret://host", "(not a URL)");
    check_shown("", "(not a URL)");
}

int main(void)
{
    test_parts();
    test_ipv6();
    test_refused();
    test_quiet();
    test_shown();
    test_hidden();
    return done();
}
