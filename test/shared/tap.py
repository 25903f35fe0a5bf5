# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of a suite and prints TAP."""
import shutil
import signal
import sys
import time
import traceback

import victim


def report(number, one, place):
    """Run one test and print its line; returns whether it failed."""
    name = one.__name__.replace("_", " ")
    start = time.monotonic()
    try:
        one(place)
        print(f"ok {number} - {name}", flush=True)
        return False
    except victim.Skip as why:
        print(f"ok {number} - {name} # SKIP {why}", flush=True)
        return False
    except Exception as why:  # a test that breaks has failed
        print(f"not ok {number} - {name}", flush=True)
        at = traceback.extract_tb(why.__traceback__)[-1]
        text = f"{type(why).__name__}: {why}\n{at.filename}:{at.lineno}: {at.line}"
        for line in text.encode(errors="backslashreplace").decode().splitlines():
            print(f"# {line[:600]}", flush=True)
        return True
    finally:
        if "-t" in sys.argv:
            print(f"# {time.monotonic() - start:.1f} s", flush=True)
        shutil.rmtree(place.state, ignore_errors=True)


def run(make_place):
    """Run what the arguments name, in one place; returns the exit status."""
    words = [w for w in sys.argv[1:] if w != "-t"]
    # Whoever starts this in the background hands ignored signals down; tools
    # that are to die of them must not inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    wanted = [t for t in victim.TESTS if all(word in t.__name__ for word in words)]
    place = make_place()
    print(f"1..{len(wanted)}", flush=True)
    try:
        failed = sum(report(n, one, place) for n, one in enumerate(wanted, 1))
    finally:
        place.remove()
    return 1 if failed else 0
