"""A test file is a list of functions named test_*, each with a claim as its docstring.

`main(globals())` runs them in the order they are written and prints the sum.
"""

import os
import sys
import time
import traceback


class Skip(Exception):
    """The machine cannot show this claim; the text says what is missing."""


def check(condition, message="check failed"):
    """An assert that also holds under python -O."""
    if not condition:
        raise AssertionError(message)


def equal(actual, expected, what="value"):
    if actual != expected:
        raise AssertionError(f"{what}: expected {_short(expected)}, got {_short(actual)}")


def _short(value):
    text = repr(value)
    return text if len(text) <= 1500 else text[:1500] + " ..."


def setting(name, default):
    """A number from the environment, for runs longer than the everyday one."""
    return int(os.environ.get(name, default))


def main(names):
    wanted = sys.argv[1:]
    passed = failed = skipped = 0
    for name, case in list(names.items()):
        if not name.startswith("test_") or not callable(case):
            continue
        if wanted and not any(part in name for part in wanted):
            continue
        claim = (case.__doc__ or name).strip().splitlines()[0]
        began = time.monotonic()
        try:
            case()
            passed += 1
            verdict = "ok"
        except Skip as reason:
            skipped += 1
            verdict = f"skipped ({reason})"
        except Exception:
            failed += 1
            verdict = "FAILED"
            traceback.print_exc(file=sys.stdout)
        print(f"{verdict:4} {name[5:]}: {claim} [{time.monotonic() - began:.1f} s]", flush=True)
    note = f", {skipped} skipped" if skipped else ""
    print(f"{passed} passed, {failed} failed{note}", flush=True)
    sys.exit(1 if failed else 0)
