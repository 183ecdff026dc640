/* Who is calling. A token is verified once per connection: the exact bytes of the
 * last good one are remembered, and their equality stands for the check until it
 * expires. */
#include "rest_call.h"

#include <stdlib.h>
#include <strings.h>
#include <xxhash.h>

/* The token behind "Bearer", whose case does not matter. False: another scheme. */
static bool bearer_token(struct text authorization, struct text *token)
{
    static const char scheme[] = "bearer ";
    enum { SCHEME_LENGTH = sizeof scheme - 1 };
    if (authorization.length <= SCHEME_LENGTH ||
        strncasecmp(authorization.bytes, scheme, SCHEME_LENGTH) != 0)
        return false;
    *token =
        (struct text){authorization.bytes + SCHEME_LENGTH, authorization.length - SCHEME_LENGTH};
    return true;
}

/* The hash turns most other tokens away early; only equal bytes are believed. */
static bool cache_holds(const struct rest_token_cache *cache, struct text token, uint64_t hash,
                        uint64_t now_ms)
{
    return cache->token != NULL && cache->token_hash == hash &&
           cache->token_length == token.length &&
           memcmp(cache->token, token.bytes, token.length) == 0 && now_ms < cache->expires_ms;
}

/* A token that does not fit in memory is only not remembered. */
static void cache_store(struct rest_token_cache *cache, struct text token, uint64_t hash,
                        const struct jwt_claims *claims)
{
    char *copy = realloc(cache->token, token.length);
    if (copy == NULL)
        return;
    memcpy(copy, token.bytes, token.length);
    *cache = (struct rest_token_cache){.token_hash = hash,
                                       .token_length = (uint16_t)token.length,
                                       .role = (uint8_t)claims->role,
                                       .expires_ms = claims->expires_s * 1000,
                                       .subject = claims->subject,
                                       .tenant = claims->tenant,
                                       .token = copy};
}

static void become(struct rest_call *call, struct uuid subject, enum role role, struct uuid tenant)
{
    call->authenticated = true;
    call->actor = (struct actor){.id = subject, .role = role};
    call->tenant = tenant;
}

bool rest_authenticate(struct rest_call *call)
{
    struct text authorization = call->request->authorization;
    if (authorization.bytes == NULL)
        return true;
    struct text token;
    if (!bearer_token(authorization, &token)) {
        rest_unauthorized(call, "scheme");
        return false;
    }
    struct rest_token_cache *cache = call->token_cache;
    uint64_t now_ms = worker_now_ms(call->rest->worker);
    uint64_t hash = XXH3_64bits(token.bytes, token.length);
    if (cache_holds(cache, token, hash, now_ms)) {
        become(call, cache->subject, (enum role)cache->role, cache->tenant);
        return true;
    }
    struct jwt_claims claims;
    enum jwt_result result = jwt_check(call->rest->jwt, token.bytes, token.length, now_ms, &claims);
    if (result != JWT_OK) {
        rest_unauthorized(call, jwt_result_name(result));
        return false;
    }
    cache_store(cache, token, hash, &claims);
    become(call, claims.subject, claims.role, claims.tenant);
    return true;
}
