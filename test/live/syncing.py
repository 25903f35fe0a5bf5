# SPDX-License-Identifier: Apache-2.0
"""`graft sync`: who runs old code is brought to what lies on disk, or it is said why not."""
import json
import os
import re
import shutil
import subprocess

from stage import (GRAFT, LONG, SOURCES, Skip, Victim, check, one_line, same, test,  # noqa: E402
                   works_on)

LIBRARY = "libvictim.so"


class Upgrade:
    """A folder with a program and its library, of which a new build comes."""

    def __init__(self, place, name, *flags):
        # Tests of other files have folders in the same place.
        name = f"sync-{name}"
        self.place, self.dir = place, place.path(name)
        os.makedirs(self.dir)
        shutil.copy(place.path("old/libvictim.so"), self.path(LIBRARY))
        place.cc("victim.c", f"{name}/victim", self.path(LIBRARY), f"-Wl,-rpath,{self.dir}",
                 "-pthread", *flags)

    def path(self, name):
        return os.path.join(self.dir, name)

    def put(self, content, name=LIBRARY):
        """As dpkg does: written beside, renamed."""
        shutil.copy(content, self.path(name + ".new"))
        os.rename(self.path(name + ".new"), self.path(name))

    def put_new(self):
        self.put(self.place.path("new/libvictim.so"))

    def start(self, threads=1, **how):
        return Victim(self.path("victim"), str(threads), **how)


def sync(place, pid, *more, status=None):
    return place.run("sync", "--pid", str(pid), *more, status=status)


def items(place, pid, *more, status=None):
    return json.loads(sync(place, pid, *more, "--json", status=status).stdout)["processes"]


def compile_library(place, to, source, *flags):
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-Wl,--build-id", "-x", "c", "-", "-o", to,
                    *flags], input=source, text=True, check=True)


@test
def what_two_people_put_in_the_place_of_one_file_is_for_each_his_own(place):
    ups = [Upgrade(place, f"people-{i}") for i in range(2)]
    with ups[0].start(1) as first, ups[1].start(1) as second:
        ups[0].put_new()
        # Another build of the same.
        place.cc("lib.c", "sync-people-1/other.so", "-shared", "-fPIC", "-O1", "-DNEW")
        os.rename(ups[1].path("other.so"), ups[1].path(LIBRARY))
        shutil.chown(ups[1].dir, 65534)
        done = place.run("sync", "--pid", str(first.pid), "--pid", str(second.pid), "--json")
        found = {i["pid"]: i for i in json.loads(done.stdout)["processes"]}
        same(found[first.pid]["action"], "hotpatched", f"the first: {found[first.pid].get('why')}")
        check("two others" not in found[second.pid].get("why", ""), found[second.pid])
        first.expect(True, 1)
        first.untouched()


@test
def after_an_upgrade_a_process_is_brought_to_the_new_code(place):
    up = Upgrade(place, "plain")
    with up.start(3) as victim:
        same(items(place, victim.pid, status=3), [], "old code before the upgrade")
        up.put_new()
        dry = items(place, victim.pid, "--dry-run", status=0)
        same([i["action"] for i in dry], ["would-hotpatch"], "what it would do")
        victim.expect(False, 3)
        same(place.states(victim.pid), [], "a dry run")
        done = items(place, victim.pid, status=0)
        same([(i["action"], i["functions"]) for i in done], [("hotpatched", 5)], "what it did")
        same(done[0]["files"][0]["path"], up.path(LIBRARY), "the file")
        victim.expect(True, 3)
        again = items(place, victim.pid, status=3)
        same([i["action"] for i in again], ["hotpatched-before"], "the second time")
        # What was applied is kept: its file is what the other verbs take.
        kept = f"{place.state}/hotpatches/{done[0]['id']}.graft"
        place.run("verify", kept, status=0)
        place.run("revert", kept, "--pid", str(victim.pid), status=0)
        victim.expect(False, 3)
        victim.untouched()


