/* Configuration: one TOML file, each key overridable by an environment variable
 * BOXOFFICE_<SECTION>_<KEY>. config.toml in the project's root documents every
 * key with its unit and default. */
#ifndef ENGINE_CONFIG_H
#define ENGINE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CONFIG_TEXT_BYTES = 512, CONFIG_KEYS_MAX = 8, CONFIG_ORIGINS_MAX = 16 };

/* An HS256 signing key, chosen by a token's `kid`. */
struct config_jwt_key {
    char kid[64];
    char secret[256]; /* the HMAC key is this text's bytes, 32 at least */
};

struct config {
    struct {
        char listen[CONFIG_TEXT_BYTES]; /* ADDRESS:PORT, [v6]:PORT */
        uint32_t connections_max;       /* per worker */
        uint32_t connections_per_address_max;
        uint32_t header_timeout_ms; /* from the first byte to the end of the head */
        uint32_t body_timeout_ms;
        uint32_t idle_timeout_ms;       /* kept-alive connection without a request */
        uint32_t first_byte_timeout_ms; /* connected and silent */
        uint32_t write_timeout_ms;      /* no progress while sending */
        uint32_t drain_timeout_ms;
        uint32_t body_bytes_max;
        uint32_t pipeline_max;
        uint32_t output_bytes_max; /* queued to one connection */
    } server;
    struct {
        uint16_t shards; /* 0: one per core */
        bool pin;
        uint32_t mailbox_slots;
        uint32_t watchdog_ms; /* abort when a worker makes no turn for so long; 0: never */
    } engine;
    struct {
        char data_dir[CONFIG_TEXT_BYTES];
        uint32_t segment_bytes;
        uint32_t batch_bytes_max;
        bool allow_buffered; /* where O_DIRECT is refused */
    } storage;
    struct {
        uint32_t log_mb;              /* take one when the log grew by so much; 0: never */
        uint32_t read_mb_per_second;  /* 0: as fast as it goes */
        uint32_t write_mb_per_second; /* 0: as fast as it goes */
    } snapshot;
    struct {
        bool enabled;
        uint32_t log_mb_max; /* alarm above; 0: never */
    } retention;
    struct {
        char socket[CONFIG_TEXT_BYTES]; /* relative to data_dir unless absolute */
    } admin;
    struct {
        uint32_t reservation_ttl_seconds;
        uint32_t hold_extend_max_seconds; /* after it was made no reservation lives longer */
        uint32_t max_per_order;
        uint32_t max_per_user_default;
        uint32_t idempotency_seconds;
    } booking;
    struct {
        char postgres[CONFIG_TEXT_BYTES]; /* libpq connection string or URL */
        uint32_t batch_rows_max;
        uint32_t poll_ms;
    } mirror;
    struct {
        bool enabled;
        uint32_t reserve_per_minute; /* 0: off */
        uint32_t reserve_burst;
    } rate_limit;
    struct {
        struct config_jwt_key jwt_keys[CONFIG_KEYS_MAX];
        char jwt_keys_file[CONFIG_TEXT_BYTES]; /* relative to data_dir unless absolute */
        uint32_t jwt_key_count;                /* filled by jwt_keys_load, as is the next */
        char jwt_sign_kid[64];                 /* which key `boxctl token` signs with */
        uint32_t token_ttl_seconds_max;
        bool metrics_public; /* GET /metrics without an admin token */
    } auth;
    struct {
        char origins[CONFIG_ORIGINS_MAX][CONFIG_TEXT_BYTES];
        uint32_t origin_count;
    } cors;
    struct {
        char level[16]; /* debug, info, warn, error */
    } log;
};

/* Fills defaults, then the file (NULL: none), then the environment. On failure
 * returns false and writes one line to `error`: file, line, column, what was
 * found and what was expected. Not thread-safe (reads the environment). */
bool config_load(struct config *config, const char *path, char *error, size_t error_bytes);

/* After the command line has had its say: checks that need more than one key,
 * and fills what is derived: shards 0 becomes the cores we may run on,
 * admin.socket and auth.jwt_keys_file become paths that stand alone. Called
 * once. The signing keys are not read: see jwt_keys.h. */
bool config_check(struct config *config, char *error, size_t error_bytes);

/* Sets one key as the environment would ("server", "listen", "127.0.0.1:80"),
 * for the command line. `origin` names the option in the error. */
bool config_set(struct config *config, const char *origin, const char *section, const char *key,
                const char *value, char *error, size_t error_bytes);

/* Writes the documentation of all keys as a TOML file that sets every default:
 * the project's config.toml, byte for byte. */
void config_document(FILE *out);

#endif
