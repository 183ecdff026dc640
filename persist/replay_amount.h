/* Exact money: integer minor units and a currency's own number of decimals
 * (ISO 4217), shown as decimal text or as a PostgreSQL numeric. Pure. */
#ifndef PERSIST_REPLAY_AMOUNT_H
#define PERSIST_REPLAY_AMOUNT_H

#include "replay_buffer.h"

__extension__ typedef __int128 replay_minor; /* a unit price times a quantity fits */

/* Of a terminated ISO 4217 code (engine/currency.h). */
unsigned replay_currency_decimals(const char *currency);

/* Appends e.g. "1500.00", "-0.05", "1500" (JPY). */
void replay_amount_text(struct replay_buffer *out, replay_minor minor, unsigned decimals);

/* Appends a numeric in PostgreSQL's binary format, without its field length:
 * digit count, weight, sign, display scale (16 bits each), base-10,000 digits. */
void replay_amount_numeric(struct replay_buffer *out, replay_minor minor, unsigned decimals);

#endif
