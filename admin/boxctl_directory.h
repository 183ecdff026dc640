/* The commands of boxctl that work on the data directory itself, whether an engine
 * runs on it or not: snapshot, cursors, backup. */
#ifndef ADMIN_BOXCTL_DIRECTORY_H
#define ADMIN_BOXCTL_DIRECTORY_H

#include "boxctl_options.h"

/* Each returns the exit code; the reason of a failure has been printed. */
int boxctl_snapshot(const struct boxctl_options *options, const struct config *config);
/* options->argument: NULL lists; "drop": options->second is forgotten. */
int boxctl_cursors(const struct boxctl_options *options, const struct config *config);
/* options->argument: the directory to make. */
int boxctl_backup(const struct boxctl_options *options, const struct config *config);

#endif
