#include "boxload_report.h"

#include <inttypes.h>

static const double quantiles[] = {0.5, 0.9, 0.99, 0.999, 1.0};
static const char *const quantile_names[] = {"p50", "p90", "p99", "p99.9", "max"};
enum { QUANTILES = sizeof quantiles / sizeof quantiles[0] };

/* At 95 % the generator may be what is measured. */
static bool generator_bound(const struct report *report)
{
    return run_busy(report->result) >= 0.95;
}

static double rate(const struct report *report)
{
    const struct run_result *result = report->result;
    return result->wall_ns ? (double)result->in_time * 1e9 / (double)result->wall_ns : 0.0;
}

static double server_us(const struct report *report)
{
    const struct run_result *result = report->result;
    return result->in_time ? (double)result->server_cpu_ns / 1e3 / (double)result->in_time : 0.0;
}

static uint64_t verdict_total(const struct run_result *result, enum verdict verdict)
{
    uint64_t total = 0;
    for (int i = 0; i < OPERATION_COUNT; i++)
        total += result->counts[i][verdict];
    return total;
}

static void latency_line(const char *name, const struct latency *latency, FILE *out)
{
    if (latency->count == 0)
        return;
    fprintf(out, "  %-10s %12" PRIu64, name, latency->count);
    for (int i = 0; i < QUANTILES; i++)
        fprintf(out, " %9.3f", (double)latency_quantile_ns(latency, quantiles[i]) / 1e6);
    fprintf(out, " %9.3f\n", latency_mean_ns(latency) / 1e6);
}

void report_table(const struct report *report, FILE *out)
{
    const struct run_result *result = report->result;
    const struct options *options = report->options;
    fprintf(out, "scenario %s, %u connections, ", scenario_name(options->scenario),
            options->connections);
    if (options->rate)
        fprintf(out, "open loop at %" PRIu64 "/s", options->rate);
    else
        fprintf(out, "closed loop");
    fprintf(out, ", %.2f s measured\n\n  %-10s %12s", (double)result->wall_ns / 1e9, "latency ms",
            "answers");
    for (int i = 0; i < QUANTILES; i++)
        fprintf(out, " %9s", quantile_names[i]);
    fprintf(out, " %9s\n", "mean");
    for (int i = 0; i < OPERATION_COUNT; i++)
        latency_line(operation_name((enum operation)i), &result->latency[i], out);
    latency_line("refused", &result->refused, out);
    fprintf(out, "\n  rate        %.0f/s\n  statuses   ", rate(report));
    for (int i = 0; i < RUN_STATUSES; i++)
        if (result->statuses[i])
            fprintf(out, " %d: %" PRIu64, i, result->statuses[i]);
    fprintf(out,
            "\n  wrong       %" PRIu64 ", lost %" PRIu64 ", unknown %" PRIu64
            ", reconnects %" PRIu64,
            report->scenario->wrong, result->lost, result->unknown, result->reconnects);
    if (options->rate)
        fprintf(out, ", begun late %" PRIu64, result->late);
    fprintf(out, "\n  generator   %.1f %% busy%s\n", run_busy(result) * 100.0,
            generator_bound(report) ? ": it was the bottleneck, the server can do more" : "");
    if (result->server_cpu_ns)
        fprintf(out, "  server      %.2f us CPU a request, %.0f %% of a core\n", server_us(report),
                (double)result->server_cpu_ns / (double)result->wall_ns * 100.0);
    if (report->scenario->wrong)
        fprintf(out, "  first wrong %s\n", report->scenario->first_wrong);
    if (report->violations)
        fprintf(out, "\n%s", report->violation_text);
    fprintf(out, "%s\n", report->passed ? "PASS" : "FAIL");
}

static void latency_json(const char *name, const struct latency *latency, const char *after,
                         FILE *out)
{
    fprintf(out, "    \"%s\": {\"count\": %" PRIu64, name, latency->count);
    for (int i = 0; i < QUANTILES; i++)
        fprintf(out, ", \"%s\": %.3f", quantile_names[i],
                (double)latency_quantile_ns(latency, quantiles[i]) / 1e3);
    fprintf(out, ", \"mean\": %.3f}%s\n", latency_mean_ns(latency) / 1e3, after);
}

bool report_json(const struct report *report, const char *path)
{
    const struct run_result *result = report->result;
    const char *separator = "";
    FILE *out = fopen(path, "w");
    if (!out)
        return false;
    fprintf(out,
            "{\n  \"scenario\": \"%s\",\n  \"connections\": %u,\n  \"rate_planned\": %" PRIu64 ",\n"
            "  \"seconds\": %.3f,\n  \"measured\": %" PRIu64 ",\n  \"rate\": %.1f,\n"
            "  \"answered\": %" PRIu64 ",\n  \"wrong\": %" PRIu64 ",\n  \"lost\": %" PRIu64 ",\n"
            "  \"unknown\": %" PRIu64 ",\n  \"reconnects\": %" PRIu64 ",\n  \"late\": %" PRIu64
            ",\n",
            scenario_name(report->options->scenario), report->options->connections,
            report->options->rate, (double)result->wall_ns / 1e9, result->measured, rate(report),
            result->answered, report->scenario->wrong, result->lost, result->unknown,
            result->reconnects, result->late);
    for (int i = 0; i < VERDICT_WRONG; i++)
        fprintf(out, "  \"%s\": %" PRIu64 ",\n", verdict_name((enum verdict)i),
                verdict_total(result, (enum verdict)i));
    fprintf(out, "  \"statuses\": {");
    for (int i = 0; i < RUN_STATUSES; i++)
        if (result->statuses[i]) {
            fprintf(out, "%s\"%d\": %" PRIu64, separator, i, result->statuses[i]);
            separator = ", ";
        }
    fprintf(out, "},\n  \"latency_us\": {\n");
    for (int i = 0; i < OPERATION_COUNT; i++)
        latency_json(operation_name((enum operation)i), &result->latency[i], ",", out);
    latency_json("refused", &result->refused, "", out);
    fprintf(out,
            "  },\n  \"generator_busy\": %.4f,\n  \"generator_bound\": %s,\n"
            "  \"server_cpu_us\": %.4f,\n  \"violations\": %u,\n  \"passed\": %s\n}\n",
            run_busy(result), generator_bound(report) ? "true" : "false", server_us(report),
            report->violations, report->passed ? "true" : "false");
    return fclose(out) == 0;
}
