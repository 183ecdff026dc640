/* config.toml is written from the table that reads it, so it cannot lie. */
#include <string.h>

#include "config.h"
#include "config_schema.h"

static void comment_write(FILE *out, const char *text)
{
    while (*text != '\0') {
        const size_t length = strcspn(text, "\n");
        (void)fprintf(out, "# %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static void key_write(FILE *out, const struct config_key *key)
{
    comment_write(out, key->about);
    if (key->kind == CONFIG_COUNT)
        (void)fprintf(out, "# Unit: %s; from %llu to %llu.\n", key->unit,
                      (unsigned long long)key->least, (unsigned long long)key->most);
    if (key->kind == CONFIG_COUNT || key->kind == CONFIG_BOOL)
        (void)fprintf(out, "%s = %s\n", key->name, key->value);
    else if (key->kind == CONFIG_ORIGINS)
        (void)fprintf(out, "%s = []\n", key->name);
    else
        (void)fprintf(out, "%s = \"%s\"\n", key->name, key->value);
}

void config_document(FILE *out)
{
    (void)fputs("# Boxoffice. Every key, with its unit and its default.\n"
                "#\n"
                "# The environment variable BOXOFFICE_<SECTION>_<KEY> overrides a key:\n"
                "#   BOXOFFICE_BOOKING_RESERVATION_TTL_SECONDS=2\n"
                "#   BOXOFFICE_CORS_ORIGINS=https://a.example,https://b.example\n"
                "# A key left out has its default. An unknown key, a wrong type or a value out\n"
                "# of range stops the start with exit code 78, naming file, line and column.\n",
                out);
    for (uint32_t s = 0; s < config_section_count; s++) {
        (void)fputc('\n', out);
        comment_write(out, config_sections[s].about);
        (void)fprintf(out, "[%s]\n", config_sections[s].name);
        for (uint32_t i = 0; i < config_key_count; i++) {
            if (strcmp(config_keys[i].section, config_sections[s].name) != 0)
                continue;
            (void)fputc('\n', out);
            key_write(out, &config_keys[i]);
        }
    }
}
