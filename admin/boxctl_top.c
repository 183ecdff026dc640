#include "boxctl_top.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "boxctl_exit.h"
#include "terminal.h"
#include "top_sample.h"
#include "top_view.h"

/* Each sample is half a megabyte, most of it histograms. */
struct top {
    const struct boxctl_options *options;
    struct boxctl_call *call;
    struct top_sample before, after, difference;
    bool answering;
    char error[512];
};

static enum boxctl_call_result take_sample(struct top *top)
{
    enum boxctl_call_result result =
        boxctl_call(top->call, "{\"command\":\"top\"}", top->error, sizeof top->error);
    top->answering = result == BOXCTL_CALL_OK;
    if (!top->answering) {
        return result;
    }
    top->before = top->after;
    if (!top_sample_read(&top->after, boxctl_call_data(top->call))) {
        snprintf(top->error, sizeof top->error, "the engine's answer to top is incomplete");
        return BOXCTL_CALL_BROKEN;
    }
    top_sample_subtract(&top->difference, &top->before, &top->after);
    return BOXCTL_CALL_OK;
}

static int interval_ms(const struct top *top)
{
    return (int)(top->options->interval_seconds * 1000);
}

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- full screen --- */

static void draw(const struct top *top)
{
    int columns;
    int rows;
    char *bytes = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&bytes, &length);
    if (out == NULL) {
        return;
    }
    terminal_size(&columns, &rows);
    fputs("\033[H", out);
    top_view_screen(out, &top->difference, top->answering ? NULL : "NO ANSWER, asking again",
                    columns, rows);
    if (fclose(out) == 0) {
        /* In one piece, so that the screen never shows half a frame. */
        fwrite(bytes, 1, length, stdout);
        fflush(stdout);
    }
    free(bytes);
}

/* Until the next sample is due. True: go on. */
static bool wait_until(struct top *top, struct terminal *terminal, uint64_t due_ms, int *code)
{
    for (uint64_t now_ms = monotonic_ms(); now_ms < due_ms; now_ms = monotonic_ms()) {
        int value;
        switch (terminal_wait(terminal, (int)(due_ms - now_ms), &value)) {
        case TERMINAL_TIMEOUT:
            break;
        case TERMINAL_RESIZED:
            draw(top);
            break;
        case TERMINAL_KEY:
            if (value == 'q' || value == 'Q') {
                return false;
            }
            break;
        case TERMINAL_ENDED:
            /* Ctrl-C is a usual way to leave; other signals show in the code. */
            *code = value == 0 || value == SIGINT ? 0 : 128 + value;
            return false;
        }
    }
    return true;
}

static int run_screen(struct top *top)
{
    struct terminal terminal;
    int code = 0;
    if (!terminal_open(&terminal)) {
        fprintf(stderr, "boxctl: %s\n", strerror(errno));
        return EX_OSERR;
    }
    uint64_t due_ms;
    uint64_t drawn = 0;
    do {
        take_sample(top);
        draw(top);
        drawn++;
        due_ms = monotonic_ms() + (uint64_t)interval_ms(top);
    } while ((top->options->samples == 0 || drawn < top->options->samples) &&
             wait_until(top, &terminal, due_ms, &code));
    terminal_close(&terminal);
    return code;
}

/* --- lines --- */

static void pause_ms(int ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&span, NULL);
}

static int run_lines(struct top *top)
{
    for (uint64_t printed = 0; top->options->samples == 0 || printed < top->options->samples;
         printed++) {
        pause_ms(interval_ms(top));
        enum boxctl_call_result result = take_sample(top);
        if (result != BOXCTL_CALL_OK) {
            return boxctl_exit(top->call, result, top->error);
        }
        top_view_lines(stdout, &top->difference);
        if (fflush(stdout) != 0) {
            return EX_IOERR;
        }
    }
    return 0;
}

static int run_json(struct top *top)
{
    uint64_t samples = top->options->samples == 0 ? 1 : top->options->samples;
    for (uint64_t i = 0; i < samples; i++) {
        if (i > 0) {
            pause_ms(interval_ms(top));
            enum boxctl_call_result result = take_sample(top);
            if (result != BOXCTL_CALL_OK) {
                return boxctl_exit(top->call, result, top->error);
            }
        }
        printf("%.*s\n", (int)top->call->data_length, top->call->data);
        fflush(stdout);
    }
    return 0;
}

int boxctl_top(const struct boxctl_options *options, struct boxctl_call *call)
{
    struct top *top = calloc(1, sizeof *top);
    if (top == NULL) {
        fputs("boxctl: out of memory\n", stderr);
        return EX_OSERR;
    }
    top->options = options;
    top->call = call;
    enum boxctl_call_result result = take_sample(top);
    int code;
    if (result != BOXCTL_CALL_OK) {
        code = boxctl_exit(call, result, top->error);
    } else if (options->json) {
        code = run_json(top);
    } else if (isatty(STDOUT_FILENO)) {
        pause_ms(200); /* so that the first screen has rates of now, not since the start */
        code = run_screen(top);
    } else {
        code = run_lines(top);
    }
    free(top);
    return code;
}
