# SPDX-License-Identifier: Apache-2.0
"""Names of carried code for perf(1): written as the user of the process, and nobody's file
but ours is touched."""
import os
import re
import shutil
import subprocess

from stage import GRAFT, Skip, Victim, check, one_line, same, test, until

MINE = re.compile(r"^([0-9a-f]+) ([0-9a-f]+) (.+) \[hotpatch ([0-9a-f]{12})\]$")

BUSY = """#include <stdio.h>
int victim_answer(int x);
int main(void) {
	puts("ready");
	fflush(stdout);
	// For most of the time it is elsewhere: whoever is always inside is refused (R-13).
	for (volatile int x = 5;;) {
		(void)victim_answer(x);
		for (volatile int i = 0; i < 100; i++)
			;
	}
}"""


def build_busy(place):
    busy = place.path("busy")
    subprocess.run(["gcc", "-O2", "-x", "c", "-", "-x", "none", "-o", busy,
                    f"-L{place.path('old')}", "-l:libvictim.so",
                    f"-Wl,-rpath,{place.path('old')},-rpath,/lib"],
                   input=BUSY, text=True, check=True)
    return busy


def map_of(pid, root=""):
    return f"{root}/tmp/perf-{pid}.map"


def lines_of(path):
    with open(path) as file:
        return file.read().splitlines()


class Absent:
    """The map of a number, which is not there before the test nor after it."""

    def __init__(self, pid):
        self.path = map_of(pid)

    def remove(self):
        if os.path.lexists(self.path):
            os.unlink(self.path)

    def __enter__(self):
        self.remove()
        return self.path

    def __exit__(self, *_):
        self.remove()


def name(place, pid, status=0):
    return place.run("perf-map", place.patch, "--pid", str(pid), status=status)


def samples(place, pid):
    """Where a process was for a second, of what perf calls victim_answer."""
    data = place.path("perf.data")
    subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "999", "-p", str(pid), "-o",
                    data, "--", "sleep", "1"], check=True, capture_output=True)
    seen = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym"], check=True,
                          capture_output=True, text=True).stdout
    return re.findall(r"^\s*([0-9a-f]+) victim_answer \[hotpatch", seen, re.M)


@test
def perf_finds_the_names_of_carried_code(place):
    if subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-o", place.path("perf.none"),
                       "true"], capture_output=True).returncode:
        raise Skip("this kernel gives perf no events")
    busy = build_busy(place)
    with Victim(busy) as victim, Absent(victim.pid) as path:
        place.apply(victim.pid)
        name(place, victim.pid)
        lines = [MINE.match(line) for line in lines_of(path)]
        check(lines and all(lines), f"{lines_of(path)}")
        same({line[4] for line in lines}, {place.id[:12]}, "whose they are")
        # A busy machine may let the process run for too short a time.
        found = until(lambda: samples(place, victim.pid), "no sample has its name")
        # What perf calls so is what the map says, and nothing else.
        at = next(line for line in lines if line[3] == "victim_answer")
        start, size = int(at[1], 16), int(at[2], 16)
        check(all(start <= int(ip, 16) < start + size for ip in found), "it is elsewhere")


@test
def the_map_goes_when_the_hotpatch_is_gone(place):
    with place.victim() as victim, Absent(victim.pid) as path:
        one_line(name(place, victim.pid, status=3), "not in the process")
        check(not os.path.lexists(path), "a map of nothing was made")
        place.apply(victim.pid)
        name(place, victim.pid)
        first = lines_of(path)
        name(place, victim.pid)
        same(lines_of(path), first, "what a second call writes")
        place.revert(victim.pid)
        done = place.run("perf-map", place.patch, "--pid", str(victim.pid))
        # Its memory may be kept for what points there; then the names are, too.
        if done.returncode == 3:
            check(not os.path.lexists(path), "the map stayed")
        else:
            same((done.returncode, lines_of(path)), (0, first), "what is kept")


LEADERLESS = """#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
int victim_answer(int x);
static void *rest(void *arg) {
	int x;
	puts("ready");
	fflush(stdout);
	while (scanf("%d", &x) == 1) { printf("%d\\n", victim_answer(x)); fflush(stdout); }
	return arg;
}
int main(void) {
	pthread_t thread;
	pthread_create(&thread, NULL, rest, NULL);
	pthread_exit(NULL);
}"""


@test
def the_map_of_a_process_without_a_leader_has_the_number_of_the_process(place):
    subprocess.run(["gcc", "-O2", "-pthread", "-x", "c", "-", "-x", "none", "-o",
                    place.path("leaderless"), place.path("old/libvictim.so"),
                    f"-Wl,-rpath,{place.path('old')}"], input=LEADERLESS, text=True, check=True)
    with Victim(place.path("leaderless")) as victim, Absent(victim.pid) as path:
        with open(f"/proc/{victim.pid}/stat", encoding="utf-8") as file:
            until(lambda: file.seek(0) or ") Z " in file.read(), "the leader goes on")
        place.apply(victim.pid)
        name(place, victim.pid)
        check(lines_of(path), "no names")


