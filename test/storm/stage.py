# SPDX-License-Identifier: Apache-2.0
"""The storm: a daemon under full load is hotpatched and reverted again and again.

What the daemon does to itself is told apart by a control: the same load for a while
before, without a hotpatch. What it holds at the end at least may be over what it held at
most after the first time by as far as it moved then, and by what is said in ALLOWED; each
figure is a bound that 1,000 times one page, one mapping or one descriptor are far over.
"""
import json
import os
import sqlite3
import statistics
import time

import archive
import daemons
import victim
import watch
from victim import check, same

# How far what a process holds may move beside what the control shows: the heap of a
# daemon grows when it happens to need a bit more at once, and its stacks are used deeper.
ALLOWED = {"heap_kb": 1024, "anonymous_kb": 128, "data_kb": 256, "mappings": 2,
           "descriptors": 4, "threads": 0}
# How often it is looked at what is held, how long before each look, and how much longer
# for each time in the control.
LOOKS, LOOK_SECONDS, CONTROL_SECONDS = 8, 0.2, 0.004
APPLY, REVERT, DONE, UNDONE = 1, 2, 1, 2


class Storm:
    """One daemon that runs, its hotpatch, and a state directory. The hotpatch is made
    unless its file is there."""

    def __init__(self, daemon, pair, work, patch=None):
        self.daemon, self.work = daemon, work
        self.patch = patch or f"{work}/fix.graft"
        self.took = {"apply": [], "revert": []}
        self.done = dict.fromkeys(self.took, 0)
        # How often a thread was inside, and it was tried again.
        self.tries = 0
        if not os.path.exists(self.patch):
            self.make(*pair)
        self.id = json.loads(self.graft("show", self.patch, "--json").stdout)["id"]

    def graft(self, *words):
        return archive.run([archive.GRAFT, *words], timeout=120,
                           env=dict(os.environ, GRAFT_STATE_DIR=f"{self.work}/state"))

    def make(self, old, new):
        """The hotpatch of a pair, of which the file that counts must be one."""
        done = self.graft("diff", old, new, "-o", self.patch, "--json")
        check(done.returncode in (0, 4), f"diff ended with {done.returncode}: {done.stderr}")
        verdicts = [m["verdict"] for m in json.loads(done.stdout)["modules"]
                    if self.daemon.module in "/" + m["path"] or "/" not in m["path"]]
        if verdicts != ["hotpatch"]:
            raise victim.Skip(f"{self.daemon.module[1:]}: {' '.join(verdicts) or 'not there'}")
        done = self.graft("verify", "--against", old, new, self.patch)
        same(done.returncode, 0, f"verify --against: {done.stdout}{done.stderr}")

    def target(self):
        return [word for pid in self.daemon.pids() for word in ("--pid", str(pid))]

    def switch(self, verb):
        start = time.monotonic()
        done = self.graft(verb, self.patch, *self.target())
        self.took[verb].append(time.monotonic() - start)
        self.done[verb] += 1
        same(done.returncode, 0, f"{verb} number {self.done[verb]}: {done.stdout}{done.stderr}")

    def states(self):
        """What `graft status` says: for each process of the daemon its hotpatches."""
        pids = self.daemon.pids()
        done = self.graft("status", "--json", *self.target())
        same(done.returncode, 0, f"status: {done.stdout}{done.stderr}")
        found = {p["pid"]: [h["state"] for h in p["hotpatches"] if h["id"] == self.id]
                 for p in json.loads(done.stdout)["processes"]}
        return [found.get(pid, []) for pid in pids]

    def look(self, longer=0):
        """What the daemon holds in the next seconds, at least and at most."""
        looks = []
        for _ in range(LOOKS):
            time.sleep(LOOK_SECONDS + longer)
            looks.append(watch.total(self.daemon.pids()))
        return tuple({what: pick(one[what] for one in looks) for what in watch.WHAT}
                     for pick in (min, max))

    def cycle(self):
        """Apply and revert once."""
        self.switch("apply")
        self.switch("revert")

    def rage(self, count):
        """All of it; says what was seen."""
        least, most = self.look(CONTROL_SECONDS * count)
        moves = {what: most[what] - least[what] for what in watch.WHAT}
        # Those that serve the load are among them by now.
        pids = self.daemon.pids()
        self.switch("apply")
        same(self.states(), [["applied"]] * len(pids), "states after the first apply")
        self.daemon.check_state(True)
        self.switch("revert")
        check(not any("applied" in one for one in self.states()), "it is not reverted")
        self.daemon.check_state(False)
        _, first = self.look()
        for _ in range(count - 1):
            self.cycle()
        same(self.daemon.pids(), pids, "its processes")
        same(watch.stopped(pids), [], "threads that stand still")
        last, _ = self.look()
        for what in watch.WHAT:
            check(last[what] - first[what] <= moves[what] + ALLOWED[what],
                  f"{what} grew from {first[what]} to {last[what]} in {count} times, "
                  f"by {moves[what]:.0f} without a hotpatch")
        self.end(pids)
        return self.say(first, last, moves)

    def end(self, pids):
        """At the end graft, the process and the ledger agree, once more both ways."""
        check(not any("applied" in one for one in self.states()), "it is not reverted")
        self.switch("apply")
        same(self.states(), [["applied"]] * len(pids), "states at the end")
        self.daemon.check_state(True)
        self.switch("revert")
        self.daemon.check_state(False)
        same(watch.stopped(pids), [], "threads that stand still")
        self.check_ledger(len(pids))

    def check_ledger(self, processes):
        """Whole, nothing open, and an entry for each apply and revert of each process, beside
        those that had to wait."""
        db = sqlite3.connect(f"file:{self.work}/state/ledger.db?mode=ro", uri=True)
        try:
            same(db.execute("PRAGMA integrity_check").fetchall(), [("ok",)], "the ledger")
            rows = db.execute("SELECT verb, outcome, count(*) FROM entry WHERE outcome != ? "
                              "GROUP BY verb, outcome ORDER BY verb", (UNDONE,)).fetchall()
            notes = [note for note, in db.execute("SELECT note FROM entry WHERE outcome = ?",
                                                  (UNDONE,))]
        finally:
            db.close()
        same(rows, [(verb, DONE, self.done[name] * processes)
                    for verb, name in ((APPLY, "apply"), (REVERT, "revert"))],
             "entries of the ledger")
        # A thread was inside; it was tried again.
        same([note for note in notes if not note.startswith("R-13")], [],
             "why others were undone")
        self.tries = len(notes)

    def say(self, first, last, moves):
        grew = ", ".join(f"{what} {last[what] - first[what]:+d} of {first[what]} "
                         f"(control {moves[what]:.0f})" for what in watch.WHAT)
        some = self.took["apply"]
        early, late = some[:20], some[-20:]
        return (f"{self.done['apply']} times applied and reverted, {self.tries} times a thread "
                f"was inside, "
                f"{1000 * statistics.median(some):.0f} ms an apply "
                f"({1000 * statistics.median(early):.0f} at first, "
                f"{1000 * statistics.median(late):.0f} at last); {grew}")


def storm(kind, count, work):
    """All for a daemon; says what was seen."""
    pair, daemon = kind.make(work)
    with daemon.start():
        play = Storm(daemon, pair, work)
        load = daemon.load()
        try:
            said = play.rage(count)
            load.finish()
        finally:
            load.kill()
        check(load.served and not load.failed,
              f"{load.failed} failed of {load.served}: {load.why}")
        if daemon.popen.poll() is not None:
            raise daemons.Failed(f"the daemon ended with {daemon.popen.returncode}")
    return f"{load.served} requests, none failed; {said}; the pair is {kind.pair_is}"
