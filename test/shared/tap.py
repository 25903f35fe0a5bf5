# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of a suite and prints TAP."""
import os
import shutil
import signal
import subprocess
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


def run_some(tests, first, make_place):
    """Run tests in one place, numbered from one on; returns the exit status."""
    if not tests:
        return 0
    place = make_place()
    try:
        failed = sum(report(n, one, place) for n, one in enumerate(tests, first))
    finally:
        place.remove()
    return 1 if failed else 0


def begin():
    """Get the tests that the arguments name."""
    words = [w for w in sys.argv[1:] if not w.startswith("-")]
    # Whoever starts this in the background hands ignored signals down; tools
    # that are to die of them must not inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    return [t for t in victim.TESTS if all(word in t.__name__ for word in words)]


def run(make_place):
    """Run what the arguments name, in one place; returns the exit status."""
    wanted = begin()
    print(f"1..{len(wanted)}", flush=True)
    return run_some(wanted, 1, make_place)


def run_alone(make_place):
    """The same, but in a process namespace of our own; tests with `on_host` before."""
    own = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    wanted = begin()
    here = [t for t in wanted if hasattr(t, "on_host")]
    others = [t for t in wanted if t not in here]
    first = int(os.environ.get("GRAFT_TAP_ALONE", "0"))
    if first:
        return run_some(others, first, make_place)
    print(f"1..{len(wanted)}", flush=True)
    if subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        print("# no namespace to be had: what others hotpatch here is seen", flush=True)
        return run_some(wanted, 1, make_place)
    status = run_some(here, 1, make_place)
    if others:
        # With a shell as the first process, which reaps what is left over.
        status |= subprocess.run(
            [*own, "sh", "-c", '"$@"; exit $?', "sh", sys.executable, *sys.argv], check=False,
            env={**os.environ, "GRAFT_TAP_ALONE": str(len(here) + 1)}).returncode
    return status
