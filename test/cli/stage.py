# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command line share: a place with two builds, victims, and
the means to show that nothing changed."""
import contextlib
import glob
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "shared"))
import victim  # noqa: E402
from victim import (GRAFT, LONG, NANOSLEEP, NEW, OLD, READ, ROOT, SIGTIMEDWAIT,  # noqa: E402,F401
                    SOURCES, TESTS, Skip, build_id, check, children_of, errors_in, on_host, same, state_of,
                    test, threads_in, until, works_on)


def statuses():
    """The exit status of each error, by its wire name."""
    with open(os.path.join(ROOT, "src/base/errors.def")) as file:
        return {name: int(status) for name, status in
                re.findall(r'^GRAFT_ERROR\(\w+,\s*"([^"]+)",\s*(\d+),', file.read(), re.M)}


STATUS = statuses()


def printable(text, what):
    """Nothing that a terminal would obey."""
    bad = re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\udc80-\udcff]", text)
    check(not bad, f"{what} holds {bad[:4]!r}: {text!r}")


def one_line(done, *words):
    """An error is one line on standard error that names what it is about, and what would help."""
    lines = errors_in(done.stderr) or [""]
    check(len(lines) == 1 and lines[0], f"not one line: {done.stderr!r}")
    printable(done.stderr, "the error")
    check(done.stderr.startswith("graft"), f"who says it: {done.stderr!r}")
    for word in words:
        check(word in lines[0], f"{word!r} is not in {lines[0]!r}")


class Victim(victim.Victim):
    """A victim of which only that it works may be asked."""

    def works(self):
        """It answers, as OLD or as NEW; says which."""
        answer = self.ask()["answer"]
        check(answer in (OLD, NEW), f"the answer is {answer}")
        return answer


def status_of(pid):
    with open(f"/proc/{pid}/status", errors="replace") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def code_of(pid):
    """The mappings and a hash of all code of a process."""
    code = hashlib.sha256()
    maps = []
    with open(f"/proc/{pid}/maps", errors="surrogateescape") as file, \
            open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for line in file:
            if "[stack]" in line or "[heap]" in line:
                continue
            maps.append(line)
            start, end = (int(x, 16) for x in line.split()[0].split("-"))
            if "x" in line.split()[1] and "[vsyscall]" not in line:
                mem.seek(start)
                code.update(mem.read(end - start))
    return maps, code.hexdigest()


def tree_of(path):
    """Names, modes and hashes of the files of a directory."""
    out = {}
    below = glob.glob(os.path.join(glob.escape(path), "**", "*"), recursive=True)
    for name in sorted([path, *below] if os.path.lexists(path) else []):
        info = os.lstat(name)
        data = ""
        if os.path.isfile(name) and not os.path.islink(name):
            with open(name, "rb") as file:
                data = hashlib.sha256(file.read()).hexdigest()
        out[name] = (info.st_mode, data)
    return out


class Place:
    """A directory with both builds, the hotpatch and a state directory."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="graft-cli-")
        # Others than root must reach the files.
        os.chmod(self.dir, 0o755)
        self.state = self.path("state")
        # Build-ids of our own: --all must not mean the victims of another run.
        for side, flags in (("old", []), ("new", ["-DNEW"])):
            os.mkdir(self.path(side))
            self.cc("lib.c", f"{side}/libvictim.so", "-shared", "-fPIC",
                    "-Wl,-soname,libvictim.so.1", f"-Wl,--build-id=0x{os.urandom(20).hex()}",
                    *flags)
            os.symlink("libvictim.so", self.path(f"{side}/libvictim.so.1"))
            self.cc("victim.c", f"{side}/victim", self.path(f"{side}/libvictim.so"),
                    f"-Wl,-rpath,{self.path(side)}", "-pthread")
        self.cc("tracer.c", "tracer")
        self.old, self.new = self.path("old/libvictim.so"), self.path("new/libvictim.so")
        self.patch = self.path("fix.graft")
        done = self.run("diff", self.old, self.new, "-o", self.patch)
        if done.returncode:
            self.remove()
            raise SystemExit(f"Bail out! graft diff: {done.stdout}{done.stderr}")
        with open(self.patch, "rb") as file:
            self.bytes = file.read()
        self.id = json.loads(self.run("show", self.patch, "--json").stdout)["id"]

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def cc(self, source, to, *flags):
        subprocess.run(["gcc", "-O2", "-Wl,--build-id", "-o", self.path(to),
                        os.path.join(SOURCES, source), *flags], check=True)

    def env(self, state=None):
        env = dict(os.environ, GRAFT_STATE_DIR=state or self.state)
        for name in ("GRAFT_FAULT", "NO_COLOR", "GRAFT_DEBUG_DIR"):
            env.pop(name, None)
        return env

    def run(self, *argv, status=None, state=None, prefix=(), more=None, timeout=5 * LONG):
        """Run graft. Bytes that are no UTF-8 come out as surrogates."""
        done = subprocess.run([*prefix, GRAFT, *argv], capture_output=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, env={**self.env(state), **(more or {})})
        done.stdout = done.stdout.decode(errors="surrogateescape")
        done.stderr = done.stderr.decode(errors="surrogateescape")
        check(done.returncode >= 0, f"graft {argv} died of signal {-done.returncode}")
        if status is not None:
            same(done.returncode, status,
                 f"status of {' '.join(argv)!r} ({done.stdout}{done.stderr})")
        if argv[:1] == ("diff",) and not prefix and done.returncode in (0, 4):
            self.prove(argv)
        return done

    def prove(self, argv):
        """What `graft diff` made is proven against the two builds, by other means."""
        made = argv[argv.index("-o") + 1] if "-o" in argv else ""
        if os.path.isfile(made) and not any(word.startswith("-") for word in argv[1:3]):
            done = subprocess.run([GRAFT, "verify", "--against", *argv[1:3], made],
                                  capture_output=True, timeout=5 * LONG, env=self.env())
            same(done.returncode, 0, f"status of verify --against for {made!r} ("
                 f"{done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')})")

    def start(self, *argv, state=None):
        return subprocess.Popen([GRAFT, *argv], env=self.env(state), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def apply(self, pid, *more, status=0, **how):
        return self.run("apply", self.patch, "--pid", str(pid), *more, status=status, **how)

    def revert(self, pid, *more, status=0, **how):
        return self.run("revert", self.patch, "--pid", str(pid), *more, status=status, **how)

    def states(self, pid, **how):
        done = self.run("status", "--pid", str(pid), "--json", status=0, **how)
        return [h["state"] for p in json.loads(done.stdout)["processes"]
                for h in p["hotpatches"]]

    def victim(self, threads=0, side="old", **how):
        return Victim(self.path(f"{side}/victim"), str(threads), **how)

    def ledger(self):
        """What the ledger holds; None if there is none."""
        path = os.path.join(self.state, "ledger.db")
        if not os.path.exists(path):
            return None
        with contextlib.closing(sqlite3.connect(path)) as db:
            return db.execute("SELECT * FROM entry ORDER BY id").fetchall()

    @contextlib.contextmanager
    def unchanged(self, *pids):
        """Files, ledger, mappings and code are afterwards as they were before."""
        files = {name: tree_of(self.path(name)) for name in ("old", "new", "fix.graft")}
        ledger, locks = self.ledger() or [], tree_of(os.path.join(self.state, "locks"))
        before = {pid: code_of(pid) for pid in pids}
        yield
        for pid in pids:
            maps, code = code_of(pid)
            same(maps, before[pid][0], f"mappings of {pid}")
            same(code, before[pid][1], f"code of {pid}")
            status = status_of(pid)
            same(status.get("TracerPid"), "0", f"tracer of {pid}")
            check("tracing" not in status["State"], f"{pid} is {status['State']}")
        for name, tree in files.items():
            same(tree_of(self.path(name)), tree, f"files of {name}")
        same(self.ledger() or [], ledger, "the ledger")
        same([n for n in tree_of(os.path.join(self.state, "locks")) if n not in locks
              and not n.endswith("/locks")], [], "locks that are left")
