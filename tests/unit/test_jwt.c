#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "../../engine/config.h"
#include "../../net/base64url.h"
#include "../../net/jwt.h"

#define SECRET_A "the first secret of these tests, long"
#define SECRET_B "the second secret of these tests, too"
#define SUBJECT "018f2b7e-1111-7222-8333-444455556666"
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"a\"}"
#define CLAIMS "{\"sub\":\"" SUBJECT "\",\"role\":\"user\",\"iat\":1000000,\"exp\":1000900}"

static const uint64_t now_ms = 1000000000; /* second 1,000,000 */

struct fixture {
    struct config config;
    struct jwt_checker *checker;
    char token[8192];
    size_t length;
};

static void add_key(struct config *config, const char *kid, const char *secret)
{
    struct config_jwt_key *key = &config->auth.jwt_keys[config->auth.jwt_key_count++];
    snprintf(key->kid, sizeof key->kid, "%s", kid);
    snprintf(key->secret, sizeof key->secret, "%s", secret);
}

static int make_fixture(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    add_key(&fixture->config, "a", SECRET_A);
    add_key(&fixture->config, "b", SECRET_B);
    strcpy(fixture->config.auth.jwt_sign_kid, "b");
    fixture->config.auth.token_ttl_seconds_max = 86400;
    fixture->checker = jwt_checker_new(&fixture->config);
    assert_non_null(fixture->checker);
    *state = fixture;
    return 0;
}

static int drop_fixture(void **state)
{
    struct fixture *fixture = *state;
    jwt_checker_free(fixture->checker);
    free(fixture);
    return 0;
}

/* Makes a token of any header and payload, signed with any key, independently of
 * jwt_sign. */
static void make(struct fixture *fixture, const char *header, const char *payload,
                 const void *secret, size_t secret_length)
{
    char *at = base64url_encode((const uint8_t *)header, strlen(header), fixture->token);
    *at++ = '.';
    at = base64url_encode((const uint8_t *)payload, strlen(payload), at);
    uint8_t mac[32];
    unsigned mac_length = sizeof mac;
    assert_non_null(HMAC(EVP_sha256(), secret, (int)secret_length,
                         (const unsigned char *)fixture->token, (size_t)(at - fixture->token), mac,
                         &mac_length));
    *at++ = '.';
    at = base64url_encode(mac, sizeof mac, at);
    fixture->length = (size_t)(at - fixture->token);
}

static enum jwt_result check(struct fixture *fixture, struct jwt_claims *claims)
{
    /* A copy of exactly this size, so that sanitizers see any overrun. */
    char *copy = malloc(fixture->length + 1);
    assert_non_null(copy);
    memcpy(copy, fixture->token, fixture->length);
    enum jwt_result result = jwt_check(fixture->checker, copy, fixture->length, now_ms, claims);
    free(copy);
    return result;
}

static void expect(struct fixture *fixture, const char *header, const char *payload,
                   enum jwt_result wanted)
{
    struct jwt_claims claims;
    make(fixture, header, payload, SECRET_A, strlen(SECRET_A));
    enum jwt_result result = check(fixture, &claims);
    if (result != wanted)
        fail_msg("%s %s: %s, expected %s", header, payload, jwt_result_name(result),
                 jwt_result_name(wanted));
}

/* A good token is accepted, again and again, and means what it says. */
static void test_accepted(void **state)
{
    struct fixture *fixture = *state;
    struct jwt_claims claims;
    struct uuid subject;
    assert_true(uuid_parse(&subject, SUBJECT, UUID_TEXT_LENGTH));
    for (int i = 0; i < 3; i++) {
        make(fixture, HEADER, CLAIMS, SECRET_A, strlen(SECRET_A));
        assert_int_equal(check(fixture, &claims), JWT_OK);
        assert_true(uuid_equal(&claims.subject, &subject));
        assert_int_equal(claims.role, ROLE_USER);
        assert_true(uuid_is_nil(&claims.tenant));
        assert_int_equal(claims.expires_s, 1000900);
        make(fixture, HEADER,
             "{\"sub\":\"" SUBJECT "\",\"role\":\"admin\",\"tenant_id\":\"" SUBJECT
             "\",\"exp\":1000001,\"name\":\"x\",\"scope\":[1]}",
             SECRET_A, strlen(SECRET_A));
        assert_int_equal(check(fixture, &claims), JWT_OK);
        assert_int_equal(claims.role, ROLE_ADMIN);
        assert_true(uuid_equal(&claims.tenant, &subject));
    }
    expect(fixture, "{\"alg\":\"HS256\",\"kid\":\"a\"}", CLAIMS, JWT_OK);
    expect(fixture, HEADER,
           "{\"sub\":\"" SUBJECT "\",\"role\":\"organizer\",\"exp\":1000001,\"iss\":\"boxoffice\"}",
           JWT_OK);
}

