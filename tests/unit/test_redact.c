/* Secrets are removed from texts, even where they overlap. */
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
    redacts("tok… and …678", "tok… and …678"); /* three bytes are too few to tell */
    redacts("token-12…45 and more", "[redacted]…[redacted]");
}

static bool is_secret(const char *name)
{
    return bosun_names_secret(name, strlen(name));
}

static void test_names(void)
{
    static const char *const secret[] = {"token",   "mlopsApiToken", "X-Amz-Signature", "DB_PASSWORD", "key",
                                         "api_key", "apiKey",        "x-auth",          "oauth_code"};
    static const char *const plain[] = {"monkey", "countryCode", "tokens", "keyValueConfig", "", "name"};
    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++)
        ok(is_secret(secret[i]), "%s names a secret", secret[i]);
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        ok(!is_secret(plain[i]), "\"%s\" does not", plain[i]);
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
    ok(secrets.count == 4, "short ones are ignored, and ones that are known");
    redacts("", "");
    redacts("token-1", "[redacted]");
    redacts("x token-1 y token-1", "x [redacted] y [redacted]");
    redacts("x token-12345.", "x [redacted].");
    redacts("token-12345 and more!", "[redacted]!");
    redacts("token-1token-1", "[redacted][redacted]");
    redacts("aaaaaa|aaa", "[redacted]|aaa");
    redacts("abc token- 1", "abc token- 1");
    test_cuts();
    bosun_secrets_free(&secrets);
    ok(secrets.count == 0, "they can be forgotten");
    redacts("token-1", "token-1");
    return done();
}