@test
def who_is_ahead_of_the_disk_is_named_and_left(place):
    """Applied before the upgrade came; and the upgrade is taken back."""
    up = Upgrade(place, "ahead")
    with up.start(1) as victim:
        def ahead(status=3):
            got = json.loads(sync(place, victim.pid, "--json", status=status).stdout)
            return [(a["pid"], a["id"], a["module"]) for a in got["ahead"]]
        same(ahead(), [], "who is ahead before")
        place.apply(victim.pid)
        mine = (victim.pid, place.id, up.path(LIBRARY))
        same(ahead(), [mine], "who is ahead of an upgrade that has not come")
        text = sync(place, victim.pid, status=3).stdout
        check(f"graft revert {place.id} --pid {victim.pid}" in text, text)
        up.put_new()
        same((ahead(), [i["action"] for i in items(place, victim.pid)]),
             ([], ["hotpatched-before"]), "after the upgrade")
        up.put(place.path("old/libvictim.so"))
        same(ahead(), [mine], "who is ahead where the upgrade is taken back")
        victim.expect(True, 1)
        place.revert(victim.pid)
        same(ahead(), [], "who is ahead afterwards")


@test
def the_same_content_at_the_path_is_no_old_code(place):
    up = Upgrade(place, "same")
    with up.start() as victim:
        up.put(place.path("old/libvictim.so"))
        same(items(place, victim.pid, status=3), [], "old code")
        # Nor another file under a name that ends as those of deleted files do.
        os.rename(up.path(LIBRARY), up.path("x"))
    odd = up.path("odd (deleted)")
    os.rename(up.path("x"), up.path(LIBRARY))
    shutil.copy(up.path("victim"), odd)
    with Victim(odd, "1") as victim:
        same(items(place, victim.pid, status=3), [], "old code of a program with an odd name")


@test
def what_needs_a_restart_is_said_with_its_reason_and_not_touched(place):
    up = Upgrade(place, "baseline")
    compile_library(place, up.path("other.so"),
                    open(os.path.join(SOURCES, "lib.c"), encoding="utf-8").read()
                    + "\n__attribute__((constructor)) static void more(void)"
                      " { __asm__ volatile(\"nop\"); }\n",
                    "-DNEW", f"-I{SOURCES}", "-fexceptions")
    with up.start() as victim:
        up.put(up.path("other.so"))
        for more in (["--dry-run"], []):
            got = items(place, victim.pid, *more, status=4)
            same([i["action"] for i in got], ["restart"], "what it says")
            check(re.search(rf"{LIBRARY}: R-05 ", got[0]["why"]), got[0]["why"])
            same(got[0]["restart"], f"restart process {victim.pid} (victim)", "what helps")
        text = sync(place, victim.pid, status=4).stdout
        check("needs a restart" in text and "to restart:\n" in text and "R-05" in text, text)
        victim.expect(False, 1)
        same(place.states(victim.pid), [], "what is in it")


@test
def a_file_for_which_nothing_stands_needs_a_restart(place):
    up = Upgrade(place, "gone")
    with up.start() as victim:
        os.unlink(up.path(LIBRARY))
        got = items(place, victim.pid, status=4)
        same([i["action"] for i in got], ["restart"], "what it says")
        check("nothing on disk stands for it" in got[0]["why"], got[0]["why"])
        # A folder, a pipe and a text are none either; nor does a pipe block.
        for make in (os.mkdir, os.mkfifo):
            make(up.path(LIBRARY))
            same([i["action"] for i in items(place, victim.pid, status=4)], ["restart"], "of it")
            (os.rmdir if make is os.mkdir else os.unlink)(up.path(LIBRARY))
        with open(up.path(LIBRARY), "w", encoding="utf-8") as file:
            file.write("no ELF file\n")
        same([i["action"] for i in items(place, victim.pid, status=4)], ["restart"], "of a text")
        victim.expect(False, 1)


