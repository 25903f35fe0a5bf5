# SPDX-License-Identifier: Apache-2.0
"""A repository of 10,000 targets on loopback, and what a refresh of it costs a client."""
import hashlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in "tuf", "shared":
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), "test", folder))
import stage  # noqa: E402

TARGETS = 10000


def measure(count, run_json, child):
    """Refresh from nothing but a root, and again; returns the least cost of each."""
    place = stage.Place()
    try:
        repo, client = place.begin()
        repo.with_hashes = True
        repo.says["targets"]["targets"] = {
            f"releases/GP-2026-{n:04}/module-{n}.graft":
            {"length": 100 * n, "hashes": {"sha256": hashlib.sha256(b"%d" % n).hexdigest()}}
            for n in range(TARGETS)}
        repo.publish("targets", "snapshot", "timestamp")
        best = [None, None]
        for _ in range(count):
            for role in "targets", "snapshot", "timestamp":
                if client.stored(role):
                    os.unlink(os.path.join(client.metadata_dir, f"{role}.json"))
            for which in 0, 1:
                got = run_json(child, stage.PROGRAM, "--metadata-dir", client.metadata_dir,
                               "--metadata-url", place.server.url("metadata"), "refresh")
                if got["status"] != 0:
                    raise RuntimeError(f"a refresh ended with {got['status']}")
                if not best[which] or got["cpu_us"] < best[which]["cpu_us"]:
                    best[which] = got
        return best, len(repo.metadata("targets"))
    finally:
        place.remove()
        if place.state:
            stage.shutil.rmtree(place.state, ignore_errors=True)
