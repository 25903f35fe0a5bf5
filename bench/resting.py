# SPDX-License-Identifier: Apache-2.0
"""graftd at rest beside a thousand processes, and how soon it has a new one hotpatched.

    bench/resting.py FOLDER GRAFT

Prints the figures as JSON.
"""
import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in "live", "shared":
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), "test", folder))

PROCESSES, STARTS, REST_S = 1000, 20, 30


class Place:
    """What the tests of graftd call a place."""

    def __init__(self, work, graft):
        self.dir, self.state, self.graft = work, os.path.join(work, "daemon-state"), graft

    def path(self, name):
        return os.path.join(self.dir, name)

    def run(self, *argv, status=0):
        done = subprocess.run([self.graft, *argv], capture_output=True, text=True,
                              env={**os.environ, "GRAFT_STATE_DIR": self.state}, check=False)
        if done.returncode != status:
            raise RuntimeError(f"graft {' '.join(argv)}: {done.stdout}{done.stderr}")
        return done


def seconds_of(pid):
    """Processor time of a process and of the children that it has waited for."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def kib_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"VmRSS:\s*(\d+)", file.read()).group(1))


def measure(work, graft):
    """A dictionary of figures."""
    import daemon_events as events
    from agent import Daemon
    place, got = Place(work, graft), {"processes": PROCESSES}
    ones = events.Ones(place, "bench", "a", "b", *[f"c{i}" for i in range(STARTS)])
    with Daemon(place, "interval = 5") as daemon:
        events.upgrade(daemon, ones)
        with daemon.victim(ones.program("b")) as first:
            daemon.ask("sync")
            events.becomes(first, "2", events.IS)
        for name, folders in (("known", ["b"] * STARTS), ("unseen", [f"c{i}" for i in range(STARTS)])):
            times = []
            for folder in folders:
                with daemon.victim(ones.program(folder)) as victim:
                    times.append(events.becomes(victim, "2", events.IS))
            got[name] = sorted(times)
        got["connector"] = daemon.ask("status")["connector"]
        children = [subprocess.Popen(["sleep", "1000000"], preexec_fn=daemon.scope.enter)
                    for _ in range(PROCESSES)]
        try:
            daemon.has("processes", PROCESSES)
            time.sleep(3)
            both = daemon.process.pid, daemon.front()
            before = daemon.ask("status"), time.monotonic(), sum(map(seconds_of, both))
            time.sleep(REST_S)
            after = daemon.ask("status"), time.monotonic(), sum(map(seconds_of, both))
            got["kib"] = sum(map(kib_of, both))
            got["looks"] = after[0]["looks"] - before[0]["looks"]
            got["look_ms"] = 1000 * (after[2] - before[2]) / got["looks"]
        finally:
            for child in children:
                child.kill()
            for child in children:
                child.wait()
    return got


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:])))
