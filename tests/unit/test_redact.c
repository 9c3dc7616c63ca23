/* Secrets are removed from texts, even where they overlap, are escaped, encoded or cut. */
#include "core/base/redact.h"
#include "tap.h"

static bosun_secrets secrets;

static void redacts(const char *text, const char *wanted)
{
    bosun_buf out = {0};
    bosun_redact(&out, &secrets, text, strlen(text));
    is_text(bosun_buf_text(&out), wanted, wanted);
    bosun_buf_free(&out);
}

static void add(const char *text)
{
    ok(bosun_secrets_add(&secrets, text, strlen(text)) == 0, "a secret: %s", text);
}

static void test_cuts(void)
{
    redacts("begins with token…", "begins with [redacted]…");
    redacts("…2345 and more text", "…[redacted] text");
    redacts("tok… but …678", "tok… but …678"); /* three bytes are too few to tell */
    redacts("token-12…45 and more", "[redacted]…[redacted]");
}

/* The same characters, written as URLs, JSON, YAML and Lua write them. */
static void test_escapes(void)
{
    bosun_secrets_free(&secrets);
    add("p@ss/w\"o\\rd +\n1");
    redacts("x=p%40ss%2Fw%22o%5Crd%20%2B%0A1&y", "x=[redacted]&y");
    redacts("x=p%40ss%2fw%22o%5crd+%2B%0a1&y", "x=[redacted]&y");
    redacts("x=p%40ss/w%22o%5Crd++%0A1&y", "x=[redacted]&y");
    redacts("\"p@ss/w\\\"o\\\\rd +\\n1\"", "\"[redacted]\"");
    redacts("\"p@ss\\/w\\u0022o\\x5Crd +\\n1\"", "\"[redacted]\"");
    redacts("\"p@ss/w\\\"o\\\\r…", "\"[redacted]…");
    redacts("…w%22o%5Crd%20%2B%0A1", "…[redacted]");
    redacts("p%4 p%4", "p%4 p%4");
    bosun_secrets_free(&secrets);
    add("100%25 \\\\ sure");
    redacts("100%25 \\\\ sure, 100%2525%20%5C%5C sure", "[redacted], [redacted]");
}

/* Base64 of the secret alone, and behind one, two and three other bytes, in both alphabets. */
static void test_base64(void)
{
    bosun_secrets_free(&secrets);
    add("user:\xFB\xFF\xBE-pass");
    redacts("dXNlcjr7/74tcGFzcw==", "[redacted]w==");
    redacts("dXNlcjr7_74tcGFzcw", "[redacted]w");
    redacts("dXNlcjr7%2F74tcGFzcw%3D%3D", "[redacted]w%3D%3D");
    redacts("eHVzZXI6+/++LXBhc3N4", "eH[redacted]N4");
    redacts("eHh1c2VyOvv/vi1wYXNzeHg=", "eHh[redacted]eHg=");
    redacts("eHh1c2VyOvv_vi1wYXNzeHg=", "eHh[redacted]eHg=");
    redacts("eHh4dXNlcjr7/74tcGFzc3h4eA==", "eHh4[redacted]3h4eA==");
    redacts("eHh4dXNlcjr7/74tcGFzc… and …jr7/74tcGFzc3h4eA==", "eHh4[redacted]… and …[redacted]3h4eA==");
}

static void test_lines(void)
{
    bosun_secrets_free(&secrets);
    add("-----BEGIN PRIVATE KEY-----\r\nMIIEvQIBADANBgkq\r\nhkiG9w0BAQEFAASC\r\nshort\r\n"
        "-----END PRIVATE KEY-----\r\n");
    redacts("key: MIIEvQIBADANBgkq", "key: [redacted]");
    redacts("hkiG9w0BAQEFAASC\\r\\nshort", "[redacted]\\r\\nshort");
    redacts("not a -----BEGIN PRIVATE KEY-----", "not a -----BEGIN PRIVATE KEY-----");
    redacts("a short line", "a short line");
    bosun_secrets_free(&secrets);
    add("\n a-token \n");
    redacts("a-token", "[redacted]");
    size_t known = secrets.count;
    add("a-token");
    add("   \n");
    add("");
    ok(secrets.count == known, "blanks around a secret are no part of it, and alone they are none");
}

static void check_name(const char *name, bool surely, bool maybe)
{
    size_t len = strlen(name);
    ok(bosun_names_secret(name, len) == surely, "\"%s\" %s a secret", name,
       surely ? "names" : "does not name");
    ok(bosun_may_name_secret(name, len) == maybe, "\"%s\" %s name one", name, maybe ? "may" : "does not");
}

static void test_names(void)
{
    static const char *const sure[] = {"token",
                                       "mlopsApiToken",
                                       "X-Amz-Signature",
                                       "DB_PASSWORD",
                                       "x-api-key",
                                       "api_key",
                                       "apiKey",
                                       "AWS_SECRET_ACCESS_KEY",
                                       "credentials",
                                       "Authorization",
                                       "proxy-authorization",
                                       "cookie",
                                       "Set-Cookie",
                                       "bearer"};
    static const char *const maybe[] = {"key", "x-auth", "oauth_code", "primary_key", "sig"};
    static const char *const plain[] = {"monkey", "countryCode", "tokens", "cookies", "keyValueConfig",
                                        "",       "name",        "-"};
    for (size_t i = 0; i < sizeof sure / sizeof sure[0]; i++)
        check_name(sure[i], true, true);
    for (size_t i = 0; i < sizeof maybe / sizeof maybe[0]; i++)
        check_name(maybe[i], false, true);
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        check_name(plain[i], false, false);
}

int main(void)
{
    test_names();
    redacts("nothing is secret yet", "nothing is secret yet");
    add("token-1");
    add("token-12345");
    add("45 and more");
    add("abc");
    add("aaaa");
    add("token-1");
    size_t known = secrets.count;
    add("token-12345");
    add("abc");
    ok(secrets.count == known, "short ones are ignored, and ones that are known");
    redacts("", "");
    redacts("token-1", "[redacted]");
    redacts("x token-1 y token-1", "x [redacted] y [redacted]");
    redacts("x token-12345.", "x [redacted].");
    redacts("token-12345 and more!", "[redacted]!");
    redacts("token-1token-1", "[redacted][redacted]");
    redacts("aaaaaa|aaa", "[redacted]|aaa");
    redacts("abc token- 1", "abc token- 1");
    test_cuts();
    test_escapes();
    test_base64();
    test_lines();
    bosun_secrets_free(&secrets);
    ok(secrets.count == 0, "they can be forgotten");
    redacts("a-token", "a-token");
    return done();
}
