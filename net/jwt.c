/* Checking goes from cheap and trusted to dear and untrusted: shape, key,
 * signature, and only then the claims, so that no byte of a stranger's payload
 * is ever parsed. The header is the same for all tokens of a key, so each key
 * remembers the last header text that was parsed and led to it. */
#include "jwt.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "../engine/config.h"
#include "base64url.h"
#include "json.h"

enum { MAC_BYTES = 32, MAC_TEXT_LENGTH = 43, HEADER_BYTES_MAX = 256 };

struct jwt_key {
    char kid[64];
    size_t kid_length;
    EVP_MAC_CTX *mac; /* keyed once; re-initialised without the key per token */
    char header[HEADER_BYTES_MAX];
    size_t header_length; /* 0: no header seen yet */
};

struct jwt_checker {
    struct jwt_key keys[CONFIG_KEYS_MAX];
    uint32_t key_count;
    uint32_t ttl_seconds_max; /* 0: no bound */
    struct json_parser *json;
};

/* The three parts of a token, still encoded. */
struct jwt_parts {
    struct text header, payload, signature;
    struct text signed_part; /* header "." payload */
};

const char *jwt_result_name(enum jwt_result result)
{
    switch (result) {
    case JWT_OK:
        return "ok";
    case JWT_MALFORMED:
        return "malformed";
    case JWT_ALGORITHM:
        return "algorithm";
    case JWT_KEY_UNKNOWN:
        return "key_unknown";
    case JWT_SIGNATURE:
        return "signature";
    case JWT_CLAIMS:
        return "claims";
    case JWT_EXPIRED:
        return "expired";
    case JWT_NOT_YET_VALID:
        return "not_yet_valid";
    case JWT_LIFETIME:
        return "lifetime";
    }
    return "refused";
}

/* NULL: OpenSSL refuses. */
static EVP_MAC_CTX *keyed_mac(const char *secret)
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (hmac == NULL)
        return NULL;
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac); /* the context keeps its own reference */
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    if (mac == NULL ||
        EVP_MAC_init(mac, (const unsigned char *)secret, strlen(secret), parameters) != 1) {
        EVP_MAC_CTX_free(mac);
        return NULL;
    }
    return mac;
}

static bool mac_compute(EVP_MAC_CTX *mac, const char *bytes, size_t length, uint8_t out[MAC_BYTES])
{
    size_t written = 0;
    return EVP_MAC_init(mac, NULL, 0, NULL) == 1 &&
           EVP_MAC_update(mac, (const unsigned char *)bytes, length) == 1 &&
           EVP_MAC_final(mac, out, &written, MAC_BYTES) == 1 && written == MAC_BYTES;
}

struct jwt_checker *jwt_checker_new(const struct config *config)
{
    struct jwt_checker *checker = calloc(1, sizeof *checker);
    if (checker == NULL || config->auth.jwt_key_count == 0)
        goto fail;
    checker->ttl_seconds_max = config->auth.token_ttl_seconds_max;
    checker->json = json_parser_new(JWT_BYTES_MAX);
    if (checker->json == NULL)
        goto fail;
    for (uint32_t i = 0; i < config->auth.jwt_key_count; i++) {
        struct jwt_key *key = &checker->keys[i];
        key->kid_length = strlen(config->auth.jwt_keys[i].kid);
        memcpy(key->kid, config->auth.jwt_keys[i].kid, key->kid_length);
        key->mac = keyed_mac(config->auth.jwt_keys[i].secret);
        if (key->mac == NULL)
            goto fail;
        checker->key_count++;
    }
    return checker;
fail:
    jwt_checker_free(checker);
    return NULL;
}

void jwt_checker_free(struct jwt_checker *checker)
{
    if (checker == NULL)
        return;
    for (uint32_t i = 0; i < checker->key_count; i++)
        EVP_MAC_CTX_free(checker->keys[i].mac);
    json_parser_free(checker->json);
    free(checker);
}

