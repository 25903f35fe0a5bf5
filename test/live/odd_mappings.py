# SPDX-License-Identifier: Apache-2.0
"""`graft sync` where code that is mapped comes from no file, where files lie on layered or
read-only file systems, and where a file is replaced while it is read."""
import os
import shutil
import stat
import subprocess

from stage import Victim, check, same, test  # noqa: E402
from syncing import (LIBRARY, ONE_NEW, ONE_OLD, Upgrade, compile_library, items)  # noqa: E402

PROGRAM = """#include <stdio.h>
int one(int x);
int main(void) {
	int x;
	puts("ready");
	fflush(stdout);
	while (scanf("%d", &x) == 1) { printf("%d\\n", one(x)); fflush(stdout); }
}"""
# Code in memory that never was a file, and looks like one: it calls all of it.
FILELESS = """#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>
static const unsigned char code[] = { 0x7f, 'E', 'L', 'F', 0xb8, 42, 0, 0, 0, 0xc3 };
static int fill(char *at) { memcpy(at, code, sizeof(code)); return ((int (*)(void))(at + 4))() == 42; }
int main(void)
{
	int all = PROT_READ | PROT_WRITE | PROT_EXEC, ok;
	int fd = memfd_create("code (deleted)", 0), id = shmget(IPC_PRIVATE, 4096, 0700);
	if (fd < 0 || ftruncate(fd, 4096) < 0 || id < 0) return 1;
	ok = fill(mmap(0, 4096, all, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) &&
	     fill(mmap(0, 4096, all, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) &&
	     fill(mmap(0, 4096, all, MAP_SHARED, fd, 0)) && fill(shmat(id, 0, SHM_EXEC));
	shmctl(id, IPC_RMID, 0);
	if (!ok) return 1;
	puts("ready");
	fflush(stdout);
	return getchar() == EOF ? 0 : 1;
}"""
# Puts another file in the place of one, at the N-th read(2) or pread(2) of it: renamed
# over it, or written into it.
SWAP = """#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
static int done, passed;
static void look(int fd)
{
	struct stat a, b;
	const char *path = getenv("SWAP_PATH");
	if (done || stat(path, &a) || fstat(fd, &b) || a.st_ino != b.st_ino || a.st_dev != b.st_dev ||
	    ++passed < atoi(getenv("SWAP_AT")))
		return;
	done = 1;
	if (!getenv("SWAP_INTO")) { if (rename(getenv("SWAP_WITH"), path)) abort(); }
	else {
		static char bytes[1 << 20];
		int from = open(getenv("SWAP_WITH"), O_RDONLY), to = open(path, O_WRONLY | O_TRUNC);
		ssize_t (*real)(int, void *, size_t) = dlsym(RTLD_NEXT, "read");
		ssize_t n = real(from, bytes, sizeof(bytes));
		if (n <= 0 || write(to, bytes, n) != n) abort();
		close(from); close(to);
	}
	int said = open(getenv("SWAP_SAID"), O_WRONLY | O_CREAT, 0600);
	close(said);
}
ssize_t read(int fd, void *to, size_t len)
{
	ssize_t (*real)(int, void *, size_t) = dlsym(RTLD_NEXT, "read");
	look(fd);
	return real(fd, to, len);
}
ssize_t pread(int fd, void *to, size_t len, off_t at)
{
	ssize_t (*real)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, "pread");
	look(fd);
	return real(fd, to, len, at);
}
ssize_t pread64(int fd, void *to, size_t len, off_t at) { return pread(fd, to, len, at); }
"""


def build(source, to, *flags):
    subprocess.run(["gcc", "-O2", "-x", "c", "-", "-x", "none", "-o", to, *flags], input=source,
                   text=True, check=True)


def answer(process):
    process.tell("2")
    return process.line()


@test
def code_that_is_of_no_file_is_none_that_an_upgrade_replaced(place):
    program = place.path("fileless")
    build(FILELESS, program)
    with Victim(program) as process:
        anonymous = [line for line in process.maps() if "rwx" in line]
        same(len(anonymous), 4, "mappings of code without a file")
        check(any("/memfd:code (deleted)" in line for line in anonymous)
              and any("/SYSV" in line for line in anonymous), anonymous)
        same(items(place, process.pid, status=3), [], "what is found")
        # Nor does it keep anybody from being found: the program itself is replaced.
        shutil.copy("/bin/true", program + ".new")
        os.rename(program + ".new", program)
        got = items(place, process.pid, "--dry-run", status=4)
        same([f["path"] for i in got for f in i["files"]], [program], "what is found then")