/* What jwt_sign writes, jwt_check reads; and it refuses what it cannot say. */
static void test_sign(void **state)
{
    struct fixture *fixture = *state;
    struct jwt_claims wanted = {.role = ROLE_ORGANIZER,
                                .email = "someone@example.com",
                                .issued_s = 1000000,
                                .expires_s = 1000900};
    assert_true(uuid_parse(&wanted.subject, SUBJECT, UUID_TEXT_LENGTH));
    wanted.tenant = wanted.id = wanted.subject;
    int length = jwt_sign(&fixture->config, &wanted, fixture->token, sizeof fixture->token);
    assert_true(length > 0);
    assert_int_equal(strlen(fixture->token), length);
    fixture->length = (size_t)length;
    struct jwt_claims claims;
    assert_int_equal(check(fixture, &claims), JWT_OK);
    assert_int_equal(claims.role, ROLE_ORGANIZER);
    assert_true(uuid_equal(&claims.subject, &wanted.subject));
    assert_true(uuid_equal(&claims.tenant, &wanted.tenant));
    assert_int_equal(claims.issued_s, 1000000);
    assert_int_equal(claims.expires_s, 1000900);

    char small[64];
    assert_int_equal(jwt_sign(&fixture->config, &wanted, small, sizeof small), -1);
    struct jwt_claims bad = wanted;
    bad.email = "a\"b";
    assert_int_equal(jwt_sign(&fixture->config, &bad, fixture->token, sizeof fixture->token), -1);
    bad = wanted;
    bad.role = ROLE_SYSTEM;
    assert_int_equal(jwt_sign(&fixture->config, &bad, fixture->token, sizeof fixture->token), -1);
    bad = wanted;
    memset(&bad.subject, 0, sizeof bad.subject);
    assert_int_equal(jwt_sign(&fixture->config, &bad, fixture->token, sizeof fixture->token), -1);
    strcpy(fixture->config.auth.jwt_sign_kid, "missing");
    assert_int_equal(jwt_sign(&fixture->config, &wanted, fixture->token, sizeof fixture->token),
                     -1);
    strcpy(fixture->config.auth.jwt_sign_kid, "b");
}

/* A02: every spelling of alg but HS256. */
static void test_algorithms_A02(void **state)
{
    static const char *const values[] = {"\"none\"",  "\"None\"",    "\"nOnE\"",  "\"\"",
                                         "null",      "[\"HS256\"]", "\"hs256\"", "\"HS384\"",
                                         "\"RS256\"", "\"ES256\"",   "1",         "\"HS256 \""};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char header[128];
        snprintf(header, sizeof header, "{\"alg\":%s,\"kid\":\"a\"}", values[i]);
        expect(*state, header, CLAIMS, JWT_ALGORITHM);
    }
    expect(*state, "{\"kid\":\"a\"}", CLAIMS, JWT_ALGORITHM);
    expect(*state, "{}", CLAIMS, JWT_ALGORITHM);
}

/* A03, A04: another key's MAC, among them public keys and guessable secrets. */
static void test_wrong_keys_A04(void **state)
{
    static const char *const secrets[] = {"", "secret", "-----BEGIN PUBLIC KEY-----\nMIIB\n",
                                          SECRET_B, "the first secret of these tests, lonG"};
    struct fixture *fixture = *state;
    struct jwt_claims claims;
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        make(fixture, HEADER, CLAIMS, secrets[i], strlen(secrets[i]));
        assert_int_equal(check(fixture, &claims), JWT_SIGNATURE);
    }
}