/* Exactly three parts, none empty. */
static bool split(const char *token, size_t length, struct jwt_parts *parts)
{
    const char *first = memchr(token, '.', length);
    if (first == NULL)
        return false;
    const char *end = token + length;
    const char *second = memchr(first + 1, '.', (size_t)(end - first - 1));
    if (second == NULL || memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL)
        return false;
    parts->header = (struct text){token, (uint32_t)(first - token)};
    parts->payload = (struct text){first + 1, (uint32_t)(second - first - 1)};
    parts->signature = (struct text){second + 1, (uint32_t)(end - second - 1)};
    parts->signed_part = (struct text){token, (uint32_t)(second - token)};
    return parts->header.length > 0 && parts->payload.length > 0 && parts->signature.length > 0;
}

/* Decodes and parses one part. False: not canonical or not strict JSON. */
static bool parse_part(struct jwt_checker *checker, struct text part,
                       const struct json_node **nodes)
{
    uint8_t bytes[JWT_BYTES_MAX];
    size_t length;
    uint32_t count;
    return base64url_decode(part.bytes, part.length, bytes, sizeof bytes, &length) &&
           json_parse(checker->json, (const char *)bytes, length, nodes, &count) == JSON_OK;
}

static struct jwt_key *key_by_kid(struct jwt_checker *checker, const struct json_node *kid)
{
    if (kid == NULL)
        return checker->key_count == 1 ? &checker->keys[0] : NULL;
    for (uint32_t i = 0; i < checker->key_count; i++)
        if (json_text_is(kid, checker->keys[i].kid, checker->keys[i].kid_length))
            return &checker->keys[i];
    return NULL;
}

/* Only alg, typ and kid may stand in a header: whatever else a header can ask
 * for (crit, b64, jwk, jku, x5u, zip ...) we would have to ignore or obey. */
static enum jwt_result parse_header(struct jwt_checker *checker, struct text header,
                                    struct jwt_key **key)
{
    const struct json_node *nodes;
    if (!parse_part(checker, header, &nodes))
        return JWT_MALFORMED;
    const struct json_node *kid = NULL;
    bool hs256 = false;
    for (uint32_t i = 1; i < nodes[0].next; i = nodes[i].next) {
        const struct json_node *node = &nodes[i];
        if (json_key_is(node, "alg", 3))
            hs256 = json_text_is(node, "HS256", 5);
        else if (json_key_is(node, "kid", 3))
            kid = node;
        else if (!json_key_is(node, "typ", 3) || !json_text_is(node, "JWT", 3))
            return JWT_ALGORITHM;
    }
    if (!hs256)
        return JWT_ALGORITHM;
    *key = key_by_kid(checker, kid);
    return *key == NULL ? JWT_KEY_UNKNOWN : JWT_OK;
}

static enum jwt_result find_key(struct jwt_checker *checker, struct text header,
                                struct jwt_key **key)
{
    for (uint32_t i = 0; i < checker->key_count; i++) {
        struct jwt_key *known = &checker->keys[i];
        if (known->header_length == header.length &&
            memcmp(known->header, header.bytes, header.length) == 0) {
            *key = known;
            return JWT_OK;
        }
    }
    return parse_header(checker, header, key);
}

static void remember_header(struct jwt_key *key, struct text header)
{
    if (header.length > HEADER_BYTES_MAX)
        return;
    memcpy(key->header, header.bytes, header.length);
    key->header_length = header.length;
}

static bool signature_matches(struct jwt_key *key, const struct jwt_parts *parts)
{
    uint8_t claimed[MAC_BYTES], computed[MAC_BYTES];
    size_t length;
    return parts->signature.length == MAC_TEXT_LENGTH &&
           base64url_decode(parts->signature.bytes, parts->signature.length, claimed,
                            sizeof claimed, &length) &&
           mac_compute(key->mac, parts->signed_part.bytes, parts->signed_part.length, computed) &&
           CRYPTO_memcmp(claimed, computed, MAC_BYTES) == 0;
}

static bool parse_role(const struct json_node *node, enum role *role)
{
    if (json_text_is(node, "user", 4))
        *role = ROLE_USER;
    else if (json_text_is(node, "organizer", 9))
        *role = ROLE_ORGANIZER;
    else if (json_text_is(node, "admin", 5))
        *role = ROLE_ADMIN;
    else
        return false;
    return true;
}

