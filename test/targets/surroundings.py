# SPDX-License-Identifier: Apache-2.0
"""What stands around a process: limits, pages, control groups."""
import contextlib
import os
import time

from programs import answers, program, there_and_back
from stage import Skip, Victim, check, one_line, same, status_of, test, until

GROUPS = "/sys/fs/cgroup"


@contextlib.contextmanager
def group(controller, mark):
    """A control group of our own; a Skip where the host lets us make none."""
    for base in (f"{GROUPS}/{controller}", GROUPS):
        path = f"{base}/graft-{os.getpid()}"
        if os.path.exists(f"{base}/cgroup.procs"):
            try:
                os.mkdir(path)
            except OSError as why:
                raise Skip(f"no control group can be made: {why}") from None
            if os.path.exists(f"{path}/{mark[0]}") or os.path.exists(f"{path}/{mark[1]}"):
                break
            os.rmdir(path)
    else:
        raise Skip(f"this host has no {controller} controller")
    try:
        yield path
    finally:
        for _ in range(600):
            with contextlib.suppress(OSError):
                os.rmdir(path)
                break
            time.sleep(0.05)


def put(path, names, value):
    for name in names:
        if os.path.exists(f"{path}/{name}"):
            with open(f"{path}/{name}", "w") as file:
                file.write(str(value))
            return
    raise Skip(f"{path} has none of {names}")


def is_frozen(path):
    """What the kernel says of a group: all that is in it stands."""
    if os.path.exists(f"{path}/freezer.state"):
        with open(f"{path}/freezer.state") as file:
            return file.read() == "FROZEN\n"
    with open(f"{path}/cgroup.events") as file:
        return "frozen 1\n" in file.read()


def number(path, *names):
    for name in names:
        if os.path.exists(f"{path}/{name}"):
            with open(f"{path}/{name}") as file:
                return int(file.read())
    raise Skip(f"{path} has none of {names}")


FILLS = r"""
int main(void)
{
	char c;
	static char *blocks[65536];
	int count = 0;
	say("ready\n", 0);
	while (read(0, &c, 1) == 1) {
		if (c == 'f') {
			char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			memset(p, 1, 65536);
			say("filled %ld\n", ++count);
		} else if (c == '\n') {
			say("answer %ld\n", victim_answer(5));
		}
	}
}
"""


MEMORY_LIMIT = ("memory.limit_in_bytes", "memory.max")
MEMORY_USAGE = ("memory.usage_in_bytes", "memory.current")


@test
def a_process_whose_memory_group_is_full_is_switched_or_refused_and_lives(place):
    made = program(place, "fills", FILLS)
    for room in (0, 4096, 16384, 65536, 1 << 20, 16 << 20):
        with group("memory", MEMORY_LIMIT) as path, Victim(made) as victim:
            put(path, ("cgroup.procs",), victim.pid)
            for _ in range(100):
                victim.process.stdin.write(b"f")
                victim.line()
            put(path, MEMORY_LIMIT, number(path, *MEMORY_USAGE) + room)
            answers(victim, 11)
            done = place.run("apply", place.patch, "--pid", str(victim.pid))
            check(victim.process.poll() is None, f"room {room}: it was killed")
            # In between, what CPUs charged in advance and give back decides.
            want = [4] if room <= 16384 else [0] if room == 16 << 20 else [0, 4]
            check(done.returncode in want, f"room {room}: {done.returncode}: {done.stderr}")
            enough = done.returncode == 0
            if not enough:
                one_line(done, str(victim.pid), f"memory group {path}: ", " are left and ")
            answers(victim, 17 if enough else 11)
            place.run("recover", "--pid", str(victim.pid))
            same(place.states(victim.pid), ["applied"] if enough else [], "state")


# It reads a file of 16 MiB, so that the pages of the file are its group's.
READS = r"""
int main(int argc, char **argv)
{
	static char block[65536];
	int fd = open(argv[1], O_RDONLY);
	say("ready\n", 0);
	(void)argc;
	for (char c; read(0, &c, 1) == 1;) {
		if (c == 'f') {
			long len = 0;
			for (long n; (n = read(fd, block, sizeof(block))) > 0;)
				len += n;
			say("read %ld\n", len);
		} else if (c == '\n') {
			say("answer %ld\n", victim_answer(5));
		}
	}
}
"""


@test
def a_process_whose_memory_group_is_full_of_pages_of_files_is_switched(place):
    made = program(place, "reads", READS)
    file = os.path.join(os.path.dirname(made), "pages")
    with open(file, "wb") as out:
        out.write(b"x" * (16 << 20))
        os.fsync(out.fileno())
        # What somebody else read or wrote is his: it has to be read anew.
        os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    with group("memory", MEMORY_LIMIT) as path, Victim(made, file) as victim:
        put(path, ("cgroup.procs",), victim.pid)
        before = number(path, *MEMORY_USAGE)
        victim.process.stdin.write(b"f")
        same(victim.line(), f"read {16 << 20}", "what it read")
        if number(path, *MEMORY_USAGE) - before < 8 << 20:
            raise Skip("the pages of files are not charged to who reads them here")
        put(path, MEMORY_LIMIT, number(path, *MEMORY_USAGE))
        there_and_back(place, victim)


