#include "boxload_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "boxload_clock.h"
#include "boxload_ring.h"

enum { PARTIAL_BYTES = 65536, RETRY_MS = 20 };
static const uint64_t drain_ns = 5000000000; /* for answers, and for what was due */

enum connection_state { CONNECTION_DOWN, CONNECTION_IDLE, CONNECTION_BUSY };

struct connection {
    struct client client;
    enum connection_state state;
    bool unanswered; /* down with a request to repeat (--retry-lost) */
    uint64_t due_ns; /* when the request was planned */
    uint64_t sent_ns;
    uint32_t partial_bytes;
    char *partial; /* the begun answer, when it did not come in one piece */
};

struct run {
    const struct options *options;
    struct scenario *scenario;
    struct history *history;
    struct run_result *result;
    struct ring *ring;
    struct connection *connections;
    uint32_t *idle; /* FIFO of idle connections, open loop */
    uint32_t idle_head, idle_count;
    uint32_t busy;
    uint32_t down;
    uint32_t unanswered; /* of those down: with a request to repeat */
    uint64_t retry_ns;   /* when to try the down ones again */
    uint64_t start_ns;   /* schedule's origin */
    uint64_t measure_ns;
    uint64_t end_ns;  /* no request is due after it; UINT64_MAX: by count */
    uint64_t planned; /* open loop: requests already due and begun */
    uint64_t begun;   /* since measuring began */
    bool measuring;
    bool ended;       /* nothing more is begun */
    uint64_t spin_ns; /* CPU time spent spinning for nothing */
    uint64_t cpu_start_ns, spin_start_ns, server_start_ns;
    struct latency second; /* this second's, for the progress line */
    uint64_t second_ns, second_wrong, second_cpu_ns, second_spin_ns;
};

double run_busy(const struct run_result *result)
{
    return result->wall_ns ? (double)result->cpu_ns / (double)result->wall_ns : 0.0;
}

/* --- sending --- */

static void idle_push(struct run *run, uint32_t index)
{
    run->idle[(run->idle_head + run->idle_count++) % run->options->connections] = index;
}

static uint32_t idle_pop(struct run *run)
{
    uint32_t index = run->idle[run->idle_head];
    run->idle_head = (run->idle_head + 1) % run->options->connections;
    run->idle_count--;
    return index;
}

static void request_send(struct run *run, uint32_t index)
{
    struct connection *connection = &run->connections[index];
    connection->state = CONNECTION_BUSY;
    run->busy++;
    ring_send(run->ring, index, connection->client.request, connection->client.length);
}

static void request_begin(struct run *run, uint32_t index, uint64_t due_ns, uint64_t now_ns)
{
    struct connection *connection = &run->connections[index];
    scenario_next(run->scenario, &connection->client);
    connection->due_ns = due_ns;
    connection->sent_ns = now_ns;
    if (run->measuring && ++run->begun == run->options->requests)
        run->ended = true;
    request_send(run, index);
}

static uint64_t due_ns(const struct run *run, uint64_t n)
{
    uint64_t rate = run->options->rate; /* without overflow for any run length */
    return run->start_ns + n / rate * 1000000000u + n % rate * 1000000000u / rate;
}

/* Begins all that is due. Returns when the next one will be. */
static uint64_t schedule_run(struct run *run, uint64_t now_ns)
{
    uint64_t due;
    while (!run->ended && (due = due_ns(run, run->planned)) <= now_ns) {
        if (due >= run->end_ns) {
            run->ended = true;
            break;
        }
        if (run->idle_count == 0)
            return now_ns + 1000000;
        if (now_ns - due > 1000000)
            run->result->late++;
        run->planned++;
        request_begin(run, idle_pop(run), due, now_ns);
    }
    return run->ended ? UINT64_MAX : due_ns(run, run->planned);
}

/* The connection is free: the next request, or rest. */
static void connection_free(struct run *run, uint32_t index, uint64_t now_ns)
{
    /* Each client of a race meets each zone once. */
    bool finished = run->options->scenario == SCENARIO_LAST_SEAT &&
                    run->connections[index].client.n >= run->scenario->zone_count;
    run->connections[index].state = CONNECTION_IDLE;
    if (run->options->rate)
        idle_push(run, index);
    else if (!run->ended && !finished)
        request_begin(run, index, now_ns, now_ns);
}

/* --- receiving --- */

