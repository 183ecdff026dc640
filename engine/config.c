/* Loading is one road for every source: a source (default, file, environment,
 * command line) finds its key in config_keys and hands over a found value;
 * value_store checks and stores it, or says what was expected instead. */
#include "config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config_schema.h"
#include "config_toml.h"
#include "config_value.h"
#include "partition.h"

enum { FILE_BYTES_MAX = 1 << 20, NAME_BYTES = 96, ORIGIN_BYTES = CONFIG_TEXT_BYTES + 32 };

/* --- plain text: defaults, environment, command line --- */

/* Gives a text the type its key wants, where it has that form; else it stays a
 * text and value_store refuses it. */
static void text_interpret(const struct config_key *key, const char *text,
                           struct config_toml_value *value)
{
    *value = (struct config_toml_value){
        .type = CONFIG_TOML_TEXT, .text = text, .text_bytes = strlen(text)};
    if (key->kind == CONFIG_COUNT && isdigit((unsigned char)text[0])) {
        char *end = NULL;
        errno = 0;
        value->integer = strtoll(text, &end, 10);
        if (*end == '\0' && errno == 0)
            value->type = CONFIG_TOML_INTEGER;
    } else if (key->kind == CONFIG_BOOL) {
        value->boolean = strcmp(text, "true") == 0;
        if (value->boolean || strcmp(text, "false") == 0)
            value->type = CONFIG_TOML_BOOL;
    }
}

/* Origins travel as one text, separated by commas. */
static bool origins_split(struct config *config, const struct config_key *key, const char *text)
{
    char copy[CONFIG_TEXT_BYTES * 2];
    const char *parts[CONFIG_ORIGINS_MAX + 1];
    size_t count = 0;
    if (strlen(text) >= sizeof copy)
        return false;
    memcpy(copy, text, strlen(text) + 1);
    char *rest = NULL;
    for (char *part = strtok_r(copy, ",", &rest); part != NULL; part = strtok_r(NULL, ",", &rest)) {
        if (count == CONFIG_ORIGINS_MAX)
            return false;
        parts[count++] = part;
    }
    const struct config_toml_value value = {
        .type = CONFIG_TOML_TEXTS, .texts = parts, .text_count = count};
    return value_store(config, key, &value);
}

static bool text_take(struct config *config, const char *origin, const struct config_key *key,
                      const char *text, const struct complaint *complaint)
{
    if (key->kind == CONFIG_ORIGINS && origins_split(config, key, text))
        return true;
    struct config_toml_value value;
    text_interpret(key, text, &value);
    return value_take(config, origin, key, &value, complaint);
}

static void defaults_take(struct config *config)
{
    char text[ORIGIN_BYTES];
    const struct complaint complaint = {text, sizeof text};
    memset(config, 0, sizeof *config);
    for (uint32_t i = 0; i < config_key_count; i++) {
        const bool good =
            text_take(config, "default", &config_keys[i], config_keys[i].value, &complaint);
        assert(good);
    }
}

bool config_set(struct config *config, const char *origin, const char *section, const char *name,
                const char *text, char *error, size_t error_bytes)
{
    const struct complaint complaint = {error, error_bytes};
    const struct config_key *key = config_key_find(section, name);
    if (key == NULL)
        return complain(&complaint, "%s: there is no key [%s] %s", origin, section, name);
    return text_take(config, origin, key, text, &complaint);
}

/* --- the file --- */

struct file_walk {
    struct config *config;
    const char *path;
    const struct complaint *complaint;
    bool failed;
};

static bool section_exists(const char *name)
{
    for (uint32_t i = 0; i < config_section_count; i++) {
        if (strcmp(config_sections[i].name, name) == 0)
            return true;
    }
    return false;
}

static void origin_of_place(char *out, size_t out_bytes, const char *path,
                            struct config_toml_place place)
{
    (void)snprintf(out, out_bytes, "%s:%u:%u", path, place.line, place.column);
}

