/* The configuration at its limits: as much as a key takes and one more, files that are
 * none, values of the wrong kind; and signing keys that cannot be read or written. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../engine/config.h"
#include "../../engine/jwt_keys.h"

enum { ERROR_BYTES = 1024 };

struct fixture {
    char directory[64];
    char path[96];
    char error[ERROR_BYTES];
    struct config config;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    (void)snprintf(fixture->directory, sizeof fixture->directory, "/tmp/test_limits.XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    (void)snprintf(fixture->path, sizeof fixture->path, "%s/file", fixture->directory);
    assert_true(config_load(&fixture->config, NULL, fixture->error, ERROR_BYTES));
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    (void)unlink(fixture->path);
    (void)rmdir(fixture->directory);
    free(fixture);
    return 0;
}

static void file_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) < 0, 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static bool load(struct fixture *fixture, const char *text)
{
    file_write(fixture->path, text);
    return config_load(&fixture->config, fixture->path, fixture->error, ERROR_BYTES);
}

static bool set(struct fixture *fixture, const char *section, const char *name, const char *text)
{
    return config_set(&fixture->config, "t", section, name, text, fixture->error, ERROR_BYTES);
}

/* --- texts --- */

/* A text takes 511 bytes, none of them NUL; one more is refused. */
static void test_longest_text(void **state)
{
    struct fixture *fixture = *state;
    char text[CONFIG_TEXT_BYTES + 1];
    memset(text, 'a', sizeof text);
    text[CONFIG_TEXT_BYTES - 1] = '\0';
    assert_true(set(fixture, "storage", "data_dir", text));
    assert_string_equal(fixture->config.storage.data_dir, text);
    text[CONFIG_TEXT_BYTES - 1] = 'a';
    text[CONFIG_TEXT_BYTES] = '\0';
    assert_false(set(fixture, "storage", "data_dir", text));
    assert_non_null(strstr(fixture->error, "a text of at most 511 bytes"));
    assert_false(load(fixture, "[storage]\ndata_dir = \"a\\u0000b\"\n"));
    assert_non_null(strstr(fixture->error, "data_dir: expected a text"));
}

/* A refusal quotes what it found, cut where the message ends and without what a terminal
 * would obey. */
static void test_what_a_refusal_quotes(void **state)
{
    struct fixture *fixture = *state;
    char text[2 * ERROR_BYTES];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_false(set(fixture, "server", "listen", text));
    assert_non_null(strstr(fixture->error, "xxx...\""));
    assert_false(set(fixture, "server", "listen", "\x1b[31m\x7f\xc3\xa9"));
    assert_non_null(strstr(fixture->error, "\"?[31m???\""));
    assert_false(load(fixture, "[booking]\nmax_per_order = true\n"));
    assert_non_null(strstr(fixture->error, "found true"));
    assert_false(load(fixture, "[booking]\nmax_per_order = false\n"));
    assert_non_null(strstr(fixture->error, "found false"));
    assert_false(load(fixture, "[log]\nlevel = \"loud\"\n"));
    assert_non_null(strstr(fixture->error, "found \"loud\""));
}

/* A secret of another type may be named: it is none. */
static void test_a_secret_that_is_a_number(void **state)
{
    struct fixture *fixture = *state;
    assert_false(load(fixture, "[mirror]\npostgres = 42\n"));
    assert_non_null(strstr(fixture->error, "found 42"));
}

/* --- numbers --- */

/* A number is all of the text, and one that a machine can hold. */
static void test_numbers(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad[] = {"12x", "99999999999999999999", "-1", " 1", "+1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(set(fixture, "booking", "max_per_order", bad[i]));
    assert_true(set(fixture, "booking", "max_per_order", "12"));
    assert_int_equal(fixture->config.booking.max_per_order, 12);
    assert_false(set(fixture, "booking", "max_per_odor", "12"));
    assert_string_equal(fixture->error, "t: there is no key [booking] max_per_odor");
}

/* --- origins --- */

/* Sixteen origins, each of at most 511 bytes, whether a file or a variable names them. */
static void test_most_origins(void **state)
{
    struct fixture *fixture = *state;
    char text[2 * ERROR_BYTES] = "https://h0", array[2 * ERROR_BYTES] = "[cors]\norigins = [";
    for (int i = 1; i < CONFIG_ORIGINS_MAX; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), ",https://h%d", i);
    assert_true(set(fixture, "cors", "origins", text));
    assert_int_equal(fixture->config.cors.origin_count, CONFIG_ORIGINS_MAX);
    strcat(text, ",https://more");
    assert_false(set(fixture, "cors", "origins", text));
    for (int i = 0; i <= CONFIG_ORIGINS_MAX; i++)
        (void)snprintf(array + strlen(array), sizeof array - strlen(array), "\"https://h%d\",", i);
    strcat(array, "]\n");
    assert_false(load(fixture, array));

    memset(text, 'a', sizeof text);
    memcpy(text, "https://", 8);
    text[CONFIG_TEXT_BYTES - 1] = '\0';
    assert_true(set(fixture, "cors", "origins", text));
    text[CONFIG_TEXT_BYTES - 1] = 'a';
    text[CONFIG_TEXT_BYTES] = '\0';
    assert_false(set(fixture, "cors", "origins", text));
    text[CONFIG_TEXT_BYTES] = 'a';
    text[sizeof text - 1] = '\0';
    assert_false(set(fixture, "cors", "origins", text));
}

