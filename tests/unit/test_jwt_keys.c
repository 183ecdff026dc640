/* Signing keys: made once, read, and refused when they are weak or others may see them. */
#include "config_fixture.h"

#include <sys/stat.h>

#include "../../engine/jwt_keys.h"

#define GOOD "Vv8Rz3kQm1XcT7yHbN5wLp0sJd9fGaUe"

static void keys_at(struct fixture *fixture, const char *text, unsigned int mode)
{
    (void)snprintf(fixture->config.auth.jwt_keys_file, sizeof fixture->config.auth.jwt_keys_file,
                   "%s/keys", fixture->directory);
    if (text == NULL)
        return;
    (void)unlink(fixture->config.auth.jwt_keys_file);
    file_write(fixture->config.auth.jwt_keys_file, text, strlen(text));
    assert_int_equal(chmod(fixture->config.auth.jwt_keys_file, mode), 0);
}

/* A made file is 0600, loads, signs with its key, and is not made anew. */
static void keys_are_made_once(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    keys_at(fixture, NULL, 0);
    assert_true(jwt_keys_create(&fixture->config, fixture->error, ERROR_BYTES));
    assert_int_equal(stat(fixture->config.auth.jwt_keys_file, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_true(jwt_keys_load(&fixture->config, fixture->error, ERROR_BYTES));
    assert_int_equal(fixture->config.auth.jwt_key_count, 1);
    assert_string_equal(fixture->config.auth.jwt_sign_kid, fixture->config.auth.jwt_keys[0].kid);
    const struct config_jwt_key first = fixture->config.auth.jwt_keys[0];
    assert_int_equal(strlen(first.secret), 43);
    assert_true(jwt_keys_create(&fixture->config, fixture->error, ERROR_BYTES));
    assert_true(jwt_keys_load(&fixture->config, fixture->error, ERROR_BYTES));
    assert_string_equal(fixture->config.auth.jwt_keys[0].secret, first.secret);
}

/* Two made files never hold the same secret. */
static void made_keys_differ(void **state)
{
    struct fixture *fixture = *state;
    keys_at(fixture, NULL, 0);
    assert_true(jwt_keys_create(&fixture->config, fixture->error, ERROR_BYTES));
    assert_true(jwt_keys_load(&fixture->config, fixture->error, ERROR_BYTES));
    const struct config_jwt_key first = fixture->config.auth.jwt_keys[0];
    assert_int_equal(unlink(fixture->config.auth.jwt_keys_file), 0);
    assert_true(jwt_keys_create(&fixture->config, fixture->error, ERROR_BYTES));
    assert_true(jwt_keys_load(&fixture->config, fixture->error, ERROR_BYTES));
    assert_string_not_equal(fixture->config.auth.jwt_keys[0].secret, first.secret);
}

/* A27: with several keys the last signs and all check. */
static void last_key_signs(void **state)
{
    struct fixture *fixture = *state;
    keys_at(fixture, "# comment\nold:" GOOD "1\n\nnew:" GOOD "2\n", 0600);
    assert_true(jwt_keys_load(&fixture->config, fixture->error, ERROR_BYTES));
    assert_int_equal(fixture->config.auth.jwt_key_count, 2);
    assert_string_equal(fixture->config.auth.jwt_sign_kid, "new");
    assert_string_equal(fixture->config.auth.jwt_keys[0].secret, GOOD "1");
}

/* A04, C08, C12: short, guessable, shared or malformed keys stop the start. */
static void bad_keys_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *text;
        unsigned int mode;
        const char *message;
    } bad[] = {
        {"", 0600, "at least one key"},
        {"a:" GOOD "\n", 0640, "expected mode 0600, found 0640"},
        {"a:" GOOD "\n", 0604, "expected mode 0600, found 0604"},
        {"a:Vv8Rz3kQm1XcT7yHbN5wLp0sJd9fGaU\n", 0600, "32 to 255 characters"},
        {"a:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 0600, "few different characters"},
        {"a:a-string-secret-at-least-256-bits-long\n", 0600, "a word that samples contain"},
        {"a:your-super-Secret-jwt-key-change-me-now\n", 0600, "a word that samples contain"},
        {GOOD "\n", 0600, "expected kid:secret"},
        {":" GOOD "\n", 0600, "kid of 1 to 63"},
        {"../x:" GOOD "\n", 0600, "kid of letters"},
        {"a:" GOOD " x\n", 0600, "printable ASCII"},
        {"a:" GOOD "\na:" GOOD "2\n", 0600, "each kid once"},
        {"a:" GOOD "\nb:" GOOD "\nc:" GOOD "\nd:" GOOD "\ne:" GOOD "\nf:" GOOD "\ng:" GOOD
         "\nh:" GOOD "\ni:" GOOD "\n",
         0600, "at most 8 keys"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        keys_at(fixture, bad[i].text, bad[i].mode);
        assert_false(jwt_keys_load(&fixture->config, fixture->error, ERROR_BYTES));
        assert_non_null(strstr(fixture->error, bad[i].message));
        assert_null(strstr(fixture->error, "Vv8R"));
    }
}

/* A missing file says how to make it. */
static void missing_keys_are_explained(void **state)
{
    struct fixture *fixture = *state;
    keys_at(fixture, NULL, 0);
    assert_false(jwt_keys_load(&fixture->config, fixture->error, ERROR_BYTES));
    assert_non_null(strstr(fixture->error, "--init"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(keys_are_made_once),   CASE(made_keys_differ),           CASE(last_key_signs),
        CASE(bad_keys_are_refused), CASE(missing_keys_are_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