/* A05, A07: headers that would have us fetch a key, or obey an extension. */
static void test_headers_A05_A07(void **state)
{
    static const char *const extras[] = {"\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}",
                                         "\"jku\":\"http://127.0.0.1/k\"",
                                         "\"x5u\":\"http://127.0.0.1/k\"",
                                         "\"x5c\":[\"AAAA\"]",
                                         "\"crit\":[\"exp\"],\"exp\":1",
                                         "\"crit\":[\"b64\"],\"b64\":false",
                                         "\"b64\":false",
                                         "\"zip\":\"DEF\"",
                                         "\"typ\":\"at+jwt\"",
                                         "\"typ\":\"refresh\"",
                                         "\"typ\":null",
                                         "\"typ\":1",
                                         "\"cty\":\"JWT\""};
    for (size_t i = 0; i < sizeof extras / sizeof extras[0]; i++) {
        char header[256];
        snprintf(header, sizeof header, "{\"alg\":\"HS256\",\"kid\":\"a\",%s}", extras[i]);
        expect(*state, header, CLAIMS, JWT_ALGORITHM);
    }
}

/* A06: kid only chooses in a fixed table; missing is ambiguous with two keys. */
static void test_kid_A06(void **state)
{
    static const char *const kids[] = {"\"../../dev/null\"",
                                       "\"a' OR '1'='1\"",
                                       "\"\"",
                                       "\"A\"",
                                       "\"aa\"",
                                       "null",
                                       "1",
                                       "[\"a\"]"};
    for (size_t i = 0; i < sizeof kids / sizeof kids[0]; i++) {
        char header[128];
        snprintf(header, sizeof header, "{\"alg\":\"HS256\",\"kid\":%s}", kids[i]);
        expect(*state, header, CLAIMS, JWT_KEY_UNKNOWN);
    }
    expect(*state, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", CLAIMS, JWT_KEY_UNKNOWN);

    struct fixture *fixture = *state;
    struct config single = {.auth = {.jwt_key_count = 0}};
    struct jwt_claims claims;
    add_key(&single, "a", SECRET_A);
    struct jwt_checker *checker = jwt_checker_new(&single);
    assert_non_null(checker);
    make(fixture, "{\"alg\":\"HS256\"}", CLAIMS, SECRET_A, strlen(SECRET_A));
    assert_int_equal(jwt_check(checker, fixture->token, fixture->length, now_ms, &claims), JWT_OK);
    jwt_checker_free(checker);
}

/* Every bit of a good token matters: no flip of any bit is accepted. */
static void test_bit_flips_A08(void **state)
{
    struct fixture *fixture = *state;
    struct jwt_claims claims;
    make(fixture, HEADER, CLAIMS, SECRET_A, strlen(SECRET_A));
    assert_int_equal(check(fixture, &claims), JWT_OK);
    for (size_t i = 0; i < fixture->length * 8; i++) {
        fixture->token[i / 8] = (char)(fixture->token[i / 8] ^ (1 << (i % 8)));
        assert_int_not_equal(check(fixture, &claims), JWT_OK);
        fixture->token[i / 8] = (char)(fixture->token[i / 8] ^ (1 << (i % 8)));
    }
    assert_int_equal(check(fixture, &claims), JWT_OK);
    for (size_t length = 0; length < fixture->length; length++)
        assert_int_not_equal(jwt_check(fixture->checker, fixture->token, length, now_ms, &claims),
                             JWT_OK);
}

/* A08: parts missing, added, padded, blank, in the other alphabet, JSON. */
static void test_shapes_A08(void **state)
{
    struct fixture *fixture = *state;
    struct jwt_claims claims;
    static const char *const suffixes[] = {".", ".x", "=", "==", " ", "\n", "A", ".e30"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        make(fixture, HEADER, CLAIMS, SECRET_A, strlen(SECRET_A));
        memcpy(fixture->token + fixture->length, suffixes[i], strlen(suffixes[i]));
        fixture->length += strlen(suffixes[i]);
        assert_int_not_equal(check(fixture, &claims), JWT_OK);
    }
    static const char *const tokens[] = {"",
                                         ".",
                                         "..",
                                         "...",
                                         "a",
                                         "a.b",
                                         "a.b.c",
                                         "e30.e30.e30",
                                         "e30.e30.",
                                         ".e30.e30",
                                         "e30..e30",
                                         "{\"payload\":\"e30\",\"signatures\":[]}",
                                         "e 0.e30.e30",
                                         "+/0.e30.e30"};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        fixture->length = strlen(tokens[i]);
        memcpy(fixture->token, tokens[i], fixture->length);
        assert_int_not_equal(check(fixture, &claims), JWT_OK);
    }
    /* 32 bytes leave two unused bits in the last character: only zeros are ours. */
    make(fixture, HEADER, CLAIMS, SECRET_A, strlen(SECRET_A));
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *last = &fixture->token[fixture->length - 1];
    size_t value = (size_t)(strchr(digits, *last) - digits);
    for (size_t unused = 1; unused < 4; unused++) {
        *last = digits[value | unused];
        assert_int_equal(check(fixture, &claims), JWT_SIGNATURE);
    }
}

