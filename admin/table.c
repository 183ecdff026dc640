#include "table.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct table {
    uint32_t columns;
    uint32_t cell_count, cell_capacity;
    char **cells; /* the heads first */
    bool right[TABLE_COLUMNS_MAX];
    bool failed; /* out of memory: what is there is printed */
};

struct table *table_new(const char *heads)
{
    struct table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return NULL;
    }
    while (true) {
        char head[TABLE_CELL_BYTES_MAX + 1];
        assert(table->columns < TABLE_COLUMNS_MAX);
        size_t length = strcspn(heads, "|");
        table->right[table->columns++] = *heads == '>';
        size_t skip = *heads == '>' ? 1 : 0;
        assert(length <= TABLE_CELL_BYTES_MAX);
        memcpy(head, heads + skip, length - skip);
        head[length - skip] = '\0';
        table_cell(table, head);
        if (heads[length] == '\0') {
            return table;
        }
        heads += length + 1;
    }
}

void table_free(struct table *table)
{
    if (table == NULL) {
        return;
    }
    for (uint32_t i = 0; i < table->cell_count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    free(table);
}

void table_cell(struct table *table, const char *text)
{
    if (table->cell_count == table->cell_capacity) {
        uint32_t capacity = table->cell_capacity == 0 ? 64 : table->cell_capacity * 2;
        char **cells = realloc(table->cells, capacity * sizeof *cells);
        if (cells == NULL) {
            table->failed = true;
            return;
        }
        table->cells = cells;
        table->cell_capacity = capacity;
    }
    char *copy = strndup(text, TABLE_CELL_BYTES_MAX);
    if (copy == NULL || table->failed) {
        free(copy);
        table->failed = true;
        return;
    }
    table->cells[table->cell_count++] = copy;
}

int table_width(const char *text)
{
    int width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void print_cell(const struct table *table, FILE *out, uint32_t column, const char *text,
                       int width)
{
    int blanks = width - table_width(text);
    bool last = column + 1 == table->columns;
    if (table->right[column]) {
        fprintf(out, "%*s%s", blanks, "", text);
    } else {
        fprintf(out, "%s%*s", text, last ? 0 : blanks, "");
    }
    fputs(last ? "\n" : "  ", out);
}

void table_print(const struct table *table, FILE *out, int indent)
{
    int widths[TABLE_COLUMNS_MAX] = {0};
    uint32_t count = table->cell_count - table->cell_count % table->columns;
    for (uint32_t i = 0; i < count; i++) {
        int width = table_width(table->cells[i]);
        int *widest = &widths[i % table->columns];
        *widest = width > *widest ? width : *widest;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t column = i % table->columns;
        if (column == 0) {
            fprintf(out, "%*s", indent, "");
        }
        print_cell(table, out, column, table->cells[i], widths[column]);
    }
}