/* An address as long as none is. */
static void test_long_address(void **state)
{
    struct fixture *fixture = *state;
    assert_false(
        set(fixture, "server", "listen", "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80"));
}

/* --- files --- */

/* A directory is no file, though it opens. */
static void test_a_directory(void **state)
{
    struct fixture *fixture = *state;
    assert_false(config_load(&fixture->config, fixture->directory, fixture->error, ERROR_BYTES));
    assert_non_null(strstr(fixture->error, "cannot read: Is a directory"));
}

static bool is_refused_readable(struct fixture *fixture, const char *postgres)
{
    char text[ERROR_BYTES];
    (void)snprintf(text, sizeof text, "[mirror]\npostgres = \"%s\"\n", postgres);
    file_write(fixture->path, text);
    assert_int_equal(chmod(fixture->path, 0644), 0);
    return !config_load(&fixture->config, fixture->path, fixture->error, ERROR_BYTES);
}

/* A password in any form that libpq takes makes a file that others may read an error; a
 * user, a port or a host alone do not. */
static void test_forms_of_a_password(void **state)
{
    struct fixture *fixture = *state;
    assert_true(is_refused_readable(fixture, "host=db password=x"));
    assert_true(is_refused_readable(fixture, "postgresql://u:x@db/box"));
    assert_true(is_refused_readable(fixture, "postgresql://db/box?password=x"));
    assert_false(is_refused_readable(fixture, "postgresql://u@db/box"));
    assert_false(is_refused_readable(fixture, "postgresql://u@db:5432/box"));
    assert_false(is_refused_readable(fixture, "postgresql://db:5432/box"));
    assert_false(is_refused_readable(fixture, "postgresql://db/box"));
}

/* --- together --- */

static void assert_check_refuses(struct fixture *fixture, const char *message)
{
    assert_false(config_check(&fixture->config, fixture->error, ERROR_BYTES));
    assert_non_null(strstr(fixture->error, message));
}

/* Paths that are empty, or too long once they stand alone, and sizes that are no pages. */
static void test_paths_and_sizes(void **state)
{
    struct fixture *fixture = *state;
    const struct config good = fixture->config;
    char longest[CONFIG_TEXT_BYTES];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';

    fixture->config.admin.socket[0] = '\0';
    assert_check_refuses(fixture, "expected paths");
    fixture->config = good;
    fixture->config.auth.jwt_keys_file[0] = '\0';
    assert_check_refuses(fixture, "expected paths");
    fixture->config = good;
    fixture->config.storage.batch_bytes_max = 4097;
    assert_check_refuses(fixture, "multiples of 4096");
    fixture->config = good;
    memcpy(fixture->config.admin.socket, longest, sizeof longest);
    assert_check_refuses(fixture, "[admin] socket");
    fixture->config = good;
    memcpy(fixture->config.auth.jwt_keys_file, longest, sizeof longest);
    assert_check_refuses(fixture, "jwt_keys_file: path too long");
    fixture->config = good;
    fixture->config.engine.shards = 3;
    assert_true(config_check(&fixture->config, fixture->error, ERROR_BYTES));
    assert_int_equal(fixture->config.engine.shards, 3);
}

/* --- signing keys --- */

static const char SECRET[] = "Zq8vT1mXc4Lr7Yb0Kp3WnE6sJh9GdUfA2iOoQ5";

static bool load_keys(struct fixture *fixture, const char *text)
{
    file_write(fixture->path, text);
    memset(fixture->config.auth.jwt_keys_file, 0, sizeof fixture->config.auth.jwt_keys_file);
    memcpy(fixture->config.auth.jwt_keys_file, fixture->path, strlen(fixture->path));
    return jwt_keys_load(&fixture->config, fixture->error, ERROR_BYTES);
}

static void assert_keys_refused(struct fixture *fixture, const char *kid, const char *secret,
                                const char *message)
{
    char text[ERROR_BYTES];
    (void)snprintf(text, sizeof text, "%s:%s\n", kid, secret);
    assert_false(load_keys(fixture, text));
    assert_non_null(strstr(fixture->error, message));
    assert_null(strstr(fixture->error, secret));
}

/* Kids of 1 to 63 characters, secrets of 32 to 255, lines that end: one more or one less
 * is refused, and the secret is never repeated. */
