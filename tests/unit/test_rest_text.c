#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../net/json_text.h"
#include "../../net/rest_text.h"

static struct text text_of(const char *bytes)
{
    return (struct text){bytes, (uint32_t)strlen(bytes)};
}

/* J13: names in any script, with emoji, joiners and accents, are lines. */
static void test_lines_J13(void **state)
{
    (void)state;
    static const char *const good[] = {
        "Rock Night",
        "O'Neil \"&\" <b>",
        "ロック",
        "مهرجان",
        "שלום",
        "👩‍👩‍👧‍👦",
        "می‌خواهم",
        "é e\xcc\x81",
        "Z̗a̗l̗g̗o̗",
        "' OR 1=1 --",
        "$(rm -rf)",
        "a\xc2\xa0z",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "=1+1",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!rest_text_is_line(text_of(good[i])))
            fail_msg("refused: %s", good[i]);
}

/* J06, J11: controls, separators, bidirectional overrides and invisibles. */
static void test_refused_J11(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "a\x01",
        "a\x7f",
        "a\nb",
        "a\tb",
        "a\rb",
        "a\x1b[31m",
        "a\xc2\x85",
        "a\xc2\x9f",
        "a\xe2\x80\xa8z",
        "a\xe2\x80\xa9z",
        "a\xe2\x80\xaez",
        "a\xe2\x80\xaaz",
        "a\xe2\x81\xa6z",
        "a\xe2\x81\xa9z",
        "a\xe2\x80\x8ez",
        "a\xe2\x80\x8fz",
        "a\xe2\x80\x8bz",
        "a\xef\xbb\xbfz",
        "a\xd8\x9cz",
        "a\xe2\x81\xa0z",
        "",
        " ",
        "\xc2\xa0\xe3\x80\x80",
        "\xe2\x80\x8d",
        "a\xef\xbf\xb9z",
        "a\xf3\xa0\x80\x81z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (rest_text_is_line(text_of(bad[i])))
            fail_msg("accepted: case %zu", i);
    assert_false(rest_text_is_line((struct text){"a\0b", 3}));
    assert_true(rest_text_is_prose(text_of("")));
    assert_true(rest_text_is_prose(text_of("a\n\tb")));
    assert_false(rest_text_is_prose(text_of("a\rb")));
    assert_false(rest_text_is_prose(text_of("a\xe2\x80\xae")));
}

/* Slugs are what paths can hold without being taken for an id. */
static void test_slugs(void **state)
{
    (void)state;
    assert_true(rest_text_is_slug(text_of("a")));
    assert_true(rest_text_is_slug(text_of("rock-night-2026")));
    static const char *const bad[] = {
        "",    "-a",  "a-", "A",  "a b",
        "a/b", "a_b", "é",  "my", "018f2b7e-1111-7222-8333-444455556666"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(rest_text_is_slug(text_of(bad[i])));
}

static void expect_slug(const char *title, size_t max, const char *wanted)
{
    char slug[CATALOG_SLUG_BYTES_MAX + 1];
    slug[rest_slug_of(text_of(title), slug, max)] = '\0';
    assert_string_equal(slug, wanted);
}

/* A title's slug keeps what it can and never ends in a dash. */
static void test_slug_of_title(void **state)
{
    (void)state;
    expect_slug("Rock Night 2026!", 100, "rock-night-2026");
    expect_slug("  --A -- b--  ", 100, "a-b");
    expect_slug("ロック", 100, "");
    expect_slug("", 100, "");
    expect_slug("abc def", 4, "abc");
    expect_slug("abc def", 5, "abc-d");
}

/* M04's first line: only http and https, with a host, and nothing to break out with. */
static void test_urls(void **state)
{
    (void)state;
    assert_true(rest_text_is_url(text_of("https://example.com/a.png?x=1&y=2#z")));
    assert_true(rest_text_is_url(text_of("http://[::1]/a")));
    static const char *const bad[] = {
        "",
        "http://",
        "https://",
        "ftp://a",
        "javascript:alert(1)",
        "data:image/png;base64,AA",
        "//example.com/a",
        "HTTP://a",
        "https:///a",
        "https://a b",
        "https://a\"",
        "https://a<",
        "https://é",
        "https://a\n",
        "https:// a",
        "https://@",
        "https://a\\b",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(rest_text_is_url(text_of(bad[i])));
}

/* What is written is JSON whatever the bytes, and its length was known. */
static void test_json_text(void **state)
{
    (void)state;
    char all[127];
    for (int i = 0; i < 127; i++)
        all[i] = (char)(i + 1);
    char out[6 * sizeof all + 2];
    struct text text = {all, sizeof all};
    char *end = json_put_text(out, text);
    assert_true((size_t)(end - out) <= json_text_bytes(text));
    assert_int_equal(out[0], '"');
    assert_int_equal(end[-1], '"');
    for (char *at = out + 1; at < end - 1; at++) {
        assert_true((unsigned char)*at >= 0x20 && *at != 0x7f);
        if (*at == '\\')
            at++;
        else
            assert_true(*at != '"');
    }
    char uuid_text[64];
    struct uuid uuid;
    const char *id = "018f2b7e-1111-7222-8333-4444555566ff";
    assert_true(uuid_parse(&uuid, id, UUID_TEXT_LENGTH));
    assert_int_equal(json_put_uuid(uuid_text, &uuid) - uuid_text, JSON_TEXT_UUID_BYTES);
    assert_memory_equal(uuid_text + 1, id, UUID_TEXT_LENGTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_J13), cmocka_unit_test(test_refused_J11),
        cmocka_unit_test(test_slugs),     cmocka_unit_test(test_slug_of_title),
        cmocka_unit_test(test_urls),      cmocka_unit_test(test_json_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
