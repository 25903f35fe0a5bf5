# SPDX-License-Identifier: Apache-2.0
"""What a process holds: what must not grow, however often it is hotpatched."""
import os
import re

# Kilobytes of its own memory, of private writable memory that it may use, and how many
# mappings, descriptors and threads it has.
WHAT = ("anonymous_kb", "data_kb", "mappings", "descriptors", "threads")


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def number(name, text):
    return int(re.search(rf"^{name}:\s*(\d+)", text, re.M)[1])


def holds(pid):
    """One process, as numbers by name."""
    status = read(f"/proc/{pid}/status")
    return {"anonymous_kb": number("RssAnon", status), "data_kb": number("VmData", status),
            "mappings": len(read(f"/proc/{pid}/maps").splitlines()),
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
            "threads": number("Threads", status)}


def total(pids):
    """All processes of a daemon together."""
    seen = [holds(pid) for pid in pids]
    return {what: sum(one[what] for one in seen) for what in WHAT}


def stopped(pids):
    """Threads that are stopped or traced, each with why."""
    found = []
    for pid in pids:
        for tid in os.listdir(f"/proc/{pid}/task"):
            try:
                text = read(f"/proc/{pid}/task/{tid}/status")
            except OSError:  # it has ended
                continue
            if re.search(r"^State:\s*[tT]", text, re.M) or number("TracerPid", text):
                found.append(f"thread {tid} of {pid}: " + re.search(r"State:.*", text)[0])
    return found