@test
def a_library_of_another_name_stands_for_the_one_of_its_soname(place):
    folder = place.path("sync-soname")
    os.mkdir(folder)
    for side, name, flags in (("old", "libvictim.so.1.0", []), ("new", "libvictim.so.1.1", ["-DNEW"])):
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-Wl,--build-id", "-fexceptions",
                        "-Wl,-soname,libvictim.so.1", "-o", f"{folder}/{side}.{name}",
                        os.path.join(SOURCES, "lib.c"), *flags], check=True)
    os.rename(f"{folder}/old.libvictim.so.1.0", f"{folder}/libvictim.so.1.0")
    os.symlink("libvictim.so.1.0", f"{folder}/libvictim.so.1")
    place.cc("victim.c", "sync-soname/victim", f"{folder}/libvictim.so.1", f"-Wl,-rpath,{folder}",
             "-pthread")
    with Victim(f"{folder}/victim", "1") as victim:
        os.rename(f"{folder}/new.libvictim.so.1.1", f"{folder}/libvictim.so.1.1")
        os.unlink(f"{folder}/libvictim.so.1")
        os.symlink("libvictim.so.1.1", f"{folder}/libvictim.so.1")
        os.unlink(f"{folder}/libvictim.so.1.0")
        got = items(place, victim.pid, status=0)
        same((got[0]["action"], got[0]["files"][0]["new_path"]),
             ("hotpatched", f"{folder}/libvictim.so.1"), "what it did")
        victim.expect(True, 1)


TWO = """#include <stdio.h>
int one(int x);
int two(int x);
int main(void) {
	int x;
	puts("ready");
	fflush(stdout);
	while (scanf("%d", &x) == 1) { printf("%d\\n", one(x) + two(x)); fflush(stdout); }
}"""
ONE_OLD = "int one(int x) { return x * 3 + 1; }"
ONE_NEW = "int one(int x) { return x > 9 ? 0 : x * 3 + 2; }"
TWO_OLD = "volatile int n = 5; int two(int x) { return x * 20 * n; }"
TWO_NEW = "volatile int n = 5; int two(int x) { return x > 9 ? 0 : x * 40 * n; }"
TWO_BAD = "volatile int n = 7; int two(int x) { return x > 9 ? 0 : x * 40 * n; }"


@test
def what_came_together_goes_together_or_not_at_all(place):
    folder = place.path("sync-two")
    os.mkdir(folder)
    compile_library(place, f"{folder}/libone.so", ONE_OLD)
    compile_library(place, f"{folder}/libtwo.so", TWO_OLD)
    subprocess.run(["gcc", "-O2", "-x", "c", "-", "-o", f"{folder}/program", f"-L{folder}",
                    "-l:libone.so", "-l:libtwo.so", f"-Wl,-rpath,{folder}"], input=TWO, text=True,
                   check=True)
    with Victim(f"{folder}/program") as process:
        def ask():
            process.tell("2")
            return process.line()
        same(ask(), "207", "OLD's answer")
        compile_library(place, f"{folder}/x", ONE_NEW)
        os.rename(f"{folder}/x", f"{folder}/libone.so")
        compile_library(place, f"{folder}/x", TWO_BAD)
        os.rename(f"{folder}/x", f"{folder}/libtwo.so")
        got = items(place, process.pid, status=4)
        same([(i["action"], len(i["files"])) for i in got], [("restart", 2)], "with a bad half")
        same({f["verdict"] for f in got[0]["files"]}, {"hotpatch", "baseline"}, "verdicts")
        check("libtwo.so" in got[0]["why"], got[0]["why"])
        same(ask(), "207", "the answer")
        compile_library(place, f"{folder}/x", TWO_NEW)
        os.rename(f"{folder}/x", f"{folder}/libtwo.so")
        got = items(place, process.pid, status=0)
        same([i["action"] for i in got], ["hotpatched"], "both halves")
        same(ask(), "408", "NEW's answer")


@test
def a_newer_upgrade_takes_the_place_of_the_last_one(place):
    folder = place.path("sync-again")
    os.mkdir(folder)
    builds = [ONE_OLD, ONE_NEW, ONE_NEW.replace("* 3", "* 5")]
    compile_library(place, f"{folder}/libone.so", builds[0])
    compile_library(place, f"{folder}/libtwo.so", TWO_OLD)
    subprocess.run(["gcc", "-O2", "-x", "c", "-", "-o", f"{folder}/program", f"-L{folder}",
                    "-l:libone.so", "-l:libtwo.so", f"-Wl,-rpath,{folder}"], input=TWO, text=True,
                   check=True)
    with Victim(f"{folder}/program") as process:
        for build, answer in zip(builds, ("207", "208", "212")):
            if build is not builds[0]:
                compile_library(place, f"{folder}/x", build)
                os.rename(f"{folder}/x", f"{folder}/libone.so")
                same([i["action"] for i in items(place, process.pid, status=0)], ["hotpatched"],
                     "what it did")
            process.tell("2")
            same(process.line(), answer, "the answer")
        same(sorted(place.states(process.pid)), ["applied", "replaced"], "what is in it")


