/* The configuration: one table behind file, environment, defaults and
 * documentation; every refusal names its place and what was expected.
 *
 * `test_config --print` writes the documented defaults: the project's config.toml. */
#include "config_fixture.h"

#include <sys/stat.h>

#include "../../engine/config_schema.h"

static bool load(struct fixture *fixture, const char *text)
{
    file_write(fixture->path, text, strlen(text));
    fixture->error[0] = '\0';
    return config_load(&fixture->config, fixture->path, fixture->error, sizeof fixture->error);
}

/* The part of the message behind the directory of the file. */
static void assert_refused(struct fixture *fixture, const char *text, const char *message)
{
    assert_false(load(fixture, text));
    assert_memory_equal(fixture->error, fixture->directory, strlen(fixture->directory));
    assert_string_equal(fixture->error + strlen(fixture->directory) + 1, message);
}

/* --- documentation and defaults --- */

/* config.toml is what the table documents, byte for byte. */
static void config_toml_is_the_documented_table(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    config_document(out);
    assert_int_equal(fclose(out), 0);

    FILE *file = fopen("config.toml", "re");
    assert_non_null(file);
    char *found = calloc(1, length + 2);
    assert_non_null(found);
    assert_int_equal(fread(found, 1, length + 1, file), length);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(found, text);
    free(found);
    free(text);
}

/* Loading config.toml gives the same as loading nothing. */
static void config_toml_sets_the_defaults(void **state)
{
    struct fixture *fixture = *state;
    struct config plain;
    assert_true(config_load(&plain, NULL, fixture->error, ERROR_BYTES));
    assert_true(config_load(&fixture->config, "config.toml", fixture->error, ERROR_BYTES));
    assert_memory_equal(&plain, &fixture->config, sizeof plain);
    assert_int_equal(plain.booking.reservation_ttl_seconds, 600);
    assert_int_equal(plain.booking.hold_extend_max_seconds, 1800);
    assert_string_equal(plain.server.listen, "127.0.0.1:8080");
}

/* Each key appears once in the file, under its section, with text about it. */
static void every_key_is_documented(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < config_key_count; i++) {
        assert_ptr_equal(config_key_find(config_keys[i].section, config_keys[i].name),
                         &config_keys[i]);
        assert_true(strlen(config_keys[i].about) > 5);
        if (config_keys[i].kind == CONFIG_COUNT)
            assert_non_null(config_keys[i].unit);
    }
}

/* --- the file --- */

/* Values of every kind reach their fields. */
static void file_values_are_taken(void **state)
{
    struct fixture *fixture = *state;
    assert_true(load(fixture, "[server]\nlisten = \"[::1]:9090\"\nconnections_max = 0x1000\n"
                              "[engine]\nshards = 64\npin = false\n"
                              "[cors]\norigins = [\"https://a.example\", \"http://b.example:81\"]\n"
                              "[log]\nlevel = 'warn'\n"));
    const struct config *config = &fixture->config;
    assert_string_equal(config->server.listen, "[::1]:9090");
    assert_int_equal(config->server.connections_max, 0x1000);
    assert_int_equal(config->engine.shards, 64);
    assert_false(config->engine.pin);
    assert_int_equal(config->cors.origin_count, 2);
    assert_string_equal(config->cors.origins[1], "http://b.example:81");
    assert_string_equal(config->log.level, "warn");
    assert_int_equal(config->server.idle_timeout_ms, 60000);
}

/* A wrong type names the value's line and column. */
static void wrong_type_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, "# first\n[server]\nlisten = 42\n",
                   "config.toml:3:10: [server] listen: expected ADDRESS:PORT, found 42");
    assert_refused(fixture, "[engine]\n  pin = 1\n",
                   "config.toml:2:9: [engine] pin: expected true or false, found 1");
    assert_refused(fixture, "[engine]\npin = \"true\"\n",
                   "config.toml:2:7: [engine] pin: expected true or false, found \"true\"");
    assert_refused(fixture, "[booking]\nmax_per_order = 1979-05-27\n",
                   "config.toml:2:17: [booking] max_per_order: expected an integer from 1 to 1000 "
                   "(tickets), found a date or time");
    assert_refused(fixture, "[booking]\nmax_per_order = 2.0\n",
                   "config.toml:2:17: [booking] max_per_order: expected an integer from 1 to 1000 "
                   "(tickets), found a fractional number");
    assert_refused(fixture, "[log]\nlevel = [\"info\"]\n",
                   "config.toml:2:9: [log] level: expected debug, info, warn or error, "
                   "found an array");
    assert_refused(fixture, "[server.listen]\nport = 1\n",
                   "config.toml:1:1: [server] listen: expected ADDRESS:PORT, found a table");
}

