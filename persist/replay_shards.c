#include "replay_shards.h"

#include <stdio.h>

struct shard_options replay_shard_options(const struct config *config)
{
    return (struct shard_options){.reservation_ttl_ms =
                                      config->booking.reservation_ttl_seconds * 1000,
                                  .max_per_order = config->booking.max_per_order,
                                  .idempotency_ms = config->booking.idempotency_seconds * 1000ULL};
}

int replay_complain(const struct log_error *error)
{
    (void)fprintf(stderr, "boxreplay: %s%s%s%s\n", error->text,
                  error->label[0] != '\0' ? " [case " : "", error->label,
                  error->label[0] != '\0' ? "]" : "");
    return error->exit_code;
}