static bool in_measure(const struct run *run, const struct connection *connection, uint64_t now_ns)
{
    if (!run->measuring)
        return false;
    if (run->options->rate)
        return connection->due_ns >= run->measure_ns;
    return now_ns <= run->end_ns;
}

static void answer_count(struct run *run, struct connection *connection, enum verdict verdict,
                         uint64_t now_ns)
{
    struct run_result *result = run->result;
    enum operation operation = connection->client.operation;
    uint64_t latency_ns = now_ns - connection->due_ns;
    result->answered++;
    latency_record(&run->second, latency_ns);
    if (!in_measure(run, connection, now_ns))
        return;
    result->measured++;
    result->in_time += now_ns <= run->end_ns;
    result->counts[operation][verdict]++;
    if (verdict == VERDICT_REFUSED || verdict == VERDICT_OVERLOADED)
        latency_record(&result->refused, latency_ns);
    else
        latency_record(&result->latency[operation], latency_ns);
}

static void history_answered(struct run *run, struct connection *connection,
                             const struct response *response, struct response_layout *layout,
                             const char *bytes, uint64_t return_ns)
{
    struct history_line line = {.client = &connection->client,
                                .invoke_ns = connection->sent_ns,
                                .return_ns = return_ns,
                                .response = response};
    if (!run->history)
        return;
    line.position = response_position(response, layout, bytes, &line.position_length);
    history_write(run->history, &line);
}

static void history_lost(struct run *run, struct connection *connection)
{
    struct history_line line = {.client = &connection->client, .invoke_ns = connection->sent_ns};
    if (run->history)
        history_write(run->history, &line);
}

static void connection_down(struct run *run, uint32_t index)
{
    struct connection *connection = &run->connections[index];
    ring_disconnect(run->ring, index);
    connection->state = CONNECTION_DOWN;
    connection->partial_bytes = 0;
    run->down++;
}

/* One whole answer. */
static void answer_take(struct run *run, uint32_t index, const struct response *response,
                        struct response_layout *layout, const char *bytes)
{
    struct connection *connection = &run->connections[index];
    uint64_t now_ns = clock_ns();
    enum verdict verdict = scenario_check(run->scenario, &connection->client, response, layout);
    if (response->status < RUN_STATUSES)
        run->result->statuses[response->status]++;
    history_answered(run, connection, response, layout, bytes, now_ns);
    answer_count(run, connection, verdict, now_ns);
    run->busy--;
    if (response->close) {
        connection_down(run, index);
        return;
    }
    connection_free(run, index, now_ns);
}

/* The server ended the connection or broke it. */
static void connection_lost(struct run *run, uint32_t index)
{
    struct connection *connection = &run->connections[index];
    bool waited = connection->state == CONNECTION_BUSY;
    run->result->reconnects++;
    if (waited) {
        run->busy--;
        run->result->lost++;
        history_lost(run, connection);
        connection->client.holds = false;
        connection->unanswered = run->options->retry_lost;
        run->unanswered += connection->unanswered;
        run->result->unknown += !connection->unanswered;
    } else {
        /* It stood in the idle queue: take it out. */
        for (uint32_t i = 0; run->options->rate && i < run->idle_count; i++) {
            uint32_t other = idle_pop(run);
            if (other == index)
                break;
            idle_push(run, other);
        }
    }
    connection_down(run, index);
}

static void bytes_take(struct run *run, uint32_t index, const char *bytes, uint32_t length)
{
    struct connection *connection = &run->connections[index];
    struct response response;
    struct response_layout *layout;
    if (connection->state != CONNECTION_BUSY) {
        scenario_wrong(run->scenario, &connection->client, "bytes nobody asked for", bytes, length);
        connection_lost(run, index);
        return;
    }
    if (connection->partial_bytes) {
        if (connection->partial_bytes + length > PARTIAL_BYTES)
            length = PARTIAL_BYTES - connection->partial_bytes;
        memcpy(connection->partial + connection->partial_bytes, bytes, length);
        length = connection->partial_bytes += length;
        bytes = connection->partial;
    }
    layout = scenario_layout(run->scenario, &connection->client, bytes, length);
    switch (response_scan(&response, layout, bytes, length)) {
    case RESPONSE_WHOLE:
        connection->partial_bytes = 0;
        if (length > response.head_bytes + response.body_bytes)
            scenario_wrong(run->scenario, &connection->client, "more than one answer", bytes,
                           length);
        answer_take(run, index, &response, layout, bytes);
        return;
    case RESPONSE_MORE:
        if (!connection->partial && !(connection->partial = malloc(PARTIAL_BYTES)))
            abort();
        if (!connection->partial_bytes)
            memcpy(connection->partial, bytes, connection->partial_bytes = length);
        if (length < PARTIAL_BYTES)
            return;
        break;
    case RESPONSE_BAD:
        break;
    }
    scenario_wrong(run->scenario, &connection->client, "not an answer we understand", bytes,
                   length);
    connection_lost(run, index);
}

