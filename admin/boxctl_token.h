/* Minting access tokens with the engine's signing key; asks no engine. */
#ifndef ADMIN_BOXCTL_TOKEN_H
#define ADMIN_BOXCTL_TOKEN_H

#include "boxctl_options.h"

/* Returns the exit code; the reason of a failure has been printed. */
int boxctl_token(const struct boxctl_options *options, const struct config *config);

#endif
