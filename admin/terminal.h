/* The terminal as a full screen: entered, left, and given back as it was. */
#ifndef ADMIN_TERMINAL_H
#define ADMIN_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

struct terminal {
    int keys;    /* descriptor to read keys from; -1: none */
    int signals; /* signalfd; they are blocked while it lives */
    bool entered;
    struct termios before;
};

/* What ended a wait. */
enum terminal_event {
    TERMINAL_TIMEOUT,
    TERMINAL_KEY,
    TERMINAL_RESIZED, /* or continued after a stop */
    TERMINAL_ENDED    /* a signal says so, or the terminal is gone */
};

/* Blocks the signals and goes to the alternate screen. False: errno. */
bool terminal_open(struct terminal *terminal);
void terminal_close(struct terminal *terminal);

/* Columns and rows of standard output; 80 and 24 if it does not say. */
void terminal_size(int *columns, int *rows);

/* Waits at most so long. Stops and continues itself on Ctrl-Z. *value: the key,
 * or the number of the signal. */
enum terminal_event terminal_wait(struct terminal *terminal, int timeout_ms, int *value);

#endif