/* --- connecting --- */

static bool connection_up(struct run *run, uint32_t index)
{
    if (!ring_connect(run->ring, index, (const struct sockaddr *)&run->options->address,
                      run->options->address_length))
        return false;
    run->connections[index].state = CONNECTION_IDLE;
    return true;
}

/* Tries those that are down again; repeats what was not answered. */
static void reconnect(struct run *run, uint64_t now_ns)
{
    if (run->down == 0 || now_ns < run->retry_ns)
        return;
    run->retry_ns = now_ns + RETRY_MS * 1000000u;
    for (uint32_t i = 0; i < run->options->connections && run->down > 0; i++) {
        struct connection *connection = &run->connections[i];
        if (connection->state != CONNECTION_DOWN || (run->ended && !connection->unanswered))
            continue;
        if (!connection_up(run, i))
            return; /* the server is away: later */
        run->down--;
        if (connection->unanswered) {
            connection->unanswered = false;
            run->unanswered--;
            connection->client.n++;
            connection->sent_ns = now_ns;
            request_send(run, i);
        } else {
            connection_free(run, i, now_ns);
        }
    }
}

/* --- the loop --- */

static void measure_begin(struct run *run, uint64_t now_ns)
{
    run->measuring = true;
    run->measure_ns = now_ns;
    run->cpu_start_ns = clock_thread_cpu_ns();
    run->spin_start_ns = run->spin_ns;
    run->server_start_ns = clock_process_cpu_ns(run->options->server_pid);
}

static void measure_end(struct run *run)
{
    struct run_result *result = run->result;
    if (result->wall_ns)
        return;
    result->wall_ns = (run->end_ns != UINT64_MAX ? run->end_ns : clock_ns()) - run->measure_ns;
    result->cpu_ns =
        clock_thread_cpu_ns() - run->cpu_start_ns - (run->spin_ns - run->spin_start_ns);
    uint64_t server_ns = clock_process_cpu_ns(run->options->server_pid);
    if (server_ns > run->server_start_ns) /* it may have ended meanwhile */
        result->server_cpu_ns = server_ns - run->server_start_ns;
}

static void progress(struct run *run, uint64_t now_ns)
{
    uint64_t cpu_ns = clock_thread_cpu_ns();
    double seconds = (double)(now_ns - run->second_ns) / 1e9;
    double busy = (double)(cpu_ns - run->second_cpu_ns - (run->spin_ns - run->second_spin_ns)) /
                  (double)(now_ns - run->second_ns);
    if (!run->options->quiet)
        fprintf(stderr,
                "%5.0f s%s %9.0f/s  p50 %8.3f ms  p99 %8.3f ms  wrong %" PRIu64 "  lost %" PRIu64
                "  generator %3.0f %%\n",
                (double)(now_ns - run->start_ns) / 1e9, run->measuring ? " " : "w",
                (double)run->second.count / seconds,
                (double)latency_quantile_ns(&run->second, 0.5) / 1e6,
                (double)latency_quantile_ns(&run->second, 0.99) / 1e6, run->scenario->wrong,
                run->result->lost, busy * 100.0);
    latency_clear(&run->second);
    run->second_ns = now_ns;
    run->second_cpu_ns = cpu_ns;
    run->second_spin_ns = run->spin_ns;
}

static uint32_t completions_take(struct run *run)
{
    struct ring_event events[256];
    uint32_t total = 0, count;
    while ((count = ring_reap(run->ring, events, 256)) > 0) {
        for (uint32_t i = 0; i < count; i++) {
            struct connection *connection = &run->connections[events[i].connection];
            if (connection->state == CONNECTION_DOWN)
                ; /* it broke earlier in this batch */
            else if (events[i].length > 0)
                bytes_take(run, events[i].connection, events[i].bytes, events[i].length);
            else
                connection_lost(run, events[i].connection);
        }
        ring_release(run->ring, events, count);
        total += count;
    }
    return total;
}