@test
def who_appears_while_it_works_is_found_too(place):
    """While it waits for a thread of one, the file of another is replaced."""
    first, second = Upgrade(place, "first"), Upgrade(place, "second")
    with first.start(1) as one, second.start(1) as other:
        one.block()
        first.put_new()
        tool = place.start("sync", "--json", "--wait", "120", stdout=subprocess.PIPE)
        works_on(tool)
        second.put_new()
        other.expect(False, 1)
        one.tell("free")
        same(one.line(), "unblocked 65", "OLD's answer")
        out, _ = tool.communicate(timeout=5 * LONG)
        same(tool.returncode, 0, f"status: {out}")
        got = json.loads(out)["processes"]
        same([(i["pid"], i["action"]) for i in got],
             [(one.pid, "hotpatched"), (other.pid, "hotpatched")], "what it did")
        check(got[0]["functions"] == got[1]["functions"] == 5, f"{got}")
        # What it was done by is said of both, whenever their turn was.
        for item in got:
            place.run("verify", f"{place.state}/hotpatches/{item['id']}.graft", status=0)
        one.expect(True, 1)
        other.expect(True, 1)


@test
def verdicts_are_kept_by_content_and_made_anew_where_they_are_damaged(place):
    up = Upgrade(place, "kept")
    cache = f"{place.state}/verdicts"
    with up.start() as one, up.start() as other:
        up.put_new()
        items(place, one.pid, "--dry-run", status=0)
        made = {name: os.stat(f"{cache}/{name}").st_mtime_ns for name in os.listdir(cache)}
        check(made, "no verdict was kept")
        items(place, other.pid, "--dry-run", status=0)
        same({name: os.stat(f"{cache}/{name}").st_mtime_ns for name in os.listdir(cache)}, made,
             "verdicts after a second look")
        for damage in (b"", b"no hotpatch", open(place.patch, "rb").read()[:-700]):
            for name in made:
                with open(f"{cache}/{name}", "wb") as file:
                    file.write(damage)
            same([i["action"] for i in items(place, one.pid, "--dry-run", status=0)],
                 ["would-hotpatch"], "with a damaged verdict")
        # A verdict of two other files under this name.
        compile_library(place, up.path("a.so"), ONE_OLD)
        compile_library(place, up.path("b.so"), ONE_NEW)
        place.run("diff", up.path("a.so"), up.path("b.so"), "-o", up.path("wrong.graft"), status=0)
        for name in made:
            shutil.copy(up.path("wrong.graft"), f"{cache}/{name}")
        same([i["action"] for i in items(place, one.pid, status=0)], ["hotpatched"], "then")
        one.expect(True, 1)
        other.expect(False, 1)


@test
def a_path_means_what_it_means_in_the_root_of_the_process(place):
    root = place.path("sync-croot")
    os.makedirs(root + "/lib")
    shutil.copy(place.path("old/libvictim.so"), f"{root}/lib/{LIBRARY}")
    subprocess.run(["gcc", "-O2", "-o", root + "/victim", os.path.join(SOURCES, "victim.c"),
                    f"-L{root}/lib", f"-l:{LIBRARY}", "-Wl,-rpath,/lib", "-pthread"], check=True)
    libs = subprocess.run(["ldd", place.path("old/victim")], capture_output=True, text=True).stdout
    for path in re.findall(r" (/lib\S+) \(|^\s(/lib64\S+) \(", libs, re.M):
        path = path[0] or path[1]
        os.makedirs(root + os.path.dirname(path), exist_ok=True)
        shutil.copy(os.path.realpath(path), root + path)
    with Victim("chroot", root, "/victim", "1") as victim:
        same(items(place, victim.pid, status=3), [], "old code before the upgrade")
        # A link that would lead out of that root leads nowhere.
        os.unlink(f"{root}/lib/{LIBRARY}")
        os.symlink(place.path("new/libvictim.so"), f"{root}/lib/{LIBRARY}")
        got = items(place, victim.pid, status=4)
        check("nothing on disk stands for it" in got[0]["why"], got[0]["why"])
        os.unlink(f"{root}/lib/{LIBRARY}")
        shutil.copy(place.path("new/libvictim.so"), f"{root}/lib/{LIBRARY}")
        got = items(place, victim.pid, status=0)
        same(got[0]["files"][0]["path"], f"/lib/{LIBRARY}", "the path")
        victim.expect(True, 1)


