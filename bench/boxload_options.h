/* The command line of boxload. */
#ifndef BENCH_BOXLOAD_OPTIONS_H
#define BENCH_BOXLOAD_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { OPTIONS_ZONES_MAX = 1024, OPTIONS_CONNECTIONS_MAX = 60000 };

enum scenario_kind {
    SCENARIO_RESERVE,
    SCENARIO_MIXED,
    SCENARIO_SOLD_OUT,
    SCENARIO_LAST_SEAT,
    SCENARIO_RAW,
    SCENARIO_RAW_RESERVE,
    SCENARIO_SEATS,
    SCENARIO_BEST
};

/* Rows of the seated zones that the last two create: "1-1" to "ROWS-100". */
enum { OPTIONS_ROW_SEATS = 100 };

struct options {
    struct sockaddr_storage address; /* loopback, checked */
    socklen_t address_length;
    char host[64]; /* as the Host header wants it */
    enum scenario_kind scenario;
    uint32_t connections;
    uint64_t rate;        /* requests a second; 0: closed loop */
    uint64_t duration_ns; /* 0: until `requests` */
    uint64_t warmup_ns;   /* not measured */
    uint64_t requests;    /* 0: until `duration_ns` */
    uint32_t zones;       /* to create; or how many were given */
    uint64_t capacity;    /* of each zone created */
    uint32_t quantity;
    char zone_ids[OPTIONS_ZONES_MAX][36];
    bool zones_given;
    const char *tokens_path;
    const char *organizer_path; /* `UUID TOKEN`, who creates the event */
    const char *json_path;
    const char *history_path;
    const char *path; /* raw: what to GET */
    uint64_t max_per_user;
    uint64_t per_user;  /* requests of a connection as one user, then the next */
    int cpu;            /* -1: not pinned */
    int server_pid;     /* 0: none; else its CPU time is measured too */
    bool apart;         /* seats: no two requests want the same, see boxload_scenario.c */
    bool allow_refused; /* 429 and 503 are answers, not errors */
    bool retry_lost;    /* reconnect and repeat what was not answered */
    bool lapse;         /* reservations may lapse while it runs */
    bool sleep;         /* open loop: sleep instead of spinning between sends */
    bool quiet;         /* no progress line */
};

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_WRONG };

/* WRONG: one line for a person in `error`. */
enum options_result options_parse(struct options *options, int argc, char **argv, char *error,
                                  size_t error_bytes);
void options_help(void);
const char *scenario_name(enum scenario_kind kind);

#endif