static void turn_wait(struct run *run, uint64_t next_ns, uint64_t now_ns)
{
    uint64_t wait_ns = 100000000;
    if (!run->options->rate || run->options->sleep || run->ended || run->idle_count == 0) {
        if (next_ns < now_ns + wait_ns)
            wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
        if (run->down)
            wait_ns = wait_ns < 5000000 ? wait_ns : 5000000;
        ring_wait(run->ring, wait_ns);
        return;
    }
    /* Spinning keeps the schedule to the microsecond; a sleep would be late. */
    ring_poll(run->ring);
}

static void loop(struct run *run)
{
    uint64_t drain_until_ns = UINT64_MAX;
    for (;;) {
        uint64_t now_ns = clock_ns(), next_ns = UINT64_MAX;
        if (!run->measuring && now_ns >= run->start_ns + run->options->warmup_ns)
            measure_begin(run, now_ns);
        /* What was due before the end still goes out, however late. */
        if (now_ns >= run->end_ns && (!run->options->rate || now_ns - run->end_ns >= drain_ns))
            run->ended = true;
        if (run->options->rate)
            next_ns = schedule_run(run, now_ns);
        reconnect(run, now_ns);
        if (now_ns >= run->end_ns)
            measure_end(run);
        if (run->ended && drain_until_ns == UINT64_MAX)
            drain_until_ns = now_ns + drain_ns;
        if (run->ended && ((run->busy == 0 && run->unanswered == 0) || now_ns > drain_until_ns))
            break;
        bool spins = run->options->rate && !run->options->sleep;
        uint64_t cpu_ns = spins ? clock_thread_cpu_ns() : 0;
        turn_wait(run, next_ns, now_ns);
        if (completions_take(run) == 0 && spins)
            run->spin_ns += clock_thread_cpu_ns() - cpu_ns;
        if (now_ns >= run->second_ns + 1000000000u)
            progress(run, now_ns);
    }
    measure_end(run);
    run->result->lost += run->busy;
    run->result->unknown += run->busy + run->unanswered;
}

static int run_prepare(struct run *run, char *error, size_t error_bytes)
{
    const struct options *options = run->options;
    run->connections = calloc(options->connections, sizeof *run->connections);
    run->idle = calloc(options->connections, sizeof *run->idle);
    run->ring = ring_new(options->connections, error, error_bytes);
    if (!run->connections || !run->idle || !run->ring)
        return -1;
    for (uint32_t i = 0; i < options->connections; i++) {
        if (!client_init(&run->connections[i].client, run->scenario, i) || !connection_up(run, i)) {
            snprintf(error, error_bytes, "connection %u to %s: %s", i, options->host,
                     strerror(errno));
            return -1;
        }
    }
    prctl(PR_SET_TIMERSLACK, 1);
    return 0;
}

static void run_start(struct run *run)
{
    const struct options *options = run->options;
    run->start_ns = run->second_ns = clock_ns();
    run->second_cpu_ns = clock_thread_cpu_ns();
    run->end_ns = UINT64_MAX;
    if (options->duration_ns)
        run->end_ns = run->start_ns + options->warmup_ns + options->duration_ns;
    if (options->warmup_ns == 0)
        measure_begin(run, run->start_ns);
    for (uint32_t i = 0; i < options->connections && !run->ended; i++)
        connection_free(run, i, run->start_ns);
}

int run_scenario(const struct options *options, struct scenario *scenario, struct history *history,
                 struct run_result *result, char *error, size_t error_bytes)
{
    struct run *run = calloc(1, sizeof *run);
    int outcome = -1;
    if (!run)
        return -1;
    run->options = options;
    run->scenario = scenario;
    run->history = history;
    run->result = result;
    snprintf(error, error_bytes, "out of memory");
    if (run_prepare(run, error, error_bytes) == 0) {
        run_start(run);
        loop(run);
        outcome = 0;
    }
    ring_free(run->ring);
    for (uint32_t i = 0; run->connections && i < options->connections; i++) {
        client_release(&run->connections[i].client);
        free(run->connections[i].partial);
    }
    free(run->connections);
    free(run->idle);
    free(run);
    return outcome;
}
