#include "log_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int log_error_set(struct log_error *error, int exit_code, const char *label, const char *format,
                  ...)
{
    va_list arguments;
    va_start(arguments, format);
    memset(error, 0, sizeof *error);
    error->exit_code = exit_code;
    snprintf(error->label, sizeof error->label, "%s", label ? label : "");
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return exit_code;
}

int log_error_exit_of(int error_number)
{
    return error_number == EACCES || error_number == EPERM ? LOG_EXIT_PERMISSION : LOG_EXIT_IO;
}