JAILED = """#include <stdio.h>
#include <unistd.h>
int one(int x);
int main(int argc, char **argv) {
	int x;
	if (argc < 2 || chroot(argv[1]) || chdir("/")) return 1;
	puts("ready");
	fflush(stdout);
	while (scanf("%d", &x) == 1) { printf("%d\\n", one(x)); fflush(stdout); }
}"""


@test
def who_called_chroot_after_it_loaded_has_the_files_of_before(place):
    folder = place.path("sync-jailed")
    os.makedirs(f"{folder}/jail/{folder}")
    compile_library(place, f"{folder}/libone.so", ONE_OLD)
    subprocess.run(["gcc", "-O2", "-x", "c", "-", "-o", f"{folder}/program", f"-L{folder}",
                    "-l:libone.so", f"-Wl,-rpath,{folder}"], input=JAILED, text=True, check=True)
    with Victim(f"{folder}/program", f"{folder}/jail") as process:
        same(items(place, process.pid, status=3), [], "old code before the upgrade")
        compile_library(place, f"{folder}/x", ONE_NEW)
        # What it would find there now is another one's.
        shutil.copy(f"{folder}/x", f"{folder}/jail/{folder}/libone.so")
        same(items(place, process.pid, status=3), [], "old code, by its own root")
        os.rename(f"{folder}/x", f"{folder}/libone.so")
        same([i["action"] for i in items(place, process.pid, status=0)], ["hotpatched"], "then")
        process.tell("2")
        same(process.line(), "8", "NEW's answer")


@test
def a_control_group_narrows_it_and_names_the_service(place):
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = [line.split() for line in file if " - cgroup2 " in line]
    if not mounts or not os.access(mounts[0][4], os.W_OK):
        raise Skip("no control groups of version 2 that can be written to")
    top = f"{mounts[0][4]}/graft-test-{os.getpid()}.slice"
    up = Upgrade(place, "units")
    groups = ["one.service", "two.service", "docker-" + "ab" * 32 + ".scope"]
    victims = []
    try:
        for group in groups:
            os.makedirs(f"{top}/{group}")
            victim = up.start()
            victims.append(victim)
            with open(f"{top}/{group}/cgroup.procs", "w", encoding="utf-8") as file:
                file.write(str(victim.pid))
        with open(f"/proc/{victims[0].pid}/cgroup", encoding="utf-8") as file:
            own = os.path.dirname(file.read().strip().rpartition("::")[2])
        up.put_new()
        def looked(*scope, status=0):
            return json.loads(place.run("sync", "--dry-run", "--json", *scope,
                                        status=status).stdout)
        got = looked("--cgroup", own)
        same([(i["pid"], i.get("unit", i.get("container"))) for i in got["processes"]],
             list(zip([v.pid for v in victims], ["one.service", "two.service", "ab" * 32])),
             "who is in the slice")
        same(looked("--cgroup", own + "/two.service")["looked_at"], 1, "who is in one group")
        same([i["pid"] for i in looked("--unit", "two")["processes"]], [victims[1].pid], "a unit")
        one_line(place.run("sync", "--dry-run", "--unit", "on", status=66), "unit on")
        one_line(place.run("sync", "--dry-run", "--cgroup", own + "/tw", status=66), "/tw")
        one_line(place.run("sync", "--dry-run", "--cgroup", "two", status=2), "'two'")
        place.run("sync", "--unit", "one.service", status=0)
        victims[0].expect(True, 1)
        victims[1].expect(False, 1)
    finally:
        for victim in victims:
            victim.__exit__()
        for group in groups:
            if os.path.isdir(f"{top}/{group}"):
                os.rmdir(f"{top}/{group}")
        if os.path.isdir(top):
            os.rmdir(top)