static bool file_unknown(const struct file_walk *walk, const struct config_toml_value *value)
{
    char origin[ORIGIN_BYTES];
    char name[NAME_BYTES];
    origin_of_place(origin, sizeof origin, walk->path, value->key_place);
    if (value->key[0] == '\0') {
        found_text(name, sizeof name, value->section, strlen(value->section));
        return complain(walk->complaint, "%s: unknown section %s; config.toml documents all",
                        origin, name);
    }
    found_text(name, sizeof name, value->key, strlen(value->key));
    if (value->section[0] == '\0')
        return complain(walk->complaint, "%s: expected a [section] before the key %s", origin,
                        name);
    return complain(walk->complaint, "%s: [%s]: unknown key %s; config.toml documents all", origin,
                    value->section, name);
}

static bool file_visit(void *context, const struct config_toml_value *value)
{
    struct file_walk *walk = context;
    const struct config_key *key = config_key_find(value->section, value->key);
    if (value->key[0] == '\0' && section_exists(value->section))
        return true;
    if (key == NULL) {
        walk->failed = !file_unknown(walk, value);
        return false;
    }
    char origin[ORIGIN_BYTES];
    origin_of_place(origin, sizeof origin, walk->path, value->value_place);
    walk->failed = !value_take(walk->config, origin, key, value, walk->complaint);
    return !walk->failed;
}

static bool bytes_take(struct config *config, const char *path, const char *bytes, size_t length,
                       const struct complaint *complaint)
{
    struct file_walk walk = {config, path, complaint, false};
    struct config_toml_place place = {0, 0};
    char why[256];
    if (config_toml_walk(bytes, length, file_visit, &walk, &place, why, sizeof why))
        return !walk.failed;
    for (char *c = why; *c != '\0'; c++) {
        if (*c < 0x20 || *c >= 0x7f)
            *c = '?'; /* the message may quote the file */
    }
    return complain(complaint, "%s:%u:%u: expected TOML, found: %s", path, place.line, place.column,
                    why);
}

/* Reads up to FILE_BYTES_MAX bytes; the buffer is the caller's. Negative: errno. */
static int file_read(const char *path, char *buffer, size_t *length, struct stat *status)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = fstat(fd, status) == 0 ? 0 : -errno;
    *length = 0;
    while (result == 0) {
        const ssize_t got = read(fd, buffer + *length, FILE_BYTES_MAX + 1 - *length);
        if (got > 0)
            *length += (size_t)got;
        else if (got == 0 || errno != EINTR) {
            result = got == 0 ? 0 : -errno;
            break;
        }
        if (*length > FILE_BYTES_MAX)
            result = -EFBIG;
    }
    (void)close(fd);
    return result;
}

static bool has_password(const char *postgres)
{
    const char *authority = strstr(postgres, "://");
    if (authority == NULL)
        return strstr(postgres, "password") != NULL;
    const char *at = strchr(authority + 3, '@');
    const char *colon = strchr(authority + 3, ':');
    return (at != NULL && colon != NULL && colon < at) || strstr(postgres, "password=") != NULL;
}

static bool file_take(struct config *config, const char *path, const struct complaint *complaint)
{
    char *buffer = malloc(FILE_BYTES_MAX + 1);
    struct stat status = {0};
    size_t length = 0;
    bool good = false;
    const int result = buffer != NULL ? file_read(path, buffer, &length, &status) : -ENOMEM;
    if (result < 0)
        (void)complain(complaint, "%s: cannot read: %s", path, strerror(-result));
    else
        good = bytes_take(config, path, buffer, length, complaint);
    free(buffer);
    if (good && (status.st_mode & 077) != 0 && has_password(config->mirror.postgres))
        return complain(complaint,
                        "%s: [mirror] postgres holds a password: expected mode 0600, found %04o",
                        path, status.st_mode & 07777);
    return good;
}

/* --- the environment --- */

static const char environment_prefix[] = "BOXOFFICE_";

/* Names that are no keys: read by other parts of the program, or by its tests. */
static bool environment_is_free(const char *name)
{
    static const char *const free_prefixes[] = {"CRASH_AT", "FAULT_", "TEST_"};
    for (size_t i = 0; i < sizeof free_prefixes / sizeof free_prefixes[0]; i++) {
        if (strncmp(name, free_prefixes[i], strlen(free_prefixes[i])) == 0)
            return true;
    }
    return false;
}

