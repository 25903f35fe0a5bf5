# SPDX-License-Identifier: Apache-2.0
"""What a process holds: what must not grow, however often it is hotpatched."""
import os
import re

# Kilobytes of its heap, of its own memory elsewhere, of private writable memory elsewhere
# that it may use, and how many mappings, descriptors and threads it has. Apart from the
# heap, for a daemon's own heap goes up and down by itself, and what is put into a process
# lies elsewhere.
WHAT = ("heap_kb", "anonymous_kb", "data_kb", "mappings", "descriptors", "threads")


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def number(name, text):
    return int(re.search(rf"^{name}:\s*(\d+)", text, re.M)[1])


def holds(pid):
    """One process, as numbers by name."""
    status = read(f"/proc/{pid}/status")
    heads, own, heap, heap_room = 0, 0, 0, 0
    for line in read(f"/proc/{pid}/smaps").splitlines():
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) ....\s", line)
        if head:
            heads += 1
            in_heap = line.endswith("[heap]")
            heap_room += in_heap * (int(head[2], 16) - int(head[1], 16)) // 1024
        elif line.startswith("Anonymous:"):
            kb = int(line.split()[1])
            own, heap = (own, heap + kb) if in_heap else (own + kb, heap)
    return {"heap_kb": heap, "anonymous_kb": own,
            "data_kb": number("VmData", status) - heap_room, "mappings": heads,
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