@test
def who_is_named_must_be_there_and_others_are_counted(place):
    one_line(sync(place, 999999, status=83), "999999")
    up = Upgrade(place, "others")
    with up.start() as victim:
        up.put_new()
        os.chmod(place.dir, 0o755)
        done = subprocess.run([GRAFT, "sync", "--dry-run", "--pid", str(victim.pid)], user=65533,
                              group=65533, extra_groups=[], text=True, capture_output=True,
                              env={**os.environ, "GRAFT_STATE_DIR": "/nonexistent"})
        same((done.returncode, "1 process could not be looked at; root (CAP_SYS_PTRACE) sees all" in done.stdout),
             (3, True), f"as somebody else: {done.stdout}{done.stderr}")
        # Root that lacks it is told so.
        pid = str(victim.pid)

        def without(*argv):
            return subprocess.run(["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace",
                                   GRAFT, *argv], text=True, capture_output=True, check=False,
                                  env={**os.environ, "GRAFT_STATE_DIR": place.state})
        said = json.loads(without("sync", "--json", "--pid", pid).stdout)
        same((said["looked_at"], said["not_looked_at"]), (0, 1), "looked at")
        text = without("sync", "--pid", pid).stdout
        check("could not be looked at; root (CAP_SYS_PTRACE) sees all" in text, text)
        text = without("apply", place.patch, "--pid", pid).stderr
        check("CAP_SYS_PTRACE is missing" in text, text)
        victim.expect(False, 1)


@test
def killed_at_any_point_it_can_be_run_again(place):
    up = Upgrade(place, "killed")
    with up.start(2) as victim:
        up.put_new()
        for point in ("file-write:1:kill", "file-rename:1:kill", "file-write:2:kill",
                      "file-rename:2:kill"):
            shutil.rmtree(place.state, ignore_errors=True)
            done = place.run("sync", "--pid", str(victim.pid), fault=point)
            same(done.returncode, -9, f"{point}: {done.stdout}{done.stderr}")
            victim.let_go()
            victim.expect(False, 2)
            same([i["action"] for i in items(place, victim.pid, status=0)], ["hotpatched"], point)
            victim.expect(True, 2)
            place.run("revert", json.loads(place.run("status", "--json").stdout)
                      ["processes"][0]["hotpatches"][0]["id"], "--all", status=0)
        # A disk that takes nothing costs the cache, and then refuses to apply.
        shutil.rmtree(place.state, ignore_errors=True)
        one_line(place.run("sync", "--pid", str(victim.pid), fault="file-write:2", status=73))
        victim.expect(False, 2)


HELD = ("graft-quarantine 1\nheld {} 1790000000000000 4711 11 victim {}\n")


@test
def what_is_in_quarantine_is_applied_to_nobody_until_it_is_released(place):
    up = Upgrade(place, "held")
    with up.start(1) as one, up.start(1) as other:
        up.put_new()
        done = items(place, one.pid, status=0)[0]["id"]
        shown = json.loads(place.run("show", f"{place.state}/hotpatches/{done}.graft", "--json",
                                     status=0).stdout)["modules"][0]
        changes = f"{shown['old_sha256']}:{shown['new_sha256']}"
        # By its id; and by what it does, whatever its id is.
        for held in ((done, "-"), ("0" * 32, changes)):
            with open(f"{place.state}/quarantine", "w", encoding="ascii") as file:
                file.write(HELD.format(*held))
            for how in (["--dry-run"], [], ["--unattended"]):
                got = items(place, other.pid, *how, status=4)
                same([i["action"] for i in got], ["refused"], "what sync says")
                check(f"graft daemon release {held[0]}" in got[0]["why"], got[0]["why"])
            one_line(place.run("apply", f"{place.state}/hotpatches/{done}.graft", "--pid",
                               str(other.pid), status=4), "quarantine", "signal 11")
            other.expect(False, 1)
        # What is damaged is not taken for an empty one.
        with open(f"{place.state}/quarantine", "w", encoding="ascii") as file:
            file.write("graft-quarantine 1\nheld")
        one_line(sync(place, other.pid, status=65), "quarantine", "line 2")
        other.expect(False, 1)
        with open(f"{place.state}/quarantine", "w", encoding="ascii") as file:
            file.write(f"graft-quarantine 1\nreleased {done} 1\n")
        same([i["action"] for i in items(place, other.pid, status=0)], ["hotpatched"], "released")
        other.expect(True, 1)


