# SPDX-License-Identifier: Apache-2.0
"""Processes of containers and chroots: who they are, and that content decides."""
import contextlib
import json
import os
import re
import shutil
import subprocess

from stage import Skip, Victim, check, same, test  # noqa: E402
from syncing import (JAILED, LIBRARY, ONE_NEW, ONE_OLD, Upgrade, compile_library,  # noqa: E402
                     items)  # noqa: E402

CONTAINER = "ab12" * 16


@contextlib.contextmanager
def groups(names):
    """Control groups below one of ours; yields a call that moves a process there."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = [line.split() for line in file if " - cgroup2 " in line]
    if not mounts or not os.access(mounts[0][4], os.W_OK):
        raise Skip("no control groups of version 2 that can be written to")
    top = f"{mounts[0][4]}/graft-test-status-{os.getpid()}.slice"

    def move(pid, name):
        with open(f"{top}/{name}/cgroup.procs", "w", encoding="utf-8") as file:
            file.write(str(pid))
    try:
        for name in names:
            os.makedirs(f"{top}/{name}")
        yield move
    finally:
        for name in names:
            os.rmdir(f"{top}/{name}")
        os.rmdir(top)


@test
def status_names_the_unit_or_the_container_of_each_process(place):
    names = ["one.service", f"docker-{CONTAINER}.scope"]
    with groups(names) as move, place.victim() as one, place.victim() as two, \
            place.victim() as other:
        for victim, name in zip((one, two), names):
            move(victim.pid, name)
        for victim in (one, two, other):
            place.apply(victim.pid)
        pids = [word for v in (one, two, other) for word in ("--pid", str(v.pid))]
        got = {p["pid"]: (p.get("unit"), p.get("container"))
               for p in json.loads(place.run("status", *pids, "--json", status=0).stdout)["processes"]}
        same([got[one.pid], got[two.pid]], [("one.service", None), (None, CONTAINER)], "as JSON")
        same(got[other.pid][1], None, "the container of who is in none")
        text = place.run("status", *pids, status=0).stdout
        for words in (rf"^one\.service +{one.pid} ", rf"^container {CONTAINER[:12]} +{two.pid} "):
            check(re.search(words, text, re.M), f"{words} is not in {text}")


def make_root(root, program, library):
    """A folder that a program of one library can have as its root."""
    os.makedirs(root + "/lib")
    shutil.copy(library, f"{root}/lib/{LIBRARY}")
    subprocess.run(["gcc", "-O2", "-o", root + "/program", "-x", "c", "-", "-x", "none",
                    f"{root}/lib/{LIBRARY}", "-Wl,-rpath,/lib"], input=program, text=True, check=True)
    libs = subprocess.run(["ldd", shutil.which("cat")], capture_output=True, text=True).stdout
    for path in (p[0] or p[1] for p in re.findall(r" (/lib\S+) \(|^\s(/lib64\S+) \(", libs, re.M)):
        os.makedirs(root + os.path.dirname(path), exist_ok=True)
        shutil.copy(os.path.realpath(path), root + path)


PROGRAM = """#include <stdio.h>
int one(int x);
int main(void) {
	int x;
	puts("ready");
	fflush(stdout);
	while (scanf("%d", &x) == 1) { printf("%d\\n", one(x)); fflush(stdout); }
}"""
# Another program under the build-id of OLD.
FORGED = "volatile int n = 9; int one(int x) { return x * n; }"


@test
def a_container_that_forges_a_build_id_gets_the_verdict_of_its_own_bytes(place):
    folder = place.path("containers")
    os.mkdir(folder)
    name = "-Wl,--build-id=0x" + "0123456789abcdef0123456789abcdef01234567"
    compile_library(place, f"{folder}/old.so", ONE_OLD, name, f"-Wl,-soname,{LIBRARY}")
    compile_library(place, f"{folder}/forged.so", FORGED, name, f"-Wl,-soname,{LIBRARY}")
    compile_library(place, f"{folder}/new.so", ONE_NEW, f"-Wl,-soname,{LIBRARY}")
    with contextlib.ExitStack() as stack:
        inside = {}
        for each in ("old", "forged"):
            root = f"{folder}/root-{each}"
            make_root(root, PROGRAM, f"{folder}/{each}.so")
            # Namespaces of mounts and processes, as a container has them.
            inside[each] = stack.enter_context(Victim(
                "unshare", "--mount", "--pid", "--fork", "--kill-child", "chroot", root, "/program"))
            shutil.copy(f"{folder}/new.so", f"{root}/lib/new")
            os.rename(f"{root}/lib/new", f"{root}/lib/{LIBRARY}")
        pids = {}
        for each, victim in inside.items():
            with open(f"/proc/{victim.pid}/task/{victim.pid}/children", encoding="ascii") as file:
                pids[each] = int(file.read().split()[0])
        got = items(place, pids["old"], status=0)
        same([(i["action"], i["files"][0]["path"]) for i in got],
             [("hotpatched", f"/lib/{LIBRARY}")], "of who runs OLD")
        got = items(place, pids["forged"], status=4)
        same([i["action"] for i in got], ["restart"], "of who only says so")
        for each, answer in (("old", "8"), ("forged", "18")):
            inside[each].tell("2")
            same(inside[each].line(), answer, f"the answer of {each}")


@test
def who_called_chroot_in_a_namespace_of_its_own_needs_a_restart(place):
    folder = place.path("sync-hidden")
    os.makedirs(f"{folder}/jail")
    compile_library(place, f"{folder}/libone.so", ONE_OLD)
    subprocess.run(["gcc", "-O2", "-x", "c", "-", "-o", f"{folder}/program", f"-L{folder}",
                    "-l:libone.so", f"-Wl,-rpath,{folder}"], input=JAILED, text=True, check=True)
    with Victim("unshare", "--mount", f"{folder}/program", f"{folder}/jail") as process:
        same(items(place, process.pid, status=3), [], "old code before the upgrade")
        compile_library(place, f"{folder}/x", ONE_NEW)
        os.rename(f"{folder}/x", f"{folder}/libone.so")
        got = items(place, process.pid, status=4)
        same([i["action"] for i in got], ["restart"], "what it says")
        check("chroot in a mount namespace of its own" in got[0]["why"], got[0]["why"])


@test
def verdicts_that_others_could_have_written_are_not_believed(place):
    up = Upgrade(place, "others-verdicts")
    cache = f"{place.state}/verdicts"
    with up.start() as victim:
        up.put_new()
        shutil.rmtree(cache, ignore_errors=True)
        items(place, victim.pid, "--dry-run", status=0)
        kept = [f"{cache}/{name}" for name in os.listdir(cache)]
        same(len(kept), 1, "verdicts")
        # One that says that nothing has changed, under the right name.
        place.run("diff", up.path(LIBRARY), up.path(LIBRARY), "-o", up.path("none.graft"))
        before = os.stat(kept[0])
        def looked():
            return os.stat(kept[0]).st_atime_ns != 0
        for spoil in (lambda: os.chmod(cache, 0o777), lambda: os.chown(cache, 65533, 65533)):
            spoil()
            os.utime(kept[0], ns=(0, before.st_mtime_ns))
            same([i["action"] for i in items(place, victim.pid, "--dry-run", status=0)],
                 ["would-hotpatch"], "what it says")
            same((os.stat(kept[0]).st_ino, looked()), (before.st_ino, False), "the verdict that is kept")
            os.chmod(cache, 0o700)
        os.chown(cache, 0, 0)
        items(place, victim.pid, "--dry-run", status=0)
        check(looked(), "it is not read by its owner either")
