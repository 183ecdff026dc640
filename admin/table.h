/* A text table: columns as wide as their widest cell, two blanks between them. */
#ifndef ADMIN_TABLE_H
#define ADMIN_TABLE_H

#include <stdint.h>
#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 16, TABLE_CELL_BYTES_MAX = 255 };

struct table;

/* `heads` names the columns, parted by '|'; a name that starts with '>' is
 * aligned to the right, without the sign. NULL: out of memory. */
struct table *table_new(const char *heads);
void table_free(struct table *table); /* NULL is fine */

/* The next cell, row by row. Bytes beyond the limit are cut off. */
void table_cell(struct table *table, const char *text);

/* Prints heads and rows, each line after `indent` blanks; a row that is not
 * complete is not printed. */
void table_print(const struct table *table, FILE *out, int indent);

/* How many columns of a terminal a text takes (one for each character). */
int table_width(const char *text);

#endif