static const struct config_key *environment_find(const char *name, size_t length)
{
    for (uint32_t i = 0; i < config_key_count; i++) {
        char wanted[NAME_BYTES];
        (void)snprintf(wanted, sizeof wanted, "%s_%s", config_keys[i].section, config_keys[i].name);
        for (char *c = wanted; *c != '\0'; c++)
            *c = (char)toupper((unsigned char)*c);
        if (strlen(wanted) == length && memcmp(wanted, name, length) == 0)
            return &config_keys[i];
    }
    return NULL;
}

static bool environment_take(struct config *config, const struct complaint *complaint)
{
    const size_t skip = sizeof environment_prefix - 1;
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        const char *equals = strchr(*entry, '=');
        if (strncmp(*entry, environment_prefix, skip) != 0 || equals == NULL)
            continue;
        char origin[ORIGIN_BYTES];
        (void)snprintf(origin, sizeof origin, "%.*s", (int)(equals - *entry), *entry);
        if (environment_is_free(*entry + skip))
            continue;
        const struct config_key *key =
            environment_find(*entry + skip, (size_t)(equals - *entry) - skip);
        if (key == NULL)
            return complain(complaint,
                            "%s: expected BOXOFFICE_<SECTION>_<KEY> of a key that config.toml "
                            "documents",
                            origin);
        if (!text_take(config, origin, key, equals + 1, complaint))
            return false;
    }
    return true;
}

bool config_load(struct config *config, const char *path, char *error, size_t error_bytes)
{
    const struct complaint complaint = {error, error_bytes};
    defaults_take(config);
    return (path == NULL || file_take(config, path, &complaint)) &&
           environment_take(config, &complaint);
}

/* --- what needs more than one key --- */

/* Makes a path relative to data_dir stand alone. False: too long. */
static bool path_resolve(const struct config *config, char path[CONFIG_TEXT_BYTES])
{
    char joined[CONFIG_TEXT_BYTES];
    if (path[0] == '/')
        return true;
    const int length = snprintf(joined, sizeof joined, "%s/%s", config->storage.data_dir, path);
    if (length < 0 || (size_t)length >= sizeof joined)
        return false;
    memcpy(path, joined, (size_t)length + 1);
    return true;
}

static uint16_t cores_usable(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    const int count = CPU_COUNT(&set);
    return (uint16_t)(count < 1 ? 1 : count > SHARD_COUNT_MAX ? SHARD_COUNT_MAX : count);
}

bool config_check(struct config *config, char *error, size_t error_bytes)
{
    const struct complaint complaint = {error, error_bytes};
    if (config->storage.data_dir[0] == '\0')
        return complain(&complaint, "[storage] data_dir: expected a path, found nothing");
    if (config->admin.socket[0] == '\0' || config->auth.jwt_keys_file[0] == '\0')
        return complain(&complaint, "[admin] socket, [auth] jwt_keys_file: expected paths");
    if ((config->engine.mailbox_slots & (config->engine.mailbox_slots - 1)) != 0)
        return complain(&complaint, "[engine] mailbox_slots: expected a power of two, found %u",
                        config->engine.mailbox_slots);
    if (config->storage.segment_bytes % 4096 != 0 || config->storage.batch_bytes_max % 4096 != 0)
        return complain(&complaint, "[storage] segment_bytes, batch_bytes_max: expected multiples "
                                    "of 4096");
    if (config->storage.batch_bytes_max > config->storage.segment_bytes / 2)
        return complain(&complaint,
                        "[storage] batch_bytes_max: expected at most half of segment_bytes (%u)",
                        config->storage.segment_bytes);
    if (!path_resolve(config, config->admin.socket) ||
        strlen(config->admin.socket) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return complain(&complaint,
                        "[admin] socket: expected a path of at most %zu bytes together with "
                        "data_dir: a Unix socket's limit",
                        sizeof((struct sockaddr_un *)0)->sun_path - 1);
    if (!path_resolve(config, config->auth.jwt_keys_file))
        return complain(&complaint, "[auth] jwt_keys_file: path too long");
    if (config->engine.shards == 0)
        config->engine.shards = cores_usable();
    return true;
}
