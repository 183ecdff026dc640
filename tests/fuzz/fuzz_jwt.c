/* Any bytes as a token, and any bytes as the header and claims of a token with a
 * good signature: nothing is read outside them, and what is accepted keeps every
 * rule that the header states. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "../../engine/config.h"
#include "../../net/base64url.h"
#include "../../net/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char secret[] = "a secret of the fuzzer, long enough";
static const char header[] = "{\"alg\":\"HS256\",\"kid\":\"k\"}";
static const uint64_t now_ms = 1000000000;

static struct jwt_checker *make_checker(void)
{
    struct config *config = calloc(1, sizeof *config);
    assert(config != NULL);
    memcpy(config->auth.jwt_keys[0].kid, "k", 2);
    memcpy(config->auth.jwt_keys[0].secret, secret, sizeof secret);
    config->auth.jwt_key_count = 1;
    config->auth.token_ttl_seconds_max = 3600;
    struct jwt_checker *checker = jwt_checker_new(config);
    assert(checker != NULL);
    free(config);
    return checker;
}

static enum jwt_result check(struct jwt_checker *checker, const char *token, size_t length)
{
    struct jwt_claims claims;
    enum jwt_result result = jwt_check(checker, token, length, now_ms, &claims);
    assert(jwt_result_name(result)[0] != '\0');
    if (result == JWT_OK) {
        assert(length <= JWT_BYTES_MAX && !uuid_is_nil(&claims.subject));
        assert(claims.role == ROLE_USER || claims.role == ROLE_ORGANIZER ||
               claims.role == ROLE_ADMIN);
        assert(claims.expires_s > now_ms / 1000);
        assert(claims.expires_s <= now_ms / 1000 + 3600 + JWT_SKEW_SECONDS);
        assert(claims.issued_s <= now_ms / 1000 + JWT_SKEW_SECONDS);
    }
    return result;
}

/* Signs `one` and `two` as they are and checks the token. */
static void check_signed(struct jwt_checker *checker, const char *one, size_t one_length,
                         const uint8_t *two, size_t two_length)
{
    size_t length = BASE64URL_LENGTH(one_length) + 1 + BASE64URL_LENGTH(two_length) + 1 + 43;
    char *token = malloc(length);
    uint8_t mac[32];
    unsigned mac_length = sizeof mac;
    assert(token != NULL);
    char *at = base64url_encode((const uint8_t *)one, one_length, token);
    *at++ = '.';
    at = base64url_encode(two, two_length, at);
    HMAC(EVP_sha256(), secret, sizeof secret - 1, (const unsigned char *)token,
         (size_t)(at - token), mac, &mac_length);
    *at++ = '.';
    base64url_encode(mac, sizeof mac, at);
    enum jwt_result result = check(checker, token, length);
    assert(result != JWT_SIGNATURE);
    free(token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jwt_checker *checker;
    if (checker == NULL)
        checker = make_checker();
    assert(check(checker, (const char *)data, size) != JWT_OK);
    if (size > 4096)
        return 0;
    check_signed(checker, header, sizeof header - 1, data, size);
    check_signed(checker, (const char *)data, size, (const uint8_t *)"{}", 2);
    uint8_t bytes[4096];
    size_t decoded;
    if (base64url_decode((const char *)data, size, bytes, sizeof bytes, &decoded)) {
        char text[BASE64URL_LENGTH(sizeof bytes)];
        char *end = base64url_encode(bytes, decoded, text);
        assert((size_t)(end - text) == size && memcmp(text, data, size) == 0);
    }
    return 0;
}