static void test_lengths_of_keys(void **state)
{
    struct fixture *fixture = *state;
    char kid[65], secret[300], text[ERROR_BYTES];
    memset(kid, 'k', sizeof kid);
    kid[64] = '\0';
    assert_keys_refused(fixture, "", SECRET, "1 to 63 characters");
    assert_keys_refused(fixture, kid, SECRET, "1 to 63 characters");
    kid[63] = '\0';
    (void)snprintf(text, sizeof text, "%s:%s\n", kid, SECRET);
    assert_true(load_keys(fixture, text));
    assert_string_equal(fixture->config.auth.jwt_sign_kid, kid);

    for (size_t i = 0; i < sizeof secret; i++)
        secret[i] = SECRET[i % (sizeof SECRET - 1)];
    secret[255] = '\0';
    (void)snprintf(text, sizeof text, "k:%s\n", secret);
    assert_true(load_keys(fixture, text));
    secret[255] = 'x';
    secret[256] = '\0';
    assert_keys_refused(fixture, "k", secret, "32 to 255 characters");
    assert_keys_refused(fixture, "k",
                        "Zq8vT1mXc4Lr7Yb0Kp3WnE6sJh9GdU\x7f"
                        "Ux",
                        "printable ASCII");
    assert_keys_refused(fixture, "k", "Zq8vT1mXc4Lr7Yb0 Kp3WnE6sJh9GdUfA", "printable ASCII");
    memset(text, 'x', sizeof text);
    text[600] = '\0';
    assert_false(load_keys(fixture, text));
    assert_non_null(strstr(fixture->error, "line too long"));
}

/* At most eight keys, each kid once. */
static void test_most_keys(void **state)
{
    struct fixture *fixture = *state;
    char text[ERROR_BYTES] = "";
    for (int i = 0; i < CONFIG_KEYS_MAX; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "k%d:%s\n", i, SECRET);
    assert_true(load_keys(fixture, text));
    assert_int_equal(fixture->config.auth.jwt_key_count, CONFIG_KEYS_MAX);
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "more:%s\n", SECRET);
    assert_false(load_keys(fixture, text));
    assert_non_null(strstr(fixture->error, "at most 8 keys"));
}

/* Keys are made once: what is there stays, and where none can be made, that is said. */
static void test_making_keys(void **state)
{
    struct fixture *fixture = *state;
    struct stat before, after;
    char *file = fixture->config.auth.jwt_keys_file;
    (void)snprintf(file, CONFIG_TEXT_BYTES, "%s", fixture->path);
    assert_true(jwt_keys_create(&fixture->config, fixture->error, ERROR_BYTES));
    assert_int_equal(stat(file, &before), 0);
    assert_int_equal(before.st_mode & 07777, 0600);
    assert_true(jwt_keys_load(&fixture->config, fixture->error, ERROR_BYTES));
    assert_true(jwt_keys_create(&fixture->config, fixture->error, ERROR_BYTES));
    assert_int_equal(stat(file, &after), 0);
    assert_memory_equal(&after.st_mtim, &before.st_mtim, sizeof after.st_mtim);

    (void)snprintf(file, CONFIG_TEXT_BYTES, "%s/nowhere/keys", fixture->directory);
    assert_false(jwt_keys_create(&fixture->config, fixture->error, ERROR_BYTES));
    assert_non_null(strstr(fixture->error, "cannot create: No such file or directory"));
    assert_false(jwt_keys_load(&fixture->config, fixture->error, ERROR_BYTES));
    assert_non_null(strstr(fixture->error, "cannot read the signing keys"));
}

/* A disk that takes no byte more leaves no half of a key, which would stop the next start. */
static void test_keys_on_a_full_disk(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit full, usual;
    (void)snprintf(fixture->config.auth.jwt_keys_file, CONFIG_TEXT_BYTES, "%s", fixture->path);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    full = (struct rlimit){0, usual.rlim_max};
    assert_ptr_not_equal(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    bool made = jwt_keys_create(&fixture->config, fixture->error, ERROR_BYTES);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    assert_false(made);
    assert_non_null(strstr(fixture->error, "cannot create: File too large"));
    assert_int_not_equal(access(fixture->path, F_OK), 0);
    assert_true(jwt_keys_create(&fixture->config, fixture->error, ERROR_BYTES));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_longest_text),
        CASE(test_what_a_refusal_quotes),
        CASE(test_a_secret_that_is_a_number),
        CASE(test_numbers),
        CASE(test_most_origins),
        CASE(test_long_address),
        CASE(test_a_directory),
        CASE(test_forms_of_a_password),
        CASE(test_paths_and_sizes),
        CASE(test_lengths_of_keys),
        CASE(test_most_keys),
        CASE(test_making_keys),
        CASE(test_keys_on_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
