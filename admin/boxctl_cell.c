#include "boxctl_cell.h"

#include "figure.h"

void cell_count(struct table *table, yajl_val object, const char *name)
{
    char text[FIGURE_BYTES];
    table_cell(table, figure_count(text, answer_count(object, name)));
}

void cell_bytes(struct table *table, yajl_val object, const char *name)
{
    char text[FIGURE_BYTES];
    table_cell(table, figure_bytes(text, answer_count(object, name)));
}

void cell_ns(struct table *table, yajl_val histogram, const char *name)
{
    char text[FIGURE_BYTES];
    bool empty = answer_count(histogram, "count") == 0;
    table_cell(table, empty ? "-" : figure_ns(text, answer_count(histogram, name)));
}
