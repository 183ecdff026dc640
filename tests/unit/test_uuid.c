#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../engine/uuid.h"

static struct uuid parsed(const char *text)
{
    struct uuid uuid;
    assert_true(uuid_parse(&uuid, text, strlen(text)));
    return uuid;
}

/* Text of either case is read, and written back in lower case. */
static void test_text_round_trip(void **state)
{
    (void)state;
    struct uuid uuid = parsed("017F22E2-79b0-7CC3-98c4-DC0C0C07398F");
    char text[UUID_TEXT_LENGTH];

    assert_ptr_equal(uuid_format(&uuid, text), text + UUID_TEXT_LENGTH);
    assert_memory_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", UUID_TEXT_LENGTH);
}

/* The version 7 example of RFC 9562, appendix A.6, comes out of its parts. */
static void test_v7_example_of_the_rfc(void **state)
{
    (void)state;
    struct uuid expected = parsed("017F22E2-79B0-7CC3-98C4-DC0C0C07398F");
    struct uuid made = uuid_v7(1645557742000, 0xCC3, 0x18C4DC0C0C07398F);

    assert_memory_equal(made.bytes, expected.bytes, sizeof made.bytes);
    assert_int_equal(uuid_v7_ms(&made), 1645557742000);
    assert_int_equal(uuid_v7_partition(&made), 0xCC3);
}

/* Every partition survives the way into an id and back, whatever the random bits. */
static void test_v7_carries_every_partition(void **state)
{
    (void)state;
    for (uint32_t partition = 0; partition < 4096; partition++) {
        struct uuid uuid = uuid_v7((1ULL << 48) - 1, (uint16_t)partition, UINT64_MAX);
        assert_int_equal(uuid_v7_partition(&uuid), partition);
        assert_int_equal(uuid_v7_ms(&uuid), (1ULL << 48) - 1);
        assert_int_equal(uuid.bytes[6] >> 4, 7);
        assert_int_equal(uuid.bytes[8] >> 6, 2);
    }
}

/* Ids of later milliseconds sort after earlier ones. */
static void test_v7_sorts_by_time(void **state)
{
    (void)state;
    struct uuid before = uuid_v7(1700000000255, 4095, UINT64_MAX);
    struct uuid after = uuid_v7(1700000000256, 0, 0);
    assert_true(memcmp(before.bytes, after.bytes, sizeof before.bytes) < 0);
}

/* All but 36 characters with dashes in their places and hexadecimal elsewhere is refused,
 * and the caller's value is left alone. */
static void test_refuses_what_is_no_uuid(void **state)
{
    (void)state;
    const char *const good = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
    struct uuid before = parsed(good), uuid = before;
    char text[40];

    for (size_t length = 0; length <= 37; length++) {
        memcpy(text, good, UUID_TEXT_LENGTH);
        text[36] = '0';
        assert_int_equal(uuid_parse(&uuid, text, length), length == UUID_TEXT_LENGTH);
    }
    for (size_t i = 0; i < UUID_TEXT_LENGTH; i++) {
        static const char wrong[] = "g/:@`G \0-0";
        for (size_t w = 0; w < sizeof wrong - 1; w++) {
            if ((wrong[w] == '-') == (good[i] == '-') && (wrong[w] == '0') == (good[i] != '-'))
                continue;
            memcpy(text, good, UUID_TEXT_LENGTH);
            text[i] = wrong[w];
            assert_false(uuid_parse(&uuid, text, UUID_TEXT_LENGTH));
        }
    }
    assert_true(uuid_equal(&uuid, &before));
}

/* Only sixteen zero bytes are nil. */
static void test_nil(void **state)
{
    (void)state;
    struct uuid uuid = parsed("00000000-0000-0000-0000-000000000000");
    assert_true(uuid_is_nil(&uuid));
    for (size_t i = 0; i < sizeof uuid.bytes; i++) {
        uuid.bytes[i] = 1;
        assert_false(uuid_is_nil(&uuid));
        uuid.bytes[i] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_round_trip),
        cmocka_unit_test(test_v7_example_of_the_rfc),
        cmocka_unit_test(test_v7_carries_every_partition),
        cmocka_unit_test(test_v7_sorts_by_time),
        cmocka_unit_test(test_refuses_what_is_no_uuid),
        cmocka_unit_test(test_nil),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
