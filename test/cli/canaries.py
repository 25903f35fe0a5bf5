# SPDX-License-Identifier: Apache-2.0
"""Many processes, of which one crashes, or the last one is refused."""
import contextlib
import os
import subprocess

from crowd import inside, one_line_of
from programs import answers, program
from stage import LONG, Victim, check, same, state_of, test, until

@test
def all_or_none_takes_back_all_if_the_last_one_is_refused(place):
    with contextlib.ExitStack() as stack:
        victims = [stack.enter_context(place.victim(1)) for _ in range(6)]
        last = max(victims, key=lambda victim: victim.pid)
        others = [victim for victim in victims if victim is not last]
        named = [word for victim in others + [last] for word in ("--pid", str(victim.pid))]

        def refused(why):
            for words in ["--all"], named:
                done = place.run("apply", place.patch, *words, "--all-or-none", "--wait", "1",
                                 status=4)
                same(done.stdout, "", "what was done")
                check(f"pid {last.pid} " in done.stderr and why in done.stderr, done.stderr)
                same(done.stderr.count(f"taken back, because process {last.pid}"), len(others),
                     "taken back")
                for victim in others:
                    same(place.states(victim.pid), ["reverted"], "state")
                for victim in victims:
                    victim.expect(False, 1)

        # At once, and when all others have long been done.
        with Victim(place.path("tracer"), str(last.pid)):
            refused("traced by process ")
        with inside(last):
            refused("R-13: ")
        place.run("apply", place.patch, "--all", "--all-or-none", status=0)
        for victim in victims:
            victim.expect(True, 1)


CRASHES = """
static int *where = 0;
static int calls;
int victim_answer(int x)
{
	calls++;
#ifdef NEW
	return x * 3 + 2 + (calls > 2 ? *(volatile int *)where : 0);
#else
	return x * 2 + 1;
#endif
}
"""
# The program that runs, of which this is the other half.
ASKS = """
#include <stdio.h>
int victim_answer(int x);
int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (getchar() != EOF)
		printf("answer %d\\n", victim_answer(5));
}
"""


@test
def a_canary_that_crashes_in_carried_code_ends_the_work(place):
    sources = [place.write("asks.c", ASKS.encode()), place.write("crashes.c", CRASHES.encode())]
    old, new, patch = (place.path(name) for name in ("asks-old", "asks-new", "crashes.graft"))
    for made, flags in (old, []), (new, ["-DNEW"]):
        subprocess.run(["gcc", "-O2", "-w", f"-Wl,--build-id=0x{os.urandom(20).hex()}", "-o", made,
                        *sources, *flags], check=True)
    place.run("diff", old, new, "-o", patch, status=0)
    with contextlib.ExitStack() as stack:
        victims = [stack.enter_context(Victim(old)) for _ in range(4)]
        for victim in victims:
            answers(victim, 11)
            answers(victim, 11)
        with place.start("apply", patch, "--all", "--canary", "2", "--watch", "600") as tool:
            until(lambda: sum(place.states(v.pid) == ["applied"] for v in victims) >= 2,
                  "no canaries were switched")
            canaries = [v for v in victims if place.states(v.pid) == ["applied"]]
            canaries[1].tell("")
            out, err = tool.communicate(timeout=5 * LONG)
        same(tool.returncode, 4, f"status ({out}{err})")
        said = [line for line in err.splitlines() if line.startswith("graft apply: pid ")]
        same(len(said), 2, err)
        for victim, words in ((canaries[1], "the canary ended by SIGSEGV, "),
                              (canaries[0], f"taken back, because canary {canaries[1].pid} (asks-")):
            check(any(f"pid {victim.pid} (" in line and words in line for line in said), err)
        check("help: See why it ended" in err, err)
        for victim in victims:
            if victim is not canaries[1]:
                answers(victim, 11)
                check(place.states(victim.pid) in ([], ["reverted"]), "its state")
        same(place.run("recover").returncode, 3, "nothing is left open")


LEADERLESS = """
static void *run(void *arg) { serve(); _exit(0); }
int main(void)
{
	pthread_t t;
	pthread_create(&t, NULL, run, NULL);
	pthread_exit(NULL);
}
"""


@test
def a_canary_whose_first_thread_has_exited_lives(place):
    with Victim(program(place, "leaderless-canary", LEADERLESS)) as victim:
        until(lambda: state_of(victim.pid) == "Z", "the leader lives")
        done = place.run("apply", place.patch, "--all", "--canary", "1", "--watch", "1", status=0)
        one_line_of(done.stdout, victim.pid, "applied")
        answers(victim, 17)
