# SPDX-License-Identifier: Apache-2.0
"""Where the file of a module lies, and what a process did to its mapping."""
import contextlib
import os
import re
import shutil
import subprocess

import executables
from programs import answers, program, there_and_back
from stage import Skip, Victim, check, children_of, one_line, same, state_of, test, until

LIBRARY = "libvictim.so"
LOADS = r"""
int main(int argc, char **argv)
{
	void *lib = dlopen(argv[1], RTLD_NOW);
	if (!lib)
		return 1;
	int (*answer)(int) = dlsym(lib, "victim_answer");
	char c;
	say("ready\n", 0);
	while (read(0, &c, 1) == 1)
		say("answer %ld\n", answer(5));
}
"""


def loader(place):
    """A program that loads a library from the path that it is given."""
    made = place.path("loader")
    if not os.path.exists(made):
        # It links to no library of ours: what `serve` names stays open and is never called.
        program(place, "loader", LOADS)
        subprocess.run(["gcc", "-O1", "-w", place.path("loader.c"), "-o", made,
                        "-Wl,--unresolved-symbols=ignore-all"], check=True)
    return made


@contextlib.contextmanager
def mounted(path, kind, options):
    """A file system of its own; a Skip where the kernel has none of that kind."""
    os.makedirs(path, exist_ok=True)
    done = subprocess.run(["mount", "-t", kind, "-o", options, kind, path], capture_output=True,
                          text=True)
    if done.returncode:
        raise Skip(f"no {kind} can be mounted: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


@contextlib.contextmanager
def overlay(place):
    """An overlay over a folder that holds the library: its top, and what is mounted."""
    for name in ("lower", "upper", "work"):
        shutil.rmtree(place.path(f"over/{name}"), ignore_errors=True)
        os.makedirs(place.path(f"over/{name}"))
    shutil.copy(place.old, place.path("over/lower"))
    options = ",".join(f"{name}dir=" + place.path(f"over/{name}")
                       for name in ("lower", "upper", "work"))
    with mounted(place.path("over/top"), "overlay", options) as top:
        yield f"{top}/{LIBRARY}", place.path(f"over/upper/{LIBRARY}")


@test
def a_library_on_an_overlay_is_switched_wherever_its_bytes_lie(place):
    with overlay(place) as (path, upper), Victim(loader(place), path) as victim:
        there_and_back(place, victim)
        # What it maps stays the lower one; at the path is a copy from now on.
        os.chmod(path, 0o700)
        check(os.path.exists(upper), "it was not copied up")
        there_and_back(place, victim)
        with Victim(loader(place), path) as second:
            there_and_back(place, second)
            os.unlink(path)
            check(not os.path.isfile(upper) and os.path.lexists(upper), "no white-out")
            for each in (victim, second):
                there_and_back(place, each)
        # Another file at the path is none of its business.
        shutil.copy(place.new, path)
        there_and_back(place, victim)
        place.apply(victim.pid)
        with Victim(loader(place), path) as third:
            one_line(place.apply(third.pid, status=4), str(third.pid), "R-14")


@test
def a_library_on_a_file_system_in_memory_or_that_is_read_only_is_switched(place):
    for options in ("", ",ro"):
        with mounted(place.path("memory"), "tmpfs", "size=4m") as folder:
            shutil.copy(place.old, folder)
            if options:
                subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
            with Victim(loader(place), f"{folder}/{LIBRARY}") as victim:
                there_and_back(place, victim)


SEALS = r"""
int main(void)
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");
	say("ready\n", 0);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start, end;
		if (strstr(line, "libvictim") && sscanf(line, "%lx-%lx", &start, &end) == 2 &&
		    syscall(462 /* mseal */, start, end - start, 0) != 0) {
			say("none\n", 0);
			return 0;
		}
		if (strstr(line, "libvictim") && strstr(line, "r-xp") &&
		    mprotect((void *)start, end - start, PROT_READ) == 0)
			return 7;
	}
	say("sealed\n", 0);
	for (char c; read(0, &c, 1) == 1;)
		say("answer %ld\n", victim_answer(5));
}
"""


@test
def a_library_whose_mappings_are_sealed_is_switched(place):
    with Victim(program(place, "seals", SEALS)) as victim:
        if victim.line() == "none":
            raise Skip("this kernel has no mseal(2)")
        there_and_back(place, victim)
        there_and_back(place, victim)


# Its children do not have the library: who touches it there dies of that.
LEAVES = r"""
int main(void)
{
	char line[512];
	unsigned long first = 0, last = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start, end;
		if (strstr(line, "libvictim") && sscanf(line, "%lx-%lx", &start, &end) == 2) {
			first = first ? first : start;
			last = end;
		}
	}
	fclose(maps);
	if (madvise((void *)first, last - first, MADV_DONTFORK) != 0)
		return 7;
	if (fork() == 0) {
		for (;;)
			pause();
	}
	serve();
}
"""


@test
def a_library_that_children_do_not_inherit_is_switched_in_the_parent_alone(place):
    # Bound at once: a look for a name would touch the library.
    with Victim(program(place, "leaves", LEAVES, "-Wl,-z,now")) as victim:
        child, = children_of(victim.pid)
        try:
            until(lambda: state_of(child) == "S", "the child does not sleep")
            with open(f"/proc/{child}/maps") as file:
                check(LIBRARY not in file.read(), "the child has it")
            there_and_back(place, victim)
            done = place.run("apply", place.patch, "--all", status=0)
            check(str(child) not in done.stdout + done.stderr, done)
            answers(victim, 17)
            same(place.states(child), [], "state of the child")
            done = place.apply(child, status=4)
            one_line(done, str(child))
        finally:
            os.kill(child, 9)


FILLER = r"""
__asm__(".section .text.zfill,\"ax\",@progbits\n\t.fill 8388608, 1, 0xcc\n\t.text\n");
"""


@test
def a_library_whose_code_lies_in_huge_pages_of_a_file_system_is_switched(place):
    made = executables.builds(place, "hugefile", [
        place.write("hugefile.c", (executables.ANSWER + FILLER).encode())],
        "-shared", "-fPIC", "-Wl,-z,max-page-size=0x200000", f"-Wl,-soname,{LIBRARY}")
    patch = place.path("hugefile/fix.graft")
    place.run("diff", *made, "-o", patch, status=0)
    with mounted(place.path("hugefiles"), "tmpfs", "huge=always") as folder:
        shutil.copy(made[0], f"{folder}/{LIBRARY}")
        with Victim(loader(place), f"{folder}/{LIBRARY}") as victim:
            with open(f"/proc/{victim.pid}/smaps") as file:
                huge = sum(int(n) for n in re.findall(r"(?:File|Shmem)PmdMapped:\s*(\d+)",
                                                      file.read()))
            if huge == 0:
                raise Skip("this kernel maps no code in huge pages")
            executables.goes(place, patch, victim)
            place.run("revert", patch, "--pid", str(victim.pid), status=0)
            answers(victim, 11)


GROWS = r"""
#include <sys/wait.h>
static int pipes[2];
static char *low;
__attribute__((noinline)) static long down(int n)
{
	volatile char room[4000];
	room[n % 4000] = (char)n;
	if (n == 0) {
		char c;
		low = (char *)room;
		return (int)read(pipes[0], &c, 1);
	}
	return down(n - 1) + room[n % 4000] * 0;
}
/* The function that changed is the farthest frame. */
static int all(void) { return down(200); }
static int run(void *arg)
{
	victim_call(all);
	for (;;)
		pause();
}
int main(void)
{
	enum { SIZE = 65536, ROOM = 64 << 20 };
	/* Room below it, so that it can grow: the kernel keeps a gap free. */
	char *at = mmap(NULL, ROOM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	munmap(at, ROOM);
	char *stack = mmap(at + ROOM - SIZE, SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	if (pipe(pipes) != 0 || stack == MAP_FAILED)
		return 7;
	if (clone(run, stack + SIZE, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
		  CLONE_THREAD | CLONE_SYSVSEM, NULL) == -1)
		return 8;
	while (!low)
		usleep(1000);
	if (low > stack)
		return 9;
	say("ready\n", 0);
	for (char c; read(0, &c, 1) == 1;) {
		if (c == 'o') {
			(void)!write(pipes[1], "a", 1);
			say("out\n", 0);
		} else {
			say("answer %ld\n", victim_answer(5));
		}
	}
}
"""


@test
def a_stack_that_grows_down_is_looked_through_to_its_end(place):
    with Victim(program(place, "grows", GROWS)) as victim:
        one_line(place.apply(victim.pid, "--wait", "0.2", status=4), "R-13", "victim_call")
        answers(victim, 11)
        victim.process.stdin.write(b"o")
        same(victim.line(), "out", "the thread")
        there_and_back(place, victim)