def layered(place, name, script):
    """Run a shell script beside a process that runs OLD from a folder of a namespace's own."""
    folder = place.path(name)
    for one in ("lower", "upper", "work", "root"):
        os.makedirs(f"{folder}/{one}")
    compile_library(place, f"{folder}/lower/{LIBRARY}", ONE_OLD, f"-Wl,-soname,{LIBRARY}")
    compile_library(place, f"{folder}/new.so", ONE_NEW, f"-Wl,-soname,{LIBRARY}")
    build(PROGRAM, f"{folder}/lower/program", f"{folder}/lower/{LIBRARY}",
          f"-Wl,-rpath,{folder}/root")
    return Victim("unshare", "--mount", "sh", "-ec", script, "sh", folder), folder


def in_its_namespace(process, folder, script):
    subprocess.run(["nsenter", f"--mount=/proc/{process.pid}/ns/mnt", "sh", "-ec", script, "sh",
                    folder], check=True)


@test
def on_an_overlay_what_comes_over_a_lower_file_is_found(place):
    process, folder = layered(place, "over", 'mount -t overlay overlay -o '
                              '"lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$1/root"; '
                              'exec "$1/root/program"')
    with process:
        same(items(place, process.pid, status=3), [], "before the upgrade")
        # Copied up, not replaced: it holds the same.
        in_its_namespace(process, folder, f'touch "$1/root/{LIBRARY}"')
        same(items(place, process.pid, status=3), [], "of a file that was copied up")
        # Deleted: a whiteout stands above the lower file.
        in_its_namespace(process, folder, f'rm "$1/root/{LIBRARY}"')
        check(stat.S_ISCHR(os.lstat(f"{folder}/upper/{LIBRARY}").st_mode), "there is no whiteout")
        got = items(place, process.pid, status=4)
        check("nothing on disk stands for it" in got[0]["why"], got[0]["why"])
        in_its_namespace(process, folder, f'cp "$1/new.so" "$1/root/new"; '
                         f'mv "$1/root/new" "$1/root/{LIBRARY}"')
        same(answer(process), "7", "OLD's answer")
        got = items(place, process.pid, status=0)
        same([i["action"] for i in got], ["hotpatched"], "of what was replaced")
        same(answer(process), "8", "NEW's answer")


@test
def a_file_that_was_deleted_from_what_is_read_only_now_is_read(place):
    process, folder = layered(place, "sealed", 'mount -t tmpfs tmpfs "$1/root"; '
                              'cp "$1"/lower/* "$1/root"; exec "$1/root/program"')
    with process:
        in_its_namespace(process, folder, f'cp "$1/new.so" "$1/root/new"; '
                         f'mv "$1/root/new" "$1/root/{LIBRARY}"; mount -o remount,ro,bind "$1/root"')
        check([line for line in process.maps() if line.endswith(f"{LIBRARY} (deleted)")],
              "the old file is not deleted")
        got = items(place, process.pid, status=0)
        same([i["action"] for i in got], ["hotpatched"], "of what was replaced")
        same(answer(process), "8", "NEW's answer")


@test
def a_file_that_is_replaced_while_it_is_read_does_no_harm(place):
    swap = place.path("swap.so")
    build(SWAP, swap, "-shared", "-fPIC", "-ldl")
    up, said = Upgrade(place, "swapped"), place.path("swap-said")
    third = up.path("third.so")
    compiled = subprocess.run(["gcc", "-O2", "-Wl,--build-id", "-o", third,
                               os.path.join(os.path.dirname(__file__), "victims/lib.c"), "-DNEW",
                               "-DTHIRD", "-fexceptions", "-shared", "-fPIC"], check=False)
    same(compiled.returncode, 0, "a third build")
    with open(third, "ab") as file:
        file.write(b"another file")
    seen = set()
    for into in False, True:
        for at in range(1, 9):
            shutil.rmtree(place.state, ignore_errors=True)
            up.put(place.path("old/libvictim.so"))
            if os.path.exists(said):
                os.unlink(said)
            with up.start() as victim:
                up.put_new()
                shutil.copy(third, up.path("swap"))
                env = {"LD_PRELOAD": swap, "SWAP_PATH": up.path(LIBRARY), "SWAP_SAID": said,
                       "SWAP_WITH": up.path("swap"), "SWAP_AT": str(at),
                       **({"SWAP_INTO": "1"} if into else {})}
                done = place.run("sync", "--pid", str(victim.pid), "--json",
                                 prefix=("env", *(f"{k}={v}" for k, v in env.items())))
                check(done.returncode in (0, 4), f"read {at}: {done}")
                swapped = os.path.exists(said)
                # Whatever was said: it runs OLD or one of the two whole, and a second run settles it.
                if done.returncode == 4:
                    seen.add("replaced while" in done.stdout)
                    victim.expect(False, 1)
                else:
                    victim.expect(True, 1)
                victim.untouched()
                got = items(place, victim.pid)
                same(got[0]["action"][:10], "hotpatched", f"the next run, read {at}, {got}")
                victim.expect(True, 1)
                victim.untouched()
                if not swapped:
                    break
        check(at > 2, f"it is read only {at - 1} times")
    check(True in seen, f"never was a file replaced between its hash and its reading: {seen}")
