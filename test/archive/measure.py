# SPDX-License-Identifier: Apache-2.0
"""What `graft diff` and `graft verify --against` say of a pair of packages, and what
that costs."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import archive
import catalogue

# Seconds for one call of graft; bytes of memory that it may use.
LIMIT = 300
MEMORY_LIMIT = 1536 << 20
# Exit statuses of `graft diff` that are verdicts.
VERDICTS = (0, 3, 4)


# A process starts with the peak memory of the one that it was forked from. So a small one
# stands in between, which waits and says: exit status, user and system seconds, KiB.
WAITER = """
import os, sys
pid = os.fork()
if pid == 0:
    os.close(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])
_, status, used = os.wait4(pid, 0)
os.write(int(sys.argv[1]), b"%d %f %f %d" % (os.waitstatus_to_exitcode(status),
         used.ru_utime, used.ru_stime, used.ru_maxrss))
"""


def read(file):
    file.seek(0)
    return file.read().decode(errors="replace")


class Usage:
    """How a command ended, what it printed and used."""

    def __init__(self, argv):
        with (tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err,
              tempfile.TemporaryFile() as said):
            start = time.monotonic()
            with subprocess.Popen([sys.executable, "-ISc", WAITER, str(said.fileno()), *argv],
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                  pass_fds=[said.fileno()], start_new_session=True) as child:
                try:
                    child.wait(LIMIT)
                except subprocess.TimeoutExpired:
                    os.killpg(child.pid, signal.SIGKILL)
            self.seconds = time.monotonic() - start
            self.out, self.err, used = (read(file) for file in (out, err, said))
        # Nothing was said: it ran out of time.
        status, user, system, kib = used.split() or (-signal.SIGKILL, LIMIT, 0, 0)
        self.status, self.cpu = int(status), float(user) + float(system)
        self.memory = int(kib) << 10

    def record(self):
        return {"status": self.status, "seconds": round(self.seconds, 3),
                "cpu": round(self.cpu, 3), "memory": self.memory}


def read_check(text):
    """What `verify --against` printed: path -> (whether it confirms, its words)."""
    found, path = {}, None
    for line in text.splitlines():
        head, _, word = line.rpartition(": ")
        if word in ("the same", "DIFFERENT") and not line.startswith(" "):
            path = head
            found[path] = [word == "the same", []]
        elif path and not found[path][0]:
            found[path][1].append(line)
    return {path: (good, "\n".join(words[:4])) for path, (good, words) in found.items()}


def holder(root, files, build_id):
    """The file of an unpacked package that has a build-id; None if there is none."""
    wanted = bytes.fromhex(build_id or "")
    for path in files if wanted else ():
        with open(f"{root}/{path}", "rb") as file:
            # The note stands with the headers, or behind a short interpreter's name.
            if wanted in file.read(1 << 16):
                return path
    return None


def measure_file(module, roots, files):
    """Compare one file alone: for its time and memory."""
    paths = [holder(root, some, module[f"{side}_build_id"]) for root, some, side
             in zip(roots, files, ("old", "new"))]
    if None in paths or module["old_build_id"] == module["new_build_id"]:
        return
    old, new = (f"{root}/{path}" for root, path in zip(roots, paths))
    module["size"] = os.path.getsize(new)
    module["alone"] = Usage([archive.GRAFT, "diff", old, new, "--json"]).record()


def measure(pair, roots, debs, files):
    """All that is kept of a pair of packages.

    @return a record; its `faults` are sentences, of which there must be none.
    """
    record = {"package": pair.name, "old": pair.old, "new": pair.new, "source": pair.source,
              "old_source": pair.old_source, "new_source": pair.new_source,
              "modules": [], "faults": []}
    with tempfile.TemporaryDirectory(prefix="graft-large.") as work:
        fix = f"{work}/fix.graft"
        done = Usage([archive.GRAFT, "diff", *debs, "-o", fix, "--json",
                      "--no-disk"])
        record["diff"] = done.record()
        if done.status not in VERDICTS:
            record["faults"].append(f"diff ended with {done.status}: {done.err.strip()[-300:]}")
            return record
        modules = record["modules"] = json.loads(done.out)["modules"]
        checked = {}
        if os.path.exists(fix):
            proof = Usage([archive.GRAFT, "verify", "--against", *debs, fix])
            record["verify"] = proof.record()
            checked = read_check(proof.out)
            if proof.status < 0 or (proof.status and all(c[0] for c in checked.values())):
                record["faults"].append(f"verify ended with {proof.status}: "
                                        f"{proof.err.strip()[-300:]}")
    for module in modules:
        measure_file(module, roots, files)
        if module["path"] in checked:
            module["confirmed"], module["difference"] = checked[module["path"]]
        note_faults(record, module)
    for what in ("diff", "verify"):
        if record.get(what, {}).get("memory", 0) > MEMORY_LIMIT:
            record["faults"].append(f"{what} used {record[what]['memory'] >> 20} MiB")
    return record


def note_faults(record, module):
    """Say what is wrong with what came out of one file, whatever the verdict."""
    path, faults = module["path"], record["faults"]
    alone = module.get("alone")
    if alone and alone["status"] not in VERDICTS:
        faults.append(f"{path}: diff of the file alone ended with {alone['status']}")
    if module["verdict"] == "hotpatch" and not module.get("confirmed"):
        faults.append(f"{path}: the checker does not confirm it: "
                      f"{module.get('difference', 'it says nothing')}")
    if module["verdict"] == "identical" and module.get("confirmed") is False:
        faults.append(f"{path}: identical, and the checker says: {module['difference']}")
    if module["verdict"] == "baseline" and not refusals(module):
        faults.append(f"{path}: baseline without a reason")


def refusals(module):
    """The reasons that refuse; the others are notes."""
    return [reason for reason in module["reasons"] if not reason.get("note")]


def fetch(pair):
    """Download and unpack both versions: roots, debs, files with code."""
    debs = [archive.download(pair.name, version) for version in (pair.old, pair.new)]
    roots = [archive.unpack(deb) for deb in debs]
    return roots, debs, [catalogue.code_files(root) for root in roots]