@test
def a_process_that_is_frozen_is_refused_in_time_and_stays_frozen(place):
    made = program(place, "frozen", "int main(void) { serve(); }")
    marks = ("freezer.state", "cgroup.freeze")
    with group("freezer", marks) as path, Victim(made) as victim:
        old = os.path.exists(f"{path}/freezer.state")
        put(path, ("cgroup.procs",), victim.pid)
        put(path, marks, "FROZEN" if old else 1)
        try:
            until(lambda: is_frozen(path), "the group is not frozen")
            start = time.monotonic()
            done = place.run("apply", place.patch, "--pid", str(victim.pid), "--wait", "0.5",
                             status=4)
            check(time.monotonic() - start < 10, "it takes long")
            one_line(done, str(victim.pid))
            same(status_of(victim.pid)["TracerPid"], "0", "who traces it")
            until(lambda: is_frozen(path), "it does not stay frozen")
        finally:
            put(path, marks, "THAWED" if old else 0)
        there_and_back(place, victim)


@test
def a_process_that_may_not_make_memory_executable_is_switched(place):
    made = program(place, "denies", """
int main(void)
{
	if (prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0) != 0)
		return 7;
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0)
		return 8;
	serve();
}
""")
    with Victim(made) as victim:
        there_and_back(place, victim)


@test
def a_process_that_keeps_all_its_memory_in_place_is_switched(place):
    made = program(place, "locked", """
int main(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
		return 7;
	serve();
}
""")
    with Victim(made) as victim:
        there_and_back(place, victim)


# The code of the library copied into anonymous memory over its own place, in huge pages if
# there are any: what programs do that put their text into huge pages.
HUGE = r"""
int main(void)
{
	char line[512];
	unsigned long start = 0, end = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "libvictim") && strstr(line, "r-xp"))
			sscanf(line, "%lx-%lx", &start, &end);
	fclose(maps);
	size_t len = end - start;
	char *copy = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(copy, (void *)start, len);
	mprotect(copy, len, PROT_READ | PROT_EXEC);
	if (mremap(copy, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)start) == MAP_FAILED)
		return 7;
	madvise((void *)start, len, MADV_HUGEPAGE);
	serve();
}
"""


@test
def a_library_whose_code_was_moved_into_anonymous_pages_is_switched_or_refused(place):
    made = program(place, "huge", HUGE)
    with Victim(made) as victim:
        answers(victim, 11)
        done = place.run("apply", place.patch, "--pid", str(victim.pid))
        check(done.returncode in (0, 4), f"{done.returncode}: {done.stderr}")
        if done.returncode:
            one_line(done, str(victim.pid))
        answers(victim, 11 if done.returncode else 17)
        same(place.states(victim.pid), [] if done.returncode else ["applied"], "state")


# One thread runs at the lower end of memory of which the rest is made by another thread of
# the same process, when it is touched: a look at the stack never ends while both stand.
MAKES = r"""
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <ucontext.h>
static int maker;
static char *memory;
static ucontext_t outer, inner;
static void *make(void *arg)
{
	struct uffd_msg msg;
	while (read(maker, &msg, sizeof(msg)) == sizeof(msg)) {
		struct uffdio_zeropage page = {
			.range = { msg.arg.pagefault.address & -4096UL, 4096 }
		};
		ioctl(maker, UFFDIO_ZEROPAGE, &page);
	}
	return NULL;
}
static void often(void)
{
	for (;;) {
		int got = victim_answer(5);
		if (got != 11 && got != 17)
			_exit(9);
		usleep(1000);
	}
}
static void *run(void *arg)
{
	getcontext(&inner);
	inner.uc_stack.ss_sp = memory;
	inner.uc_stack.ss_size = 16384;
	makecontext(&inner, often, 0);
	swapcontext(&outer, &inner);
	return NULL;
}
int main(void)
{
	pthread_t t;
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register all = { .range.len = 1 << 20,
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	maker = syscall(SYS_userfaultfd, O_CLOEXEC);
	memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	all.range.start = (unsigned long)memory;
	int none = maker < 0 || ioctl(maker, UFFDIO_API, &api) || ioctl(maker, UFFDIO_REGISTER, &all);
	say("ready\n", 0);
	say(none ? "none\n" : "made\n", 0);
	pthread_create(&t, NULL, make, NULL);
	pthread_create(&t, NULL, run, NULL);
	for (char c; read(0, &c, 1) == 1;)
		say("answer %ld\n", victim_answer(5));
}
"""


@test
def a_stack_that_the_process_makes_itself_is_refused_in_time_and_it_lives(place):
    made = program(place, "makes", MAKES)
    with Victim(made) as victim:
        if victim.line() == "none":
            raise Skip("no userfaultfd here")
        answers(victim, 11)
        done = place.apply(victim.pid, "--wait", "1", status=4)
        one_line(done, "R-13", "userfaultfd", "undone")
        check("help: R-13: The process makes pages of a stack itself" in done.stderr, done.stderr)
        for tid in os.listdir(f"/proc/{victim.pid}/task"):
            with open(f"/proc/{victim.pid}/task/{tid}/status") as file:
                check("\nTracerPid:\t0\n" in file.read(), f"{tid} is traced")
        answers(victim, 11)
        same(place.states(victim.pid), [], "state")
        same(place.run("recover", "--pid", str(victim.pid)).returncode, 3, "nothing is left open")
