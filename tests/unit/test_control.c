/* What the control thread says of the shards, and of workers that hang. */
#include "control_fixture.h"

#include <pthread.h> /* the thread sanitizer's stage takes the tests that name it */

#include "../../admin/control_watchdog.h"

/* --- what it says --- */

/* The published counters come through, summed and by shard. */
static void counters_are_told(void **state)
{
    (void)state;
    struct engine *engine = engine_open();
    for (uint16_t i = 0; i < SHARDS; i++) {
        struct worker_metrics *metrics = &engine->group.metrics[i];
        metric_set(&metrics->requests, 1000U + i);
        metric_set(&metrics->bookings, 7);
        metric_set(&metrics->log_durable, 41U + i);
        metric_set(&metrics->results[COMMAND_RESERVE][RESULT_INSUFFICIENT_STOCK], 5U + i);
        histogram_record(&metrics->latency, 250000);
    }
    struct boxctl_call call = ask(engine, "{\"command\":\"status\"}", BOXCTL_CALL_OK);
    yajl_val data = boxctl_call_data(&call);
    assert_string_equal(answer_text(data, "state"), "serving");
    assert_int_equal(answer_count(data, "requests"), 2001);
    assert_int_equal(answer_count(data, "bookings"), 14);
    assert_int_equal(answer_count(data, "shard_count"), SHARDS);
    assert_true(YAJL_IS_NULL(answer_member(data, "mirror")));
    boxctl_call_release(&call);

    call = ask(engine, "{\"command\":\"shard\",\"shard\":1}", BOXCTL_CALL_OK);
    data = boxctl_call_data(&call);
    assert_int_equal(answer_count(data, "log_durable"), 42);
    yajl_val reserve = answer_member(answer_member(data, "decisions"), "reserve");
    assert_int_equal(answer_count(reserve, "insufficient_stock"), 6);
    assert_int_equal(answer_count(answer_member(data, "latency"), "count"), 1);
    boxctl_call_release(&call);

    call = ask(engine, "{\"command\":\"shard\",\"shard\":2}", BOXCTL_CALL_REFUSED);
    assert_string_equal(boxctl_call_code(&call), "NOT_FOUND");
    boxctl_call_release(&call);
    static const char *const rest[] = {"shards", "log", "top"};
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        char request[64];
        snprintf(request, sizeof request, "{\"command\":\"%s\"}", rest[i]);
        call = ask(engine, request, BOXCTL_CALL_OK);
        assert_int_equal(answer_length(answer_member(boxctl_call_data(&call), "shards")), SHARDS);
        boxctl_call_release(&call);
    }
    engine_close(engine);
}

/* A shard that is not ready shows in the state, and so does a failed log. */
static void state_is_told(void **state)
{
    (void)state;
    struct engine *engine = engine_open();
    metric_set(&engine->group.metrics[1].ready, 0);
    struct boxctl_call call = ask(engine, "{\"command\":\"status\"}", BOXCTL_CALL_OK);
    assert_string_equal(answer_text(boxctl_call_data(&call), "state"), "starting");
    boxctl_call_release(&call);
    atomic_store(&engine->group.metrics[0].journal_state, JOURNAL_FAILED);
    call = ask(engine, "{\"command\":\"status\"}", BOXCTL_CALL_OK);
    assert_string_equal(answer_text(boxctl_call_data(&call), "state"), "log_failed");
    boxctl_call_release(&call);
    engine_close(engine);
}