/* A10: a claim or a header field named twice. */
static void test_duplicates_A10(void **state)
{
    expect(*state, "{\"alg\":\"HS256\",\"alg\":\"HS256\",\"kid\":\"a\"}", CLAIMS, JWT_MALFORMED);
    expect(*state, HEADER,
           "{\"sub\":\"" SUBJECT "\",\"role\":\"user\",\"role\":\"admin\",\"exp\":1000900}",
           JWT_MALFORMED);
    expect(*state, HEADER,
           "{\"sub\":\"" SUBJECT "\",\"role\":\"user\",\"exp\":1,\"\\u0065xp\":1000900}",
           JWT_MALFORMED);
    expect(*state, HEADER, "[]", JWT_MALFORMED);
    expect(*state, HEADER, "{\"sub\":", JWT_MALFORMED);
}

static void expect_exp(void **state, const char *exp, enum jwt_result wanted)
{
    char payload[256];
    snprintf(payload, sizeof payload, "{\"sub\":\"" SUBJECT "\",\"role\":\"user\"%s%s}",
             exp[0] == '\0' ? "" : ",\"exp\":", exp);
    expect(*state, HEADER, payload, wanted);
}

/* A11: exp past, now, missing, of another type, absurd. */
static void test_exp_A11(void **state)
{
    expect_exp(state, "999999", JWT_EXPIRED);
    expect_exp(state, "1000000", JWT_EXPIRED);
    expect_exp(state, "1000001", JWT_OK);
    expect_exp(state, "", JWT_CLAIMS);
    expect_exp(state, "\"1000900\"", JWT_CLAIMS);
    expect_exp(state, "1000900.0", JWT_CLAIMS);
    expect_exp(state, "1e9", JWT_CLAIMS);
    expect_exp(state, "null", JWT_CLAIMS);
    expect_exp(state, "-1", JWT_EXPIRED);
    expect_exp(state, "1000000000000000000000000000000", JWT_CLAIMS);
    expect_exp(state, "9223372036854775807", JWT_LIFETIME);
    expect_exp(state, "1086460", JWT_OK);
    expect_exp(state, "1086461", JWT_LIFETIME);
}

/* A12: iat and nbf may lie 60 seconds ahead, not 61. */
static void test_not_yet_A12(void **state)
{
    static const char *const names[] = {"iat", "nbf"};
    for (size_t i = 0; i < 2; i++) {
        for (int ahead = 60; ahead <= 61; ahead++) {
            char payload[256];
            snprintf(payload, sizeof payload,
                     "{\"sub\":\"" SUBJECT "\",\"role\":\"user\",\"exp\":1000900,\"%s\":%d}",
                     names[i], 1000000 + ahead);
            expect(*state, HEADER, payload, ahead == 60 ? JWT_OK : JWT_NOT_YET_VALID);
        }
        char payload[256];
        snprintf(payload, sizeof payload,
                 "{\"sub\":\"" SUBJECT "\",\"role\":\"user\",\"exp\":1000900,\"%s\":\"1\"}",
                 names[i]);
        expect(*state, HEADER, payload, JWT_CLAIMS);
    }
}

/* A13: tokens made for somebody else; subjects and roles that are none. */
static void test_claims_A13(void **state)
{
    static const char *const payloads[] = {
        "{\"role\":\"user\",\"exp\":1000900}",
        "{\"sub\":\"" SUBJECT "\",\"exp\":1000900}",
        "{\"sub\":\"me\",\"role\":\"user\",\"exp\":1000900}",
        "{\"sub\":1,\"role\":\"user\",\"exp\":1000900}",
        "{\"sub\":\"00000000-0000-0000-0000-000000000000\",\"role\":\"user\",\"exp\":1000900}",
        "{\"sub\":\"" SUBJECT "\",\"role\":\"system\",\"exp\":1000900}",
        "{\"sub\":\"" SUBJECT "\",\"role\":\"Admin\",\"exp\":1000900}",
        "{\"sub\":\"" SUBJECT "\",\"role\":[\"admin\"],\"exp\":1000900}",
        "{\"sub\":\"" SUBJECT "\",\"role\":\"\",\"exp\":1000900}",
        "{\"sub\":\"" SUBJECT "\",\"role\":\"user\",\"exp\":1000900,\"tenant_id\":\"t\"}",
        "{\"sub\":\"" SUBJECT "\",\"role\":\"user\",\"exp\":1000900,\"tenant_id\":null}",
        "{\"sub\":\"" SUBJECT "\",\"role\":\"user\",\"exp\":1000900,\"iss\":\"other\"}",
        "{\"sub\":\"" SUBJECT "\",\"role\":\"user\",\"exp\":1000900,\"aud\":\"queue-pass\"}",
        "{\"sub\":\"" SUBJECT "\",\"role\":\"user\",\"exp\":1000900,\"aud\":[\"boxoffice\"]}",
        "{}",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++)
        expect(*state, HEADER, payloads[i], JWT_CLAIMS);
}