@test
def who_works_unattended_leaves_out_what_was_reverted_by_hand(place):
    up = Upgrade(place, "unattended")
    with up.start(1) as one, up.start(1) as other:
        up.put_new()
        done = items(place, one.pid, "--unattended", status=0)[0]["id"]
        place.run("revert", done, "--pid", str(one.pid), status=0)
        for victim in (one, other):
            got = items(place, victim.pid, "--unattended", status=4)
            check("was taken out" in got[0]["why"] and done in got[0]["why"], got[0]["why"])
            victim.expect(False, 1)
        # Somebody who is there to say so has it again; then it is wanted again.
        same([i["action"] for i in items(place, other.pid, status=0)], ["hotpatched"], "by hand")
        same([i["action"] for i in items(place, one.pid, "--unattended", status=0)],
             ["hotpatched"], "after that")
        gone = up.start(1)
        gone.__exit__()
        same(json.loads(sync(place, one.pid, "--pid", str(gone.pid), "--unattended", "--json",
                             status=3).stdout)["looked_at"], 1, "processes that were looked at")


def assemble(to, count, more):
    """A library of so many functions, each of which adds a number of its own and one more."""
    each = "".join(f".globl big_{i}\n.type big_{i}, @function\nbig_{i}:\n.cfi_startproc\n"
                   f"lea {i}(%rdi,%rsi), %rax\ncmp ${i + more}, %rsi\njg 1f\nneg %rax\n1: imul ${i + 3}, %rax, %rax\nret\n"
                   f".cfi_endproc\n.size big_{i}, .-big_{i}\n.balign 16\n" for i in range(count))
    subprocess.run(["gcc", "-shared", "-Wl,--build-id,-soname,libbig.so", "-x", "assembler", "-", "-o", to],
                   input=".section .note.GNU-stack,\"\",@progbits\n.text\n" + each, text=True, check=True)


@test
def a_pair_that_takes_too_long_to_compare_holds_up_nobody(place):
    big, up = Upgrade(place, "slow"), Upgrade(place, "beside-slow")
    assemble(big.path("libbig.so"), 40000, 0)
    place.cc("victim.c", "sync-slow/victim", "-Wl,--no-as-needed", big.path("libbig.so"), big.path(LIBRARY),
             f"-Wl,-rpath,{big.dir}", "-pthread")
    assemble(place.path("big.so"), 40000, 1)
    with big.start() as slow, up.start() as other:
        big.put(place.path("big.so"), "libbig.so")
        up.put_new()
        def bounded(limit):
            done = place.run("sync", "--pid", str(slow.pid), "--pid", str(other.pid), "--json",
                             prefix=("prlimit", limit))
            found = {i["pid"]: i for i in json.loads(done.stdout)["processes"]}
            same((found[slow.pid]["action"], found[other.pid]["action"][:10]),
                 ("restart", "hotpatched"), done)
            return found[slow.pid]["why"]
        why = bounded("--cpu=2:2")
        check("it took more than 1 s of processor time" in why, why)
        slow.expect(False, 1)
        slow.untouched()
        other.expect(True, 1)
        # That is known now, and for less; nobody compares again.
        cache = f"{place.state}/verdicts"
        name, = (n for n in os.listdir(cache) if n.endswith(".exceeded"))
        when = os.stat(f"{cache}/{name}").st_mtime_ns
        for limit in "--cpu=2:2", "--cpu=1:1":
            why = bounded(limit)
            check("more than 1 s of processor time, as an earlier run found" in why, why)
        same(os.stat(f"{cache}/{name}").st_mtime_ns, when, "when it was written")
        # What is damaged, or a day old, says nothing.
        for damage in b"", b"processor-seconds = -1\n", b"\0", None:
            if damage is None:
                os.utime(f"{cache}/{name}", (0, 0))
            else:
                with open(f"{cache}/{name}", "wb") as file:
                    file.write(damage)
            why = bounded("--cpu=2:2")
            check("it took more than 1 s of processor time" in why, why)
        # Where a bound was raised it is tried again.
        why = bounded("--as=100000000")
        check("it needs more than 95 MiB of memory" in why, why)
        why = bounded("--as=100000000")
        check("more than 95 MiB of memory, as an earlier run found" in why, why)
        # So many changes are refused for another reason.
        why = bounded("--as=unlimited")
        check("more than 16384" in why, why)
        check(not os.path.exists(f"{cache}/{name}"), "it is still said to be too much")