static void write_mirror_status(const struct engine *engine, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/mirror-status.json", engine->directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* The mirror's own words are passed on; a broken file is not. */
static void mirror_is_told(void **state)
{
    (void)state;
    struct engine *engine = engine_open();
    write_mirror_status(engine, "{\"state\": \"following\",\n \"lag_records\": 12}\n");
    struct boxctl_call call = ask(engine, "{\"command\":\"log\"}", BOXCTL_CALL_OK);
    yajl_val mirror = answer_member(boxctl_call_data(&call), "mirror");
    assert_string_equal(answer_text(mirror, "state"), "following");
    assert_int_equal(answer_count(mirror, "lag_records"), 12);
    boxctl_call_release(&call);
    static const char *const broken[] = {"", "{\"state\":", "[1]", "{} {}"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        write_mirror_status(engine, broken[i]);
        call = ask(engine, "{\"command\":\"status\"}", BOXCTL_CALL_OK);
        assert_true(YAJL_IS_NULL(answer_member(boxctl_call_data(&call), "mirror")));
        boxctl_call_release(&call);
    }
    engine_close(engine);
}

/* Shards answer for their zones, bookings and users, wherever these live. */
static void shards_are_asked(void **state)
{
    (void)state;
    char request[128];
    struct engine *engine = engine_open();
    struct answer made[3];
    atomic_store(&engine->paused[0], true);
    atomic_store(&engine->paused[1], true);
    pause_ms(250); /* the shards' threads are out of their shards */
    for (uint64_t zone = 1; zone <= 3; zone++) {
        made[zone - 1] = rig_ask(&engine->rig, rig_reserve(9, zone, (uint32_t)zone, zone));
        assert_int_equal(made[zone - 1].result, RESULT_OK);
        engine->rig.now_ms += 1000;
    }
    atomic_store(&engine->paused[0], false);
    atomic_store(&engine->paused[1], false);

    for (uint64_t zone = 1; zone <= 3; zone++) {
        struct uuid id = rig_zone_id(zone);
        id_request(request, "zone", &id);
        struct boxctl_call call = ask(engine, request, BOXCTL_CALL_OK);
        yajl_val data = boxctl_call_data(&call);
        assert_int_equal(answer_count(data, "total_seats"), 40 + 10 * zone);
        assert_int_equal(answer_count(data, "reserved_seats"), zone);
        assert_int_equal(answer_count(data, "available_seats"), 40 + 9 * zone);
        boxctl_call_release(&call);

        id_request(request, "booking", &made[zone - 1].booking.booking_id);
        call = ask(engine, request, BOXCTL_CALL_OK);
        yajl_val booking = answer_member(boxctl_call_data(&call), "booking");
        assert_string_equal(answer_text(booking, "status"), "reserved");
        assert_int_equal(answer_count(booking, "quantity"), zone);
        boxctl_call_release(&call);
    }
    struct uuid user = rig_user_id(9);
    id_request(request, "user", &user);
    struct boxctl_call call = ask(engine, request, BOXCTL_CALL_OK);
    yajl_val bookings = answer_member(boxctl_call_data(&call), "bookings");
    assert_int_equal(answer_length(bookings), 3);
    for (size_t i = 0; i < 3; i++) { /* newest first */
        assert_int_equal(answer_count(answer_element(bookings, i), "quantity"), 3 - i);
    }
    boxctl_call_release(&call);

    struct uuid unknown = rig_zone_id(77);
    static const char *const commands[] = {"zone", "booking"};
    for (size_t i = 0; i < 2; i++) {
        id_request(request, commands[i], &unknown);
        call = ask(engine, request, BOXCTL_CALL_REFUSED);
        assert_string_equal(boxctl_call_code(&call), "NOT_FOUND");
        boxctl_call_release(&call);
    }
    call = ask(engine, "{\"command\":\"audit\"}", BOXCTL_CALL_OK);
    assert_int_equal(answer_count(boxctl_call_data(&call), "violations"), 0);
    assert_int_equal(answer_length(answer_member(boxctl_call_data(&call), "shards")), SHARDS);
    boxctl_call_release(&call);
    engine_close(engine);
}

/* Draining needs to be meant. */
static void drain_needs_confirmation(void **state)
{
    (void)state;
    struct engine *engine = engine_open();
    struct boxctl_call call = ask(engine, "{\"command\":\"drain\"}", BOXCTL_CALL_OK);
    assert_false(answer_bool(boxctl_call_data(&call), "draining"));
    boxctl_call_release(&call);
    assert_int_equal(engine->group.stop, 0);
    call = ask(engine, "{\"command\":\"drain\",\"confirm\":true}", BOXCTL_CALL_OK);
    assert_true(answer_bool(boxctl_call_data(&call), "draining"));
    boxctl_call_release(&call);
    assert_int_equal(engine->group.stop, WORKER_DRAIN);
    engine_close(engine);
}

/* --- workers that hang --- */

/* A shard that does not answer is named after three seconds, its worker as
 * stuck after two, others answer meanwhile, and all is well when it turns. */
static void silent_shards_are_named(void **state)
{
    (void)state;
    char text[4096];
    struct engine *engine = engine_open();
    atomic_store(&engine->paused[1], true);
    int waiting = connect_raw(engine);
    send_text(waiting, "{\"command\":\"audit\"}\n");
    int leaving = connect_raw(engine);
    send_text(leaving, "{\"command\":\"audit\"}\n");
    pause_ms(100);
    close(leaving);

    struct uuid id = rig_zone_id(1);
    for (uint64_t zone = 1; partition_shard_of(&engine->rig.partitions, &id) != 0; zone++) {
        id = rig_zone_id(zone);
    }
    char request[128];
    id_request(request, "zone", &id);
    struct boxctl_call call = ask(engine, request, BOXCTL_CALL_OK);
    boxctl_call_release(&call);

    pause_ms(2000);
    receive(waiting, text, sizeof text, 1);
    assert_non_null(strstr(text, "SHARD_SILENT"));
    assert_non_null(strstr(text, "shard 1"));
    call = ask(engine, "{\"command\":\"status\"}", BOXCTL_CALL_OK);
    assert_string_equal(answer_text(boxctl_call_data(&call), "state"), "stuck");
    assert_int_equal(answer_length(answer_member(boxctl_call_data(&call), "stuck_shards")), 1);
    boxctl_call_release(&call);
    send_text(waiting, "{\"command\":\"audit\"}\n");
    receive(waiting, text, sizeof text, 1);
    assert_non_null(strstr(text, "BUSY"));

    atomic_store(&engine->paused[1], false);
    pause_ms(700);
    send_text(waiting, "{\"command\":\"audit\"}\n");
    receive(waiting, text, sizeof text, 1);
    assert_non_null(strstr(text, "\"violations\":0}}"));
    call = ask(engine, "{\"command\":\"status\"}", BOXCTL_CALL_OK);
    assert_string_equal(answer_text(boxctl_call_data(&call), "state"), "serving");
    boxctl_call_release(&call);
    close(waiting);
    engine_close(engine);
}

/* The watchdog counts the time it watched, not the time it slept itself. */
static void pauses_of_the_process_are_forgiven(void **state)
{
    (void)state;
    const uint64_t second = 1000000000;
    struct worker_metrics metrics[SHARDS];
    memset(metrics, 0, sizeof metrics);
    struct worker_group group = {.shard_count = SHARDS, .metrics = metrics};
    struct control_watchdog watchdog = {0};
    metric_add(&metrics[0].turns, 1);
    metric_add(&metrics[1].turns, 1);
    assert_int_equal(control_watchdog_check(&watchdog, &group, 10000, second), -1);
    /* An hour in which nothing ran, this thread least of all. */
    assert_int_equal(control_watchdog_check(&watchdog, &group, 10000, 3600 * second), -1);
    assert_false(watchdog.workers[0].stuck);
    uint64_t now_ns = 3600 * second;
    for (int i = 0; i < 18; i++) {
        now_ns += second / 2;
        metric_add(&metrics[0].turns, 1);
        assert_int_equal(control_watchdog_check(&watchdog, &group, 10000, now_ns), -1);
    }
    assert_false(watchdog.workers[0].stuck);
    assert_true(watchdog.workers[1].stuck);
    assert_int_equal(group.stuck, 2);
    now_ns += second / 2;
    assert_int_equal(control_watchdog_check(&watchdog, &group, 10000, now_ns), 1);
    assert_int_equal(control_watchdog_check(&watchdog, &group, 0, now_ns), -1);
    metric_add(&metrics[1].turns, 1);
    metric_add(&metrics[0].turns, 1);
    assert_int_equal(control_watchdog_check(&watchdog, &group, 10000, now_ns + second), -1);
    assert_false(watchdog.workers[1].stuck);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_told),
        cmocka_unit_test(state_is_told),
        cmocka_unit_test(mirror_is_told),
        cmocka_unit_test(shards_are_asked),
        cmocka_unit_test(drain_needs_confirmation),
        cmocka_unit_test(silent_shards_are_named),
        cmocka_unit_test(pauses_of_the_process_are_forgiven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
