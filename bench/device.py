# SPDX-License-Identifier: Apache-2.0
"""A repository of 10,000 files and some releases: what it costs to publish one more, and what a device
pays to find out that it has all."""
import os
import subprocess

from refresh import stage

import releasing  # noqa: E402  (beside stage)
import writer  # noqa: E402

FILES = 10000


def fill(w):
    """Add the files, all at once."""
    folder = w.path("many")
    os.makedirs(folder)
    for n in range(FILES):
        with open(f"{folder}/{n:05}.bin", "wb") as file:
            file.write(b"%d" % n)
    w.run("add", *(f"{folder}/{name}" for name in sorted(os.listdir(folder))), "--prefix", "pool/many/", "--key",
          w.key("targets"))


def measure(count, run_json, child):
    """Publish, update and refresh in turns; returns the least cost of each, and the bytes of all metadata."""
    place = stage.Place()
    try:
        w = writer.Writer(place).init("--bins", "16")
        releasing.two_months(w)
        fill(w)
        w.publish()
        state = w.path("state")
        os.makedirs(state)
        with open(f"{state}/device.conf", "w", encoding="utf-8") as file:
            file.write("baseline = 2026-10\nlevel = 2026-12\n")
        policy, config = w.write("policy", "space = 0\n"), w.write("graftd.conf", "")
        root = os.path.join(w.dir, "public/metadata/1.root.json")
        w.client()
        best = {}
        with writer.serving(os.path.join(w.dir, "public")) as url:
            commands = {
                "update": ([writer.GRAFT, "--state-dir", state, "update", "--config", config, "--policy", policy, "--from",
                            url, "--trusted-root", root], 3),
                "refresh": ([stage.PROGRAM, "--metadata-dir", w.path("client/metadata"), "--metadata-url",
                             f"{url}/metadata", "refresh"], 0),
            }
            for turn in range(count + 1):
                w.add("pool/one", f"{turn}")
                run = {"publish": (w.command("publish", "--key", w.online), 0), **commands}
                for name, (command, status) in run.items():
                    got = run_json(child, *command)
                    if got["status"] != status:
                        raise RuntimeError(f"{name} ended with {got['status']}: "
                                           f"{subprocess.run(command, capture_output=True, check=False).stderr}")
                    # The first turn fetches all releases.
                    if turn and (name not in best or got["cpu_us"] < best[name]["cpu_us"]):
                        best[name] = got
        folder = os.path.join(w.dir, "public/metadata")
        return best, sum(os.path.getsize(os.path.join(folder, n)) for n in os.listdir(folder))
    finally:
        place.remove()
        if place.state:
            stage.shutil.rmtree(place.state, ignore_errors=True)
