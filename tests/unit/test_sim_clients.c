/* The simulator's clients as judges: of which answers they complain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../sim/clients.h"
#include "../sim/level.h"

enum { WINDOW_MS = 100000, KEY = 7 };

struct rig {
    struct sim_plan plan;
    struct sim_world world;
    struct sim_clients clients;
    struct sim_ledger *ledger;
    struct sim_operation operation;
};

static struct rig *rig_new(void)
{
    struct rig *rig = calloc(1, sizeof *rig);
    struct command command = {.key = {.hash = 1}};

    assert_non_null(rig);
    sim_plan_draw(&rig->plan, SIM_S2, 1, 0);
    rig->plan.value[SIM_KEY_MS] = WINDOW_MS;
    struct sim_ledger_options options = sim_ledger_options_of(&rig->plan, true);
    rig->ledger = sim_ledger_new(&options);
    sim_world_init(&rig->world, &rig->plan);
    rig->clients.plan = &rig->plan;
    rig->clients.world = &rig->world;
    rig->operation = (struct sim_operation){.number = KEY, .key = KEY, .kind = SIM_RESERVE};
    sim_clients_sent(&rig->clients, &rig->operation, &command);
    return rig;
}

static void rig_free(struct rig *rig)
{
    sim_ledger_free(rig->ledger);
    sim_world_release(&rig->world);
    free(rig);
}

/* What the clients say of "sold out, so many left", given at a time. */
static const char *refused(struct rig *rig, uint64_t at_ms, uint32_t left, bool replayed)
{
    static struct answer answer;

    answer = (struct answer){.kind = COMMAND_RESERVE,
                             .result = RESULT_INSUFFICIENT_STOCK,
                             .replayed = replayed,
                             .refusal = {.requested = 3, .available = left}};
    answer.settlement.stamp_ms = SIM_START_MS + at_ms;
    return sim_clients_answer(&rig->clients, &rig->operation, &answer, rig->ledger);
}

/* A repeat within the window that says something else than the refusal is a fault. */
static void test_other_repeat_of_a_refusal(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    assert_null(refused(rig, 0, 1, false));
    assert_null(refused(rig, 500, 1, true));
    assert_non_null(refused(rig, 1000, 0, true));
    rig_free(rig);
}

/* A repeat that was on its way while the window ended and the key was decided anew tells
 * of the refusal before: no fault, and the newer refusal stays what repeats must say. */
static void test_late_repeat_of_an_older_refusal(void **state)
{
    struct rig *rig = rig_new();

    (void)state;
    assert_null(refused(rig, 0, 1, false));
    assert_null(refused(rig, 2 * WINDOW_MS, 0, false));
    assert_null(refused(rig, WINDOW_MS / 2, 1, true));
    assert_null(refused(rig, 2 * WINDOW_MS + 500, 0, true));
    assert_non_null(refused(rig, 2 * WINDOW_MS + 1000, 1, true));
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_repeat_of_a_refusal),
        cmocka_unit_test(test_late_repeat_of_an_older_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
