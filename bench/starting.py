# SPDX-License-Identifier: Apache-2.0
"""What the start of a program costs that graftd holds until it is hotpatched.

    bench/starting.py FOLDER GRAFT STARTS

In turns: nobody is held, as graftd is paused; held; and held, with a library that
nobody holds. Prints the figures as JSON.
"""
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import resting  # noqa: E402

REST_S = 20


def measure(work, graft, starts):
    """A dictionary of figures: milliseconds of starts, and how many were in time."""
    import daemon_before as before
    import daemon_events as events
    from agent import Daemon
    place = resting.Place(work, graft)
    ones = events.Ones(place, "starts", "a", "b", "c")
    got = {"plain": [], "held": [], "other": [], "new": 0, "starts": starts}
    with Daemon(place, events.SELDOM, before.BEFORE) as daemon:
        events.upgrade(daemon, ones)
        with daemon.victim(ones.program("b")) as first:
            daemon.ask("sync")
            events.becomes(first, "2", events.IS)
            programs = {name: before.build(ones, f"first-{name}", before.FIRST, name)
                        for name in "bc"}
            for _ in range(starts):
                for how, folder in (("plain", "b"), ("held", "b"), ("other", "c")):
                    daemon.ask("pause" if how == "plain" else "resume")
                    if how == "held":
                        # Files are marked by a look.
                        looks = daemon.ask("status")["looks"]
                        daemon.ask("sync")
                        before.until(lambda: daemon.ask("status")["looks"] > looks, "no look")
                        # One user who starts much is not held for a while.
                        time.sleep(0.1)
                    said, seconds = before.start(daemon, programs[folder])
                    got[how].append(1000 * seconds)
                    got["new"] += how == "held" and said == before.WENT
        holder = before.process_of(daemon, "graftd-holder")
        seconds, begin = resting.seconds_of(holder), time.monotonic()
        time.sleep(REST_S)
        got["share"] = (resting.seconds_of(holder) - seconds) / (time.monotonic() - begin)
        got["kib"] = resting.kib_of(holder)
    return got


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:3], int(sys.argv[3]))))