static bool parse_id(const struct json_node *node, struct uuid *id)
{
    return node->type == JSON_STRING && uuid_parse(id, node->text, node->text_length) &&
           !uuid_is_nil(id);
}

/* What the claims say, before they are judged. */
struct jwt_raw {
    int64_t exp, iat, nbf;
    bool has_exp, has_iat, has_nbf, has_subject, has_role;
};

/* One claim we know; unknown ones are not ours to judge. False: wrong type. */
static bool parse_claim(const struct json_node *node, struct jwt_raw *raw,
                        struct jwt_claims *claims)
{
    if (json_key_is(node, "exp", 3))
        return raw->has_exp = json_integer(node, &raw->exp);
    if (json_key_is(node, "iat", 3))
        return raw->has_iat = json_integer(node, &raw->iat);
    if (json_key_is(node, "nbf", 3))
        return raw->has_nbf = json_integer(node, &raw->nbf);
    if (json_key_is(node, "sub", 3))
        return raw->has_subject = parse_id(node, &claims->subject);
    if (json_key_is(node, "role", 4))
        return raw->has_role = parse_role(node, &claims->role);
    if (json_key_is(node, "tenant_id", 9))
        return parse_id(node, &claims->tenant);
    if (json_key_is(node, "iss", 3) || json_key_is(node, "aud", 3))
        return json_text_is(node, JWT_ISSUER, sizeof JWT_ISSUER - 1);
    return true;
}

static enum jwt_result judge_times(const struct jwt_checker *checker, const struct jwt_raw *raw,
                                   uint64_t now_ms)
{
    int64_t now_s = (int64_t)(now_ms / 1000);
    /* Dead from the first millisecond of second exp on. */
    if (raw->exp <= now_s)
        return JWT_EXPIRED;
    if (raw->has_nbf && raw->nbf > now_s + JWT_SKEW_SECONDS)
        return JWT_NOT_YET_VALID;
    if (raw->has_iat && (raw->iat < 0 || raw->iat > now_s + JWT_SKEW_SECONDS))
        return JWT_NOT_YET_VALID;
    int64_t farthest = checker->ttl_seconds_max == 0
                           ? INT64_MAX / 1000
                           : now_s + checker->ttl_seconds_max + JWT_SKEW_SECONDS;
    return raw->exp > farthest ? JWT_LIFETIME : JWT_OK;
}

static enum jwt_result parse_claims(struct jwt_checker *checker, struct text payload,
                                    uint64_t now_ms, struct jwt_claims *claims)
{
    const struct json_node *nodes;
    if (!parse_part(checker, payload, &nodes))
        return JWT_MALFORMED;
    struct jwt_raw raw = {0};
    memset(claims, 0, sizeof *claims);
    for (uint32_t i = 1; i < nodes[0].next; i = nodes[i].next)
        if (!parse_claim(&nodes[i], &raw, claims))
            return JWT_CLAIMS;
    if (!raw.has_exp || !raw.has_subject || !raw.has_role)
        return JWT_CLAIMS;
    enum jwt_result result = judge_times(checker, &raw, now_ms);
    if (result == JWT_OK) {
        claims->issued_s = raw.has_iat ? (uint64_t)raw.iat : 0;
        claims->expires_s = (uint64_t)raw.exp;
    }
    return result;
}

enum jwt_result jwt_check(struct jwt_checker *checker, const char *token, size_t length,
                          uint64_t now_ms, struct jwt_claims *claims)
{
    struct jwt_parts parts;
    if (length > JWT_BYTES_MAX || !split(token, length, &parts))
        return JWT_MALFORMED;
    struct jwt_key *key;
    enum jwt_result result = find_key(checker, parts.header, &key);
    if (result != JWT_OK)
        return result;
    if (!signature_matches(key, &parts))
        return JWT_SIGNATURE;
    remember_header(key, parts.header);
    return parse_claims(checker, parts.payload, now_ms, claims);
}

/* --- signing --- */

static const struct config_jwt_key *signing_key(const struct config *config)
{
    for (uint32_t i = 0; i < config->auth.jwt_key_count; i++)
        if (strcmp(config->auth.jwt_keys[i].kid, config->auth.jwt_sign_kid) == 0)
            return &config->auth.jwt_keys[i];
    return NULL;
}