/* Out of range is refused at both ends; huge integers are refused by the parser. */
static void out_of_range_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, "[engine]\nshards = 65\n",
                   "config.toml:2:10: [engine] shards: expected an integer from 0 to 64 (shards), "
                   "found 65");
    assert_refused(fixture, "[engine]\nshards = -1\n",
                   "config.toml:2:10: [engine] shards: expected an integer from 0 to 64 (shards), "
                   "found -1");
    assert_false(load(fixture, "[engine]\nshards = 99999999999999999999999\n"));
    assert_non_null(strstr(fixture->error, "config.toml:2:"));
    for (uint32_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        char text[32];
        if (key->kind != CONFIG_COUNT)
            continue;
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)key->most + 1);
        assert_false(config_set(&fixture->config, "test", key->section, key->name, text,
                                fixture->error, ERROR_BYTES));
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)key->most);
        assert_true(config_set(&fixture->config, "test", key->section, key->name, text,
                               fixture->error, ERROR_BYTES));
    }
}

/* An unknown section or key is a typing error, not a wish for the future. */
static void unknown_names_are_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, "\n[sever]\n",
                   "config.toml:2:2: unknown section \"sever\"; config.toml documents all");
    assert_refused(fixture, "[server]\nlistn = \"127.0.0.1:1\"\n",
                   "config.toml:2:1: [server]: unknown key \"listn\"; config.toml documents all");
    assert_refused(fixture, "listen = \"127.0.0.1:1\"\n",
                   "config.toml:1:1: expected a [section] before the key \"listen\"");
    assert_refused(fixture, "[log]\n\"level\\u0000x\" = \"info\"\n",
                   "config.toml:2:1: [log]: unknown key \"?\"; config.toml documents all");
}

/* Broken or twice defined TOML names its line; control bytes are not echoed. */
static void broken_toml_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {
        "[server\n",
        "[server]\nlisten = \n",
        "[log]\nlevel = \"info\"\nlevel = \"warn\"\n",
        "[log]\n[log]\n",
        "[log]\nlevel = \"a\nb\"\n",
        "\x1b[31m = 1\n",
        "[{server]\n",
        "[[[1]]]\n",
        "[log]\nlevel = \"\xff\xfe\"\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(load(fixture, texts[i]));
        assert_non_null(strstr(fixture->error, "expected TOML"));
        for (const char *c = fixture->error; *c != '\0'; c++)
            assert_true(*c >= 0x20 && *c < 0x7f);
    }
}

/* Letters beyond ASCII are welcome in comments and texts, and an error elsewhere. */
static void letters_beyond_ascii_are_no_surprise(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad[] = {"é", "[\xef\xba\xbf]]]\n", "[\xef\xb3\xbf\r", "[log]é\n"};
    assert_true(load(fixture, "# vé xem hòa nhạc, \xef\xbb\xbf\n[log]\nlevel = \"info\"\n"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(load(fixture, bad[i]));
        assert_non_null(strstr(fixture->error, "expected TOML"));
    }
}

/* A missing file and one over 1 MiB are refused with their name (C13). */
static void unreadable_files_are_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_false(
        config_load(&fixture->config, "/nowhere/config.toml", fixture->error, ERROR_BYTES));
    assert_string_equal(fixture->error,
                        "/nowhere/config.toml: cannot read: No such file or directory");
    char *big = malloc((1 << 20) + 2);
    assert_non_null(big);
    memset(big, '#', (1 << 20) + 1);
    file_write(fixture->path, big, (1 << 20) + 1);
    free(big);
    assert_false(config_load(&fixture->config, fixture->path, fixture->error, ERROR_BYTES));
    assert_non_null(strstr(fixture->error, "File too large"));
}

