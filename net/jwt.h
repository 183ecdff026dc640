/* Access tokens: JSON Web Tokens (RFC 7519) signed with HS256, strict in the
 * spirit of RFC 8725. The algorithm and the keys come from the configuration,
 * never from the token; its `kid` only chooses among them. */
#ifndef NET_JWT_H
#define NET_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../engine/record.h"

struct config;

enum {
    JWT_BYTES_MAX = 2048,
    JWT_SKEW_SECONDS = 60, /* allowed for iat and nbf; exp has none */
    JWT_EMAIL_BYTES_MAX = 254
};

#define JWT_ISSUER "boxoffice"

struct jwt_claims {
    struct uuid subject; /* never nil */
    enum role role;      /* user, organizer or admin */
    struct uuid tenant;  /* nil: none */
    struct uuid id;      /* `jti`; signing only, nil: none */
    const char *email;   /* signing only, terminated; NULL: none */
    uint64_t issued_s;   /* Unix seconds; 0: not stated */
    uint64_t expires_s;
};

/* Every refusal is 401; the name goes to details.reason. */
enum jwt_result {
    JWT_OK,
    JWT_MALFORMED,     /* not three canonical base64url parts, or no strict JSON */
    JWT_ALGORITHM,     /* alg is not HS256, typ is not JWT, or an unknown header field */
    JWT_KEY_UNKNOWN,   /* kid names no key of ours, or is missing with several keys */
    JWT_SIGNATURE,     /* the signature is not ours */
    JWT_CLAIMS,        /* a claim is missing, of the wrong type, or not for us */
    JWT_EXPIRED,       /* exp is now or earlier */
    JWT_NOT_YET_VALID, /* iat or nbf lies more than the skew ahead */
    JWT_LIFETIME       /* exp lies further ahead than tokens may live */
};

const char *jwt_result_name(enum jwt_result result);

/* --- checking: one thread each --- */

struct jwt_checker;

/* NULL: out of memory, no key, or a key OpenSSL refuses. Keeps nothing of config. */
struct jwt_checker *jwt_checker_new(const struct config *config);
void jwt_checker_free(struct jwt_checker *checker);

/* Allocates nothing of ours. claims is complete on JWT_OK only. */
enum jwt_result jwt_check(struct jwt_checker *checker, const char *token, size_t length,
                          uint64_t now_ms, struct jwt_claims *claims);

/* --- signing: any thread --- */

/* Signs with config->auth.jwt_sign_kid and writes the token, terminated.
 * Returns its length; -1: no such key, a claim out of range, or no room. */
int jwt_sign(const struct config *config, const struct jwt_claims *claims, char *out,
             size_t out_bytes);

#endif
