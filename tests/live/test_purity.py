#!/usr/bin/env python3
"""The log asks the operating system for nothing: its objects name no system call, clock,
thread or random number. What they need they get through the storage port."""

import glob
import os
import re
import subprocess

from lib.cases import check, equal, main

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OBJECTS = os.path.join(ROOT, os.environ.get("BUILD", "build"), "obj")

PORT = {"storage.c", "storage_blocking.c", "storage_uring.c"}
THREAD = {"segment_keeper_thread.c"}
LOG = ("data_dir*.c", "durable_mark.c", "header_file.c", "log_*.c", "recovery.c", "rehome.c",
       "segment*.c")

FORBIDDEN = re.compile(
    r"^(__)?(open|openat|close|p?read|p?write|fsync|fdatasync|[fl]?stat|access|mkdir|rmdir|rename|"
    r"unlink|remove|f?truncate|posix_fallocate|opendir|readdir|closedir|nftw|mmap|munmap|msync|"
    r"flock|getrandom|rand|random|clock_gettime|gettimeofday|time|nanosleep|usleep|getpid|getenv|"
    r"fopen|fclose|socket|send|recv|ioctl|syscall|fork|kill|signal|pthread_\w+|sem_\w+|"
    r"io_uring_\w+)(64)?(_chk|_2)?(@.*)?$")


def forbidden_in(source):
    """What an object of persist/ needs of the operating system."""
    path = os.path.join(OBJECTS, "persist", source + ".o")
    lines = subprocess.run(["nm", "-u", path], check=True, capture_output=True, text=True).stdout
    return [line.split()[-1] for line in lines.splitlines() if FORBIDDEN.match(line.split()[-1])]


def test_log_part_is_pure():
    """No file of the log's part names a system call, a clock, a thread or a random number."""
    sources = {os.path.basename(path) for pattern in LOG
               for path in glob.glob(os.path.join(ROOT, "persist", pattern))}
    check(len(sources) > 12, "the log's files are where they were")
    for source in sorted(sources - PORT - THREAD):
        equal(forbidden_in(source), [], source)


def test_the_gate_sees():
    """The gate finds the calls in the files that are there to make them."""
    for source, call in (("storage.c", "getrandom"), ("storage_uring.c", "clock_gettime"),
                         ("segment_keeper_thread.c", "pthread_create")):
        check(any(found.startswith(call) for found in forbidden_in(source)), source)


if __name__ == "__main__":
    main(globals())