@test
def the_names_of_other_hotpatches_stay_while_they_are_there(place):
    with place.victim() as victim, Absent(victim.pid) as path:
        place.apply(victim.pid)
        name(place, victim.pid)
        mine = lines_of(path)
        start = mine[0].split()[0]
        with open(path, "a") as file:
            file.write(f"1000 20 gone [hotpatch {place.id[:12]}]\n"
                       f"{start} 10 other [hotpatch 0123456789ab]\n")
        name(place, victim.pid)
        same(lines_of(path), mine, "lines of what is not in the process")


@test
def a_file_that_is_not_ours_is_left_alone(place):
    with place.victim() as victim, Absent(victim.pid) as path:
        place.apply(victim.pid)
        secret = place.path("secret")
        for kind in ("jit", "half", "link", "dangling", "fifo", "directory"):
            with open(secret, "w") as file:
                file.write(f"1000 20 it [hotpatch {place.id[:12]}]\n")
            if kind == "jit":
                with open(path, "w") as file:
                    file.write("7f0000001000 40 LazyCompile:*f app.js:1\n")
            elif kind == "half":
                with open(path, "w") as file:
                    file.write(f"1000 20 it [hotpatch {place.id[:12]}]\nx\n")
            elif kind == "link":
                os.symlink(secret, path)
            elif kind == "dangling":
                os.symlink(place.path("nothing"), path)
            elif kind == "fifo":
                os.mkfifo(path)
            else:
                os.mkdir(path)
            before = os.lstat(path)
            done = place.run("perf-map", place.patch, "--pid", str(victim.pid))
            check(done.returncode == 4, f"{kind}: {done.returncode} {done.stderr}")
            one_line(done, str(victim.pid), os.path.basename(path))
            after = os.lstat(path)
            same((after.st_ino, after.st_size, after.st_mtime_ns),
                 (before.st_ino, before.st_size, before.st_mtime_ns), kind)
            same(os.path.getsize(secret), len(f"1000 20 it [hotpatch {place.id[:12]}]\n"), kind)
            check(not os.path.exists(place.path("nothing")), "it followed a link")
            os.rmdir(path) if kind == "directory" else os.unlink(path)


@test
def the_map_belongs_to_the_user_of_the_process(place):
    os.chmod(place.dir, 0o755)
    with Victim(place.path("old/victim"), "1", user=65534, group=65534,
                extra_groups=[]) as victim, Absent(victim.pid) as path:
        place.apply(victim.pid)
        name(place, victim.pid)
        found = os.stat(path)
        same((found.st_uid, found.st_gid, found.st_mode & 0o777), (65534, 65534, 0o644), "whose")
        # One of root's in its place is no file of that user.
        os.unlink(path)
        with open(path, "w"):
            pass
        one_line(name(place, victim.pid, status=4), "user 65534")
        os.unlink(path)
        # As somebody else nothing can be written there.
        done = subprocess.run([GRAFT, "perf-map", place.patch, "--pid", str(victim.pid)],
                              user=65533, group=65533, extra_groups=[], text=True,
                              capture_output=True, env=os.environ)
        check(done.returncode in (4, 86), f"{done.returncode} {done.stderr}")
        check(not os.path.lexists(path), "somebody else made a map")


@test
def it_is_written_in_the_root_of_the_process_under_its_own_number(place):
    root = place.path("root")
    os.makedirs(root + "/bin")
    busy = build_busy(place)
    shutil.copy(busy, root + "/bin/busy")
    libs = subprocess.run(["ldd", busy], capture_output=True, text=True,
                          check=True).stdout
    for path in re.findall(r"(/\S+) \(", libs):
        to = root + ("/lib" if path.startswith(place.dir) else os.path.dirname(path))
        os.makedirs(to, exist_ok=True)
        shutil.copy(os.path.realpath(path), f"{to}/{os.path.basename(path)}")
    outside = place.path("outside")
    os.mkdir(outside)
    # A root without /tmp, one in which it leads out, and a right one.
    for kind in ("none", "link", "own"):
        if kind == "link":
            os.symlink(outside, root + "/tmp")
        elif kind == "own":
            os.unlink(root + "/tmp")
            os.mkdir(root + "/tmp", 0o1777)
        with Victim("unshare", "--pid", "--fork", "chroot", root, "/bin/busy") as victim:
            with open(f"/proc/{victim.pid}/task/{victim.pid}/children") as file:
                pid = int(file.read().split()[0])
            with Absent(pid) as wrong:
                place.apply(pid)
                done = place.run("perf-map", place.patch, "--pid", str(pid))
                check(not os.path.lexists(wrong), "it is in our own root")
                same(os.listdir(outside), [], "what a link led to")
                if kind == "own":
                    same((done.returncode, os.listdir(root + "/tmp")), (0, ["perf-1.map"]), kind)
                else:
                    check(done.returncode, f"{kind}: {done.stdout}")
                    one_line(done, str(pid), "/tmp")
            os.kill(pid, 9)
