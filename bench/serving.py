# SPDX-License-Identifier: Apache-2.0
"""Daemons that serve, with and without hotpatches, in turns in one run.

The daemons, their pairs and the load that knows each answer are those of the storm
(test/storm). Each figure is a median of pairs of runs, with an interval that holds it
with 95 %: bootstrap, of pairs drawn anew 5,000 times.
"""
import os
import random
import statistics
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in "archive", "shared", "storm":
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), "test", folder))
import archive  # noqa: E402
import daemons  # noqa: E402
import stage  # noqa: E402
import targets  # noqa: E402
import victim  # noqa: E402

MISSING = (archive.Missing, daemons.Unable, victim.Skip)
PERCENTILES = ("p50_us", "p99_us", "p999_us", "max_us")
SETTLE_SECONDS, SLICE_SECONDS = 0.2, 1.5
DRAWN = 5000


def interval(values):
    """The median, and the interval of it."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(values, k=len(values)))
                     for _ in range(DRAWN))
    return (statistics.median(values), medians[int(0.025 * DRAWN)],
            medians[int(0.975 * DRAWN) - 1])


def before_others(pids):
    """Let all threads of processes run before those of the machine's other work, if we
    may: it would be most of what their clients wait. graft itself stays as it is."""
    for pid in pids:
        for tid in os.listdir(f"/proc/{pid}/task"):
            try:
                os.sched_setscheduler(int(tid), os.SCHED_RR, os.sched_param(1))
            except OSError:
                return


def seen_by(load, seconds):
    """What the clients see in a slice; none of their requests may fail."""
    time.sleep(SETTLE_SECONDS)
    load.look()
    time.sleep(seconds)
    seen = load.look()
    if load.failed:
        raise daemons.Failed(f"{load.failed} requests failed: {load.why}")
    return seen


class Switching:
    """Applies and reverts in the background, one of each in a given time, or one after
    the other if that is shorter."""

    def __init__(self, play, every):
        self.play, self.every = play, every
        self.count, self.failure = 0, None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        due = time.monotonic()
        try:
            # Never left applied: what follows is measured without.
            while not self.stop.is_set():
                for verb in "apply", "revert":
                    self.play.switch(verb)
                    due = max(due + self.every / 2, time.monotonic())
                    if verb == "apply":
                        time.sleep(max(0, due - time.monotonic()))
                self.count += 1
                self.stop.wait(due - time.monotonic())
        except (AssertionError, OSError) as failure:
            self.failure = failure

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        if self.failure:
            raise daemons.Failed(str(self.failure))


def latency(kind, rate, every, pairs):
    """Slices without and with applies in turns. Returns how many times a second it was
    applied and reverted, and for each percentile both medians and the interval of the
    difference."""
    with tempfile.TemporaryDirectory(prefix="graft-bench.") as work:
        pair, daemon = kind.make(work)
        with daemon.start():
            play = stage.Storm(daemon, pair, work)
            load = daemon.load(rate)
            before_others([*daemon.pids(), *(client.pid for client in load.clients)])
            try:
                return switched(play, load, every, pairs)
            finally:
                load.kill()


def switched(play, load, every, pairs):
    without, with_, cycles, seconds = [], [], 0, 0
    seen_by(load, SLICE_SECONDS)
    play.switch("apply")
    play.switch("revert")
    for number in range(pairs):
        for on in (False, True) if number % 2 else (True, False):
            if not on:
                without.append(seen_by(load, SLICE_SECONDS)[0])
                continue
            start = time.monotonic()
            with Switching(play, every) as switching:
                with_.append(seen_by(load, SLICE_SECONDS)[0])
            cycles += switching.count
            seconds += time.monotonic() - start
    return cycles / seconds, {
        what: (statistics.median(one[what] for one in without),
               statistics.median(one[what] for one in with_),
               interval([b[what] - a[what] for a, b in zip(without, with_)]))
        for what in PERCENTILES}


def served(daemon):
    """Requests in a second, of all that its clients ask as fast as they can."""
    load = daemon.load()
    try:
        return sum(one["served"] / one["seconds"] for one in seen_by(load, SLICE_SECONDS))
    finally:
        load.kill()


def throughput(kind, pairs):
    """OLD hotpatched and NEW, both started anew for each pair of runs. Returns both
    medians and the interval of the ratio."""
    patched, new = [], []
    with tempfile.TemporaryDirectory(prefix="graft-bench.") as kept:
        for number in range(pairs):
            with tempfile.TemporaryDirectory(prefix="graft-bench.") as work, \
                    tempfile.TemporaryDirectory(prefix="graft-bench.") as other:
                pair, first = kind.make(work)
                _, second = kind.make(other, 1)
                with first.start(), second.start():
                    play = stage.Storm(first, pair, work, f"{kept}/fix.graft")
                    play.switch("apply")
                    turns = (first, patched), (second, new)
                    for one, to in turns[::1 if number % 2 else -1]:
                        to.append(served(one))
    return (statistics.median(patched), statistics.median(new),
            interval([a / b for a, b in zip(patched, new)]))
