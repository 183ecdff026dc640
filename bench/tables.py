"""Numbers and tables as the page shows them."""

import statistics


def medians(samples):
    return {name: statistics.median(sample[name] for sample in samples) for name in samples[0]}


def spread(samples):
    rates = [sample["rate"] for sample in samples]
    return (max(rates) - min(rates)) / statistics.median(rates)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |",
             "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def number(value, digits=0):
    return f"{value:,.{digits}f}"


def ms(microseconds):
    return f"{microseconds / 1000:.3f}"
