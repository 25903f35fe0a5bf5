# SPDX-License-Identifier: Apache-2.0
"""Processes that the dynamic linker is not done with yet."""
import subprocess
import time

from programs import answers, program
from stage import LONG, Victim, check, one_line, same, state_of, test, until

# The dynamic linker asks for the address while it relocates this library, before those that
# come before it in its list: libvictim's slots hold no addresses then. Nothing that is itself
# relocated may be called, so it is two system calls.
SLOW = r"""
static int plain(void) { return 1; }
static long call(long nr, long fd, const void *bytes, long len)
{
	__asm__ volatile("syscall" : "+a"(nr) : "D"(fd), "S"(bytes), "d"(len)
			 : "rcx", "r11", "memory");
	return nr;
}
static void *choose(void)
{
	char c;
	call(1, 1, "ready\n", 6);
	call(0, 0, &c, 1);
	return plain;
}
__attribute__((visibility("hidden"), ifunc("choose"))) int chosen(void);
int (*slow_held)(void) = chosen;
int slow(void) { return slow_held(); }
"""
MAIN = r"""
int slow(void);
int main(void) { return slow() == 1 ? (serve(), 0) : 9; }
"""


def built(place):
    source = place.write("slow.c", SLOW.encode())
    library = place.path("libslow.so")
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
    return program(place, "loading", MAIN, library, f"-Wl,-rpath,{place.dir}")


def goes_on(victim):
    victim.process.stdin.write(b"x")
    same(victim.line(), "ready", "the program begins")


@test
def a_process_that_is_still_relocated_is_refused_with_what_would_help(place):
    with Victim(built(place)) as victim:
        start = time.monotonic()
        done = place.apply(victim.pid, "--wait", "0.3", status=4)
        took = time.monotonic() - start
        check(0.3 <= took < 5, f"it took {took:.2f} s")
        one_line(done, f"pid {victim.pid} ", "R-12: ", "the dynamic linker is not done")
        check("help: R-12: It starts, or loads a library." in done.stderr, done.stderr)
        same(state_of(victim.pid), "S", "its state")
        goes_on(victim)
        answers(victim, 11)
        place.apply(victim.pid)
        answers(victim, 17)


@test
def a_process_that_is_still_relocated_is_tried_again_until_it_is_loaded(place):
    made = built(place)
    for who in (("--all",), None):
        with Victim(made) as victim, Victim(made) as ready:
            goes_on(ready)
            words = who or ("--pid", str(victim.pid), "--pid", str(ready.pid))
            with place.start("apply", place.patch, *words, "--wait", "30") as tool:
                # The others do not wait for it.
                until(lambda: (ready.tell(""), ready.line())[1] == "answer 17", "nobody is switched")
                check(tool.poll() is None, "it does not wait")
                goes_on(victim)
                out, err = tool.communicate(timeout=LONG)
            same(tool.returncode, 0, f"status ({out}{err})")
            same(out.count(": applied"), 2, out)
            answers(victim, 17)
            place.revert(victim.pid)
            answers(victim, 11)


@test
def one_process_alone_that_is_still_relocated_is_tried_again(place):
    with Victim(built(place)) as victim:
        with place.start("apply", place.patch, "--pid", str(victim.pid), "--wait", "30") as tool:
            time.sleep(0.3)
            check(tool.poll() is None, "it does not wait")
            goes_on(victim)
            out, err = tool.communicate(timeout=LONG)
        same(tool.returncode, 0, f"status ({out}{err})")
        answers(victim, 17)