/* A27: during a rotation both keys check; a key that left the table does not. */
static void test_rotation_A27(void **state)
{
    struct fixture *fixture = *state;
    struct jwt_claims claims;
    make(fixture, "{\"alg\":\"HS256\",\"kid\":\"b\"}", CLAIMS, SECRET_B, strlen(SECRET_B));
    assert_int_equal(check(fixture, &claims), JWT_OK);
    struct config rotated = {.auth = {.jwt_key_count = 0}};
    add_key(&rotated, "c", SECRET_A);
    struct jwt_checker *checker = jwt_checker_new(&rotated);
    assert_non_null(checker);
    assert_int_equal(jwt_check(checker, fixture->token, fixture->length, now_ms, &claims),
                     JWT_KEY_UNKNOWN);
    jwt_checker_free(checker);
}

/* Tokens beyond 2 KiB are refused unread. */
static void test_length(void **state)
{
    struct fixture *fixture = *state;
    struct jwt_claims claims;
    char payload[4096];
    for (int padding = 1200; padding < 1600; padding++) {
        snprintf(payload, sizeof payload,
                 "{\"sub\":\"" SUBJECT "\",\"role\":\"user\",\"exp\":1000900,\"x\":\"%0*d\"}",
                 padding, 0);
        make(fixture, HEADER, payload, SECRET_A, strlen(SECRET_A));
        assert_int_equal(check(fixture, &claims),
                         fixture->length <= JWT_BYTES_MAX ? JWT_OK : JWT_MALFORMED);
    }
    assert_true(fixture->length > JWT_BYTES_MAX);
}

/* Every byte string has one text, and only that text is read back. */
static void test_base64url(void **state)
{
    (void)state;
    uint8_t bytes[96], back[96];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 167 + 13);
    for (size_t length = 0; length <= sizeof bytes; length++) {
        char text[BASE64URL_LENGTH(sizeof bytes)];
        size_t text_length = (size_t)(base64url_encode(bytes, length, text) - text);
        assert_int_equal(text_length, BASE64URL_LENGTH(length));
        size_t decoded;
        assert_true(base64url_decode(text, text_length, back, length, &decoded));
        assert_int_equal(decoded, length);
        assert_memory_equal(back, bytes, length);
        if (length > 0)
            assert_false(base64url_decode(text, text_length, back, length - 1, &decoded));
    }
    size_t decoded;
    assert_false(base64url_decode("A", 1, back, sizeof back, &decoded));
    assert_false(base64url_decode("AB", 2, back, sizeof back, &decoded));
    assert_true(base64url_decode("AA", 2, back, sizeof back, &decoded));
    assert_false(base64url_decode("AAB", 3, back, sizeof back, &decoded));
    assert_false(base64url_decode("AA==", 4, back, sizeof back, &decoded));
    assert_false(base64url_decode("AA+/", 4, back, sizeof back, &decoded));
    assert_false(base64url_decode("AA\0A", 4, back, sizeof back, &decoded));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),        cmocka_unit_test(test_sign),
        cmocka_unit_test(test_algorithms_A02),  cmocka_unit_test(test_wrong_keys_A04),
        cmocka_unit_test(test_headers_A05_A07), cmocka_unit_test(test_kid_A06),
        cmocka_unit_test(test_bit_flips_A08),   cmocka_unit_test(test_shapes_A08),
        cmocka_unit_test(test_duplicates_A10),  cmocka_unit_test(test_exp_A11),
        cmocka_unit_test(test_not_yet_A12),     cmocka_unit_test(test_claims_A13),
        cmocka_unit_test(test_rotation_A27),    cmocka_unit_test(test_length),
        cmocka_unit_test(test_base64url),
    };
    return cmocka_run_group_tests(tests, make_fixture, drop_fixture);
}
