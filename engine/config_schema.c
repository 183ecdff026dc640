#include "config_schema.h"

#include <string.h>

#include "config.h"

/* One key is one paragraph here, so the formatter stays out.
 * NOLINTBEGIN(bugprone-macro-parentheses): the arguments are names of fields. */
/* clang-format off */
#define FIELD(section, name) \
    (uint32_t)offsetof(struct config, section.name), \
    (uint32_t)sizeof(((struct config *)0)->section.name)
#define COUNT(section, name, least, most, value, unit, about) \
    {#section, #name, CONFIG_COUNT, FIELD(section, name), (least), (most), value, unit, about, 0}
#define TEXT(section, name, value, about) \
    {#section, #name, CONFIG_TEXT, FIELD(section, name), 0, 0, value, NULL, about, 0}
#define SWITCH(section, name, value, about) \
    {#section, #name, CONFIG_BOOL, FIELD(section, name), 0, 0, value, NULL, about, 0}
/* NOLINTEND(bugprone-macro-parentheses) */

enum { HOUR_MS = 3600 * 1000, DAY_SECONDS = 24 * 3600 };

const struct config_key config_keys[] = {
    {"server", "listen", CONFIG_ADDRESS, FIELD(server, listen), 0, 0, "127.0.0.1:8080", NULL,
     "Where clients connect: ADDRESS:PORT, a numeric address, [..] around IPv6.\n"
     "Every worker listens on it (SO_REUSEPORT).", 0},
    COUNT(server, connections_max, 16, 1000000, "20000", "connections per worker",
          "For one more, the one idle longest is closed; if none is idle it gets 503."),
    COUNT(server, connections_per_address_max, 0, 1000000, "0", "connections per worker",
          "From one client address; 0 is unlimited, which is right behind a proxy or a\n"
          "shared gateway, where one address is many people. Facing clients directly: 256."),
    COUNT(server, header_timeout_ms, 100, HOUR_MS, "10000", "milliseconds",
          "From a request's first byte to the end of its headers; then 408."),
    COUNT(server, body_timeout_ms, 100, HOUR_MS, "10000", "milliseconds",
          "From the end of the headers to the end of the body; then 408."),
    COUNT(server, idle_timeout_ms, 100, HOUR_MS, "60000", "milliseconds",
          "A kept-alive connection without a request is closed after this."),
    COUNT(server, first_byte_timeout_ms, 100, HOUR_MS, "10000", "milliseconds",
          "A new connection that says nothing is closed after this."),
    COUNT(server, write_timeout_ms, 100, HOUR_MS, "10000", "milliseconds",
          "A client that takes no byte of its answer for so long is closed."),
    COUNT(server, drain_timeout_ms, 0, HOUR_MS, "4000", "milliseconds",
          "What SIGTERM grants requests under way; leaves a second for the last flush."),
    COUNT(server, body_bytes_max, 1024, 16u << 20, "65536", "bytes",
          "A longer request body is refused with 413."),
    COUNT(server, pipeline_max, 1, 4096, "64", "requests",
          "Unanswered requests on one connection; more are left unread in the socket."),
    COUNT(server, output_bytes_max, 16384, 64u << 20, "262144", "bytes",
          "Queued to one connection; a client that lets more pile up is closed."),

    COUNT(engine, shards, 0, 64, "0", "shards",
          "One worker thread and one log each; 0 is one per core. Another count than at\n"
          "the last start re-shards the data while recovering."),
    SWITCH(engine, pin, "true", "Pin each worker to a core of its own, as far as there are cores."),
    COUNT(engine, mailbox_slots, 64, 65536, "1024", "messages, a power of two",
          "From one worker to another; full means the sender waits, nothing is lost."),
    COUNT(engine, watchdog_ms, 0, HOUR_MS, "10000", "milliseconds",
          "Abort when a worker makes no turn for so long, so that a supervisor restarts\n"
          "it; 0 is never."),

    TEXT(storage, data_dir, "data",
         "Logs, keys and the admin socket; relative to the working directory."),
    COUNT(storage, segment_bytes, 1u << 20, 1u << 30, "67108864", "bytes, a multiple of 4096",
          "Size of one log file. Two per shard are kept ready ahead of use."),
    COUNT(storage, batch_bytes_max, 512u << 10, 1u << 20, "1048576", "bytes, a multiple of 4096",
          "Most that one flush writes; what does not fit waits for the next. The least\n"
          "has room for a zone with the largest seat plan."),
    SWITCH(storage, allow_buffered, "false",
           "Go on with ordinary writes where the file system refuses O_DIRECT (as tmpfs\n"
           "may): as durable, but slower."),

    COUNT(snapshot, log_mb, 0, 1u << 20, "1024", "megabytes",
          "Take a snapshot when the logs have grown by so much since the last, so that a\n"
          "start need replay no more than about this; 0 is only when boxctl asks."),
    COUNT(snapshot, read_mb_per_second, 0, 1u << 20, "64", "megabytes per second",
          "How fast log and snapshots are read for it, so that it does not take the disk\n"
          "from the log; 0 is as fast as it goes."),
    COUNT(snapshot, write_mb_per_second, 0, 1u << 20, "32", "megabytes per second",
          "How fast it is written; 0 is as fast as it goes."),

    SWITCH(retention, enabled, "true",
           "Reuse log that the last two snapshots and every cursor (the mirror's) have\n"
           "passed; false keeps all of it for ever."),
    COUNT(retention, log_mb_max, 0, 1u << 30, "65536", "megabytes",
          "Say so when more than this is kept, and who needs it; 0 is never. Log that\n"
          "somebody needs is kept all the same."),

    TEXT(admin, socket, "admin/boxoffice.sock",
         "Unix socket of boxctl, mode 0600 in a directory of mode 0700; relative to\n"
         "data_dir unless absolute."),

    COUNT(booking, reservation_ttl_seconds, 1, DAY_SECONDS, "600", "seconds",
          "How long a reservation holds its tickets."),
    COUNT(booking, hold_extend_max_seconds, 1, 7 * DAY_SECONDS, "1800", "seconds",
          "After it was made a reservation cannot be extended beyond this."),
    COUNT(booking, max_per_order, 1, 1000, "10", "tickets", "In one reservation."),
    COUNT(booking, max_per_user_default, 1, 1000000, "4", "tickets",
          "Per user and event, held and confirmed together, where the event sets none."),
    COUNT(booking, idempotency_seconds, 60, 30 * DAY_SECONDS, "86400", "seconds",
          "How long an Idempotency-Key finds its first answer."),

    {"mirror", "postgres", CONFIG_TEXT, FIELD(mirror, postgres), 0, 0, "", NULL,
     "Where boxreplay mirrors to: a libpq connection string or URL. With a password\n"
     "in it the file must be readable by its owner only.", 1},
    COUNT(mirror, batch_rows_max, 1, 1000000, "20000", "records per transaction", "At most."),
    COUNT(mirror, poll_ms, 1, 60000, "50", "milliseconds",
          "Between two looks at a log that has nothing new."),

    SWITCH(rate_limit, enabled, "false",
           "Off until accounts exist: a user id is only as good as who may get tokens."),
    COUNT(rate_limit, reserve_per_minute, 0, 1000000, "20", "requests per minute and user",
          "POST /bookings/reserve; 0 is off."),
    COUNT(rate_limit, reserve_burst, 1, 1000000, "10", "requests", "At once."),

    TEXT(auth, jwt_keys_file, "jwt-keys",
         "Keys that sign and check access tokens (HS256), one `kid:secret` a line, the\n"
         "last one signs; mode 0600, made by --init; relative to data_dir unless absolute."),
    COUNT(auth, token_ttl_seconds_max, 60, 30 * DAY_SECONDS, "86400", "seconds",
          "A token that lives longer is refused."),
    SWITCH(auth, metrics_public, "true", "Whether GET /metrics answers without an admin's token."),

    {"cors", "origins", CONFIG_ORIGINS, FIELD(cors, origins), 0, 0, "", NULL,
     "Origins whose pages may call the API, each written as a browser sends it:\n"
     "\"https://tickets.example\". None by default; never a wildcard.", 0},

    {"log", "level", CONFIG_LEVEL, FIELD(log, level), 0, 0, "info", NULL,
     "Least level written to standard error: debug, info, warn or error.", 0},
};
/* clang-format on */

const uint32_t config_key_count = sizeof config_keys / sizeof config_keys[0];

const struct config_section config_sections[] = {
    {"server", "Connections and HTTP."},
    {"engine", "Threads."},
    {"storage", "The log."},
    {"snapshot", "Snapshots: made by boxreplay beside the engine."},
    {"retention", "How much log is kept."},
    {"admin", "Operators."},
    {"booking", "The rules of a sale."},
    {"mirror", "PostgreSQL, written by boxreplay; the engine never waits for it."},
    {"rate_limit", "Token buckets."},
    {"auth", "Access tokens."},
    {"cors", "Browsers on other origins."},
    {"log", "Messages on standard error."},
};

const uint32_t config_section_count = sizeof config_sections / sizeof config_sections[0];

const struct config_key *config_key_find(const char *section, const char *name)
{
    for (uint32_t i = 0; i < config_key_count; i++) {
        if (strcmp(config_keys[i].section, section) == 0 && strcmp(config_keys[i].name, name) == 0)
            return &config_keys[i];
    }
    return NULL;
}