/* A text that stands in JSON as it is: printable ASCII without quote or backslash. */
static bool is_plain(const char *text, size_t length_max)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++)
        if (text[i] < 0x20 || text[i] > 0x7e || text[i] == '"' || text[i] == '\\')
            return false;
    return length > 0 && length <= length_max;
}

static const char *role_text(enum role role)
{
    return role == ROLE_USER        ? "user"
           : role == ROLE_ORGANIZER ? "organizer"
           : role == ROLE_ADMIN     ? "admin"
                                    : NULL;
}

static bool append(char *out, size_t out_bytes, size_t *length, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool append(char *out, size_t out_bytes, size_t *length, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(out + *length, out_bytes - *length, format, arguments);
    va_end(arguments);
    if (written < 0 || (size_t)written >= out_bytes - *length)
        return false;
    *length += (size_t)written;
    return true;
}

static bool append_id(char *out, size_t out_bytes, size_t *length, const char *name,
                      const struct uuid *id)
{
    char text[UUID_TEXT_LENGTH + 1];
    if (uuid_is_nil(id))
        return true;
    *uuid_format(id, text) = '\0';
    return append(out, out_bytes, length, ",\"%s\":\"%s\"", name, text);
}

/* -1: a claim is out of range. */
static int write_claims(const struct jwt_claims *claims, char *out, size_t out_bytes)
{
    const char *role = role_text(claims->role);
    size_t length = 0;
    if (uuid_is_nil(&claims->subject) || role == NULL || claims->expires_s > INT64_MAX / 1000 ||
        claims->issued_s > claims->expires_s ||
        (claims->email != NULL && !is_plain(claims->email, JWT_EMAIL_BYTES_MAX)))
        return -1;
    if (!append(out, out_bytes, &length, "{\"iss\":\"" JWT_ISSUER "\"") ||
        !append_id(out, out_bytes, &length, "sub", &claims->subject) ||
        !append(out, out_bytes, &length, ",\"role\":\"%s\"", role) ||
        !append_id(out, out_bytes, &length, "tenant_id", &claims->tenant) ||
        !append_id(out, out_bytes, &length, "jti", &claims->id))
        return -1;
    if (claims->email != NULL &&
        !append(out, out_bytes, &length, ",\"email\":\"%s\"", claims->email))
        return -1;
    if (claims->issued_s != 0 &&
        !append(out, out_bytes, &length, ",\"iat\":%llu", (unsigned long long)claims->issued_s))
        return -1;
    if (!append(out, out_bytes, &length, ",\"exp\":%llu}", (unsigned long long)claims->expires_s))
        return -1;
    return (int)length;
}

int jwt_sign(const struct config *config, const struct jwt_claims *claims, char *out,
             size_t out_bytes)
{
    const struct config_jwt_key *key = signing_key(config);
    char header[HEADER_BYTES_MAX], payload[1024];
    size_t header_length = 0;
    if (key == NULL || !is_plain(key->kid, sizeof key->kid) ||
        !append(header, sizeof header, &header_length,
                "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", key->kid))
        return -1;
    int payload_length = write_claims(claims, payload, sizeof payload);
    if (payload_length < 0)
        return -1;
    size_t length = BASE64URL_LENGTH(header_length) + 1 + BASE64URL_LENGTH((size_t)payload_length) +
                    1 + MAC_TEXT_LENGTH;
    if (length + 1 > out_bytes || length > JWT_BYTES_MAX)
        return -1;
    char *at = base64url_encode((const uint8_t *)header, header_length, out);
    *at++ = '.';
    at = base64url_encode((const uint8_t *)payload, (size_t)payload_length, at);
    EVP_MAC_CTX *mac = keyed_mac(key->secret);
    uint8_t signature[MAC_BYTES];
    bool computed = mac != NULL && mac_compute(mac, out, (size_t)(at - out), signature);
    EVP_MAC_CTX_free(mac);
    if (!computed)
        return -1;
    *at++ = '.';
    at = base64url_encode(signature, MAC_BYTES, at);
    *at = '\0';
    return (int)length;
}
