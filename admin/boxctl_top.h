/* `boxctl top`: what the engine does right now, sampled again and again. */
#ifndef ADMIN_BOXCTL_TOP_H
#define ADMIN_BOXCTL_TOP_H

#include "boxctl_call.h"
#include "boxctl_options.h"

/* On a terminal a full screen until q, Ctrl-C or SIGTERM; otherwise lines, one
 * for each sample and shard. With --json one sample, as it came. Returns the
 * exit code; the terminal is as it was. */
int boxctl_top(const struct boxctl_options *options, struct boxctl_call *call);

#endif
