#include "boxctl_token.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "../engine/clock.h"
#include "../engine/jwt_keys.h"
#include "../engine/partition.h"
#include "../net/jwt.h"
#include "../net/timestamp.h"

enum { TTL_SECONDS_DEFAULT = 3600 };

static bool read_role(const char *text, enum role *role)
{
    static const struct {
        const char *name;
        enum role role;
    } roles[] = {{"user", ROLE_USER}, {"organizer", ROLE_ORGANIZER}, {"admin", ROLE_ADMIN}};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (strcmp(roles[i].name, text) == 0) {
            *role = roles[i].role;
            return true;
        }
    }
    fprintf(stderr, "boxctl: --role is user, organizer or admin, not \"%s\"\n", text);
    return false;
}

static bool read_uuid(const char *option, const char *text, struct uuid *out)
{
    if (text == NULL || (uuid_parse(out, text, strlen(text)) && !uuid_is_nil(out))) {
        return true;
    }
    fprintf(stderr, "boxctl: --%s takes a UUID, not \"%s\"\n", option, text);
    return false;
}

static bool read_claims(const struct boxctl_options *options, const struct config *config,
                        struct jwt_claims *claims)
{
    uint64_t ttl = options->ttl_seconds;
    if (options->user != NULL && options->count != 0) {
        fputs("boxctl: --count makes a new user for each token; leave --user out\n", stderr);
        return false;
    }
    if (options->user == NULL && options->count == 0) {
        fputs("boxctl: token needs --user UUID, or --count N for new users\n", stderr);
        return false;
    }
    if (options->role == NULL) {
        fputs("boxctl: token needs --role user, organizer or admin\n", stderr);
        return false;
    }
    if (ttl == 0) {
        ttl = TTL_SECONDS_DEFAULT < config->auth.token_ttl_seconds_max
                  ? TTL_SECONDS_DEFAULT
                  : config->auth.token_ttl_seconds_max;
    }
    if (ttl > config->auth.token_ttl_seconds_max) {
        fprintf(stderr, "boxctl: --ttl is at most %u: [auth] token_ttl_seconds_max\n",
                config->auth.token_ttl_seconds_max);
        return false;
    }
    if (options->email != NULL && strlen(options->email) > JWT_EMAIL_BYTES_MAX) {
        fprintf(stderr, "boxctl: --email takes at most %d bytes\n", JWT_EMAIL_BYTES_MAX);
        return false;
    }
    claims->email = options->email;
    claims->issued_s = (uint64_t)time(NULL);
    claims->expires_s = claims->issued_s + ttl;
    return read_role(options->role, &claims->role) &&
           read_uuid("user", options->user, &claims->subject) &&
           read_uuid("tenant", options->tenant, &claims->tenant);
}

static struct uuid new_uuid(const struct clock *clock)
{
    uint64_t random = clock->random(clock->context);
    return uuid_v7(clock->wall_ms(clock->context), (uint16_t)(random & (PARTITION_COUNT - 1)),
                   clock->random(clock->context));
}

static void print_json(const struct jwt_claims *claims, const char *token, const char *role)
{
    char user[UUID_TEXT_LENGTH];
    char expires[TIMESTAMP_TEXT_LENGTH];
    uuid_format(&claims->subject, user);
    timestamp_format(expires, claims->expires_s * 1000);
    printf("{\"user\":\"%.*s\",\"role\":\"%s\",\"expires_at\":\"%.*s\",\"token\":\"%s\"}",
           UUID_TEXT_LENGTH, user, role, TIMESTAMP_TEXT_LENGTH, expires, token);
}

static void print_token(const struct boxctl_options *options, const struct jwt_claims *claims,
                        const char *token, uint64_t index)
{
    char user[UUID_TEXT_LENGTH];
    if (options->json) {
        fputs(options->count == 0 ? "" : index == 0 ? "{\"tokens\":[" : ",", stdout);
        print_json(claims, token, options->role);
        fputs(options->count == 0 ? "\n" : index + 1 == options->count ? "]}\n" : "", stdout);
    } else if (options->count != 0) {
        uuid_format(&claims->subject, user);
        printf("%.*s %s\n", UUID_TEXT_LENGTH, user, token);
    } else {
        puts(token);
    }
}

static int mint(const struct boxctl_options *options, const struct config *config,
                struct jwt_claims *claims)
{
    const struct clock clock = clock_system();
    uint64_t count = options->count == 0 ? 1 : options->count;
    for (uint64_t i = 0; i < count; i++) {
        char token[JWT_BYTES_MAX + 1];
        if (options->count != 0) {
            claims->subject = new_uuid(&clock);
        }
        claims->id = new_uuid(&clock);
        if (jwt_sign(config, claims, token, sizeof token) < 0) {
            fputs("boxctl: the key does not sign this token; is the e-mail plain text?\n", stderr);
            return EX_DATAERR;
        }
        print_token(options, claims, token, i);
    }
    return 0;
}

int boxctl_token(const struct boxctl_options *options, const struct config *config)
{
    char error[1024];
    struct jwt_claims claims = {0};
    struct config keyed = *config;
    if (!read_claims(options, config, &claims)) {
        return EX_USAGE;
    }
    const char *file = keyed.auth.jwt_keys_file;
    if (access(file, R_OK) != 0) {
        int code = errno == EACCES ? EX_NOPERM : EX_NOINPUT;
        fprintf(stderr,
                "boxctl: no signing key in %s: %s; `build/boxoffice --init` makes one, "
                "--data-dir names another data directory\n",
                file, strerror(errno));
        return code;
    }
    if (!jwt_keys_load(&keyed, error, sizeof error)) {
        fprintf(stderr, "boxctl: %s\n", error);
        return EX_CONFIG;
    }
    int code = mint(options, &keyed, &claims);
    explicit_bzero(&keyed.auth.jwt_keys, sizeof keyed.auth.jwt_keys);
    return code;
}