/* C13: a hundred thousand tables are refused at the first, not slowly. */
static void many_tables_are_refused(void **state)
{
    struct fixture *fixture = *state;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    for (int i = 0; i < 100000; i++)
        (void)fprintf(out, "[t%d]\n", i);
    assert_int_equal(fclose(out), 0);
    assert_false(load(fixture, text));
    free(text);
    assert_non_null(strstr(fixture->error, "unknown section \"t"));
}

/* Only addresses that can be bound without asking a name server are taken. */
static void addresses_are_checked(void **state)
{
    struct fixture *fixture = *state;
    static const char *const good[] = {"0.0.0.0:1", "127.0.0.1:65535", "[::]:80", "[fe80::1]:8080"};
    static const char *const bad[] = {
        "",          ":80",           "127.0.0.1",      "127.0.0.1:",
        "1.2.3.4:0", "1.2.3.4:65536", "localhost:80",   "::1:80",
        "[::1]80",   "1.2.3.4:8o",    "1.2.3.4:000080", "[1.2.3.4]:80"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(config_set(&fixture->config, "t", "server", "listen", good[i], fixture->error,
                               ERROR_BYTES));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(config_set(&fixture->config, "t", "server", "listen", bad[i], fixture->error,
                                ERROR_BYTES));
}

/* A wildcard, a path, or a name without scheme is no origin. */
static void origins_are_checked(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad[] = {
        "*",         "https://", "https://A.example",  "https://a.example/",
        "a.example", "null",     "https://a.example,*"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(config_set(&fixture->config, "t", "cors", "origins", bad[i], fixture->error,
                                ERROR_BYTES));
    assert_true(config_set(&fixture->config, "t", "cors", "origins",
                           "https://a.example,http://localhost:3000", fixture->error, ERROR_BYTES));
    assert_int_equal(fixture->config.cors.origin_count, 2);
    assert_true(
        config_set(&fixture->config, "t", "cors", "origins", "", fixture->error, ERROR_BYTES));
    assert_int_equal(fixture->config.cors.origin_count, 0);
}

/* C08: a file that others may read must not hold the database's password. */
static void readable_password_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char text[] = "[mirror]\npostgres = \"postgresql://box:hush@db/box\"\n";
    file_write(fixture->path, text, strlen(text));
    assert_int_equal(chmod(fixture->path, 0640), 0);
    assert_false(config_load(&fixture->config, fixture->path, fixture->error, ERROR_BYTES));
    assert_non_null(strstr(fixture->error, "expected mode 0600, found 0640"));
    assert_null(strstr(fixture->error, "hush"));
    assert_int_equal(chmod(fixture->path, 0600), 0);
    assert_true(config_load(&fixture->config, fixture->path, fixture->error, ERROR_BYTES));
    assert_int_equal(chmod(fixture->path, 0644), 0);
    assert_true(load(fixture, "[mirror]\npostgres = \"host=/run/x dbname=box\"\n"));
}

/* --- the environment --- */

/* Every key has its variable, and the variable wins over the file. */
static void environment_overrides_the_file(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(setenv("BOXOFFICE_BOOKING_RESERVATION_TTL_SECONDS", "2", 1), 0);
    assert_int_equal(setenv("BOXOFFICE_RATE_LIMIT_ENABLED", "true", 1), 0);
    const bool good = load(fixture, "[booking]\nreservation_ttl_seconds = 77\nmax_per_order = 7\n");
    assert_int_equal(unsetenv("BOXOFFICE_BOOKING_RESERVATION_TTL_SECONDS"), 0);
    assert_int_equal(unsetenv("BOXOFFICE_RATE_LIMIT_ENABLED"), 0);
    assert_true(good);
    assert_int_equal(fixture->config.booking.reservation_ttl_seconds, 2);
    assert_int_equal(fixture->config.booking.max_per_order, 7);
    assert_true(fixture->config.rate_limit.enabled);
}

static void assert_variable_refused(struct fixture *fixture, const char *name, const char *value,
                                    const char *message)
{
    assert_int_equal(setenv(name, value, 1), 0);
    const bool good = config_load(&fixture->config, NULL, fixture->error, ERROR_BYTES);
    assert_int_equal(unsetenv(name), 0);
    assert_false(good);
    assert_string_equal(fixture->error, message);
}

/* A variable is checked as the file is; unknown ones are refused. */
static void environment_is_checked(void **state)
{
    struct fixture *fixture = *state;
    assert_variable_refused(fixture, "BOXOFFICE_ENGINE_SHARDS", "two",
                            "BOXOFFICE_ENGINE_SHARDS: [engine] shards: expected an integer from 0 "
                            "to 64 (shards), found \"two\"");
    assert_variable_refused(fixture, "BOXOFFICE_ENGINE_SHARDS", "",
                            "BOXOFFICE_ENGINE_SHARDS: [engine] shards: expected an integer from 0 "
                            "to 64 (shards), found \"\"");
    assert_variable_refused(fixture, "BOXOFFICE_ENGINE_PIN", "yes",
                            "BOXOFFICE_ENGINE_PIN: [engine] pin: expected true or false, "
                            "found \"yes\"");
    assert_variable_refused(fixture, "BOXOFFICE_SERVER_LISTN", "x",
                            "BOXOFFICE_SERVER_LISTN: expected BOXOFFICE_<SECTION>_<KEY> of a key "
                            "that config.toml documents");
    assert_int_equal(setenv("BOXOFFICE_CRASH_AT", "nowhere", 1), 0);
    const bool good = config_load(&fixture->config, NULL, fixture->error, ERROR_BYTES);
    assert_int_equal(unsetenv("BOXOFFICE_CRASH_AT"), 0);
    assert_true(good);
}

/* Secrets in a refused value are not repeated. */
static void secret_values_are_not_shown(void **state)
{
    struct fixture *fixture = *state;
    char *text = malloc(2048);
    assert_non_null(text);
    (void)snprintf(text, 2048, "password=hush%01000d", 1);
    assert_false(
        config_set(&fixture->config, "t", "mirror", "postgres", text, fixture->error, ERROR_BYTES));
    free(text);
    assert_null(strstr(fixture->error, "hush"));
}

/* --- several keys together --- */

/* Paths are joined to data_dir, and shards 0 becomes at least one. */
static void derived_values_are_filled(void **state)
{
    struct fixture *fixture = *state;
    assert_true(load(fixture, "[storage]\ndata_dir = \"/srv/box\"\n"
                              "[auth]\njwt_keys_file = \"/etc/box/keys\"\n"));
    assert_true(config_check(&fixture->config, fixture->error, ERROR_BYTES));
    assert_string_equal(fixture->config.admin.socket, "/srv/box/admin/boxoffice.sock");
    assert_string_equal(fixture->config.auth.jwt_keys_file, "/etc/box/keys");
    assert_in_range(fixture->config.engine.shards, 1, 64);
}

/* What only makes sense together is checked together. */
static void combinations_are_checked(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad[][2] = {
        {"[engine]\nmailbox_slots = 1000\n", "power of two, found 1000"},
        {"[storage]\nsegment_bytes = 1048577\n", "multiples of 4096"},
        {"[storage]\nsegment_bytes = 1048576\n", "at most half of segment_bytes"},
        {"[storage]\ndata_dir = \"\"\n", "data_dir: expected a path"},
        {"[admin]\nsocket = \"/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
         "0123456789/0123456789/0123456789/box.sock\"\n",
         "at most 107 bytes"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_true(load(fixture, bad[i][0]));
        assert_false(config_check(&fixture->config, fixture->error, ERROR_BYTES));
        assert_non_null(strstr(fixture->error, bad[i][1]));
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        config_document(stdout);
        return fflush(stdout) == 0 ? 0 : 1;
    }
    const struct CMUnitTest tests[] = {
        CASE(config_toml_is_the_documented_table),
        CASE(config_toml_sets_the_defaults),
        CASE(every_key_is_documented),
        CASE(file_values_are_taken),
        CASE(wrong_type_is_refused),
        CASE(out_of_range_is_refused),
        CASE(unknown_names_are_refused),
        CASE(broken_toml_is_refused),
        CASE(letters_beyond_ascii_are_no_surprise),
        CASE(unreadable_files_are_refused),
        CASE(many_tables_are_refused),
        CASE(addresses_are_checked),
        CASE(origins_are_checked),
        CASE(readable_password_is_refused),
        CASE(environment_overrides_the_file),
        CASE(environment_is_checked),
        CASE(secret_values_are_not_shown),
        CASE(derived_values_are_filled),
        CASE(combinations_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
