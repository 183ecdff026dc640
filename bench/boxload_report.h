/* What a run found, for a person and for a program. */
#ifndef BENCH_BOXLOAD_REPORT_H
#define BENCH_BOXLOAD_REPORT_H

#include <stdio.h>

#include "boxload_run.h"

struct report {
    const struct options *options;
    const struct scenario *scenario;
    const struct run_result *result;
    uint32_t violations; /* oversold zones, ids given twice, counts that differ */
    const char *violation_text;
    bool passed;
};

void report_table(const struct report *report, FILE *out);

/* False: could not be written; errno says why. */
bool report_json(const struct report *report, const char *path);

#endif
