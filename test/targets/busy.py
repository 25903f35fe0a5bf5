# SPDX-License-Identifier: Apache-2.0
"""Processes that trace, trap, spawn, or go on without their first thread."""
from programs import answers, program, there_and_back
from stage import Victim, check, children_of, one_line, same, state_of, status_of, test, until

TRACES = r"""
#include <sys/ptrace.h>
/* Traces its child, which stops for ever anew: each stop is one more, in turn. */
static volatile long stops, wrong;
static pid_t child;
static void *traces(void *arg)
{
	child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		for (;;)
			raise(stops++ % 2 ? SIGUSR1 : SIGTRAP);
	}
	for (;;) {
		int status;
		if (waitpid(child, &status, __WALL) != child)
			wrong++;
		else if (!WIFSTOPPED(status) || WSTOPSIG(status) != (stops % 2 ? SIGUSR1 : SIGTRAP))
			wrong++;
		stops++;
		if (ptrace(PTRACE_CONT, child, NULL, NULL) != 0)
			wrong++;
		usleep(200);
	}
}
int main(void)
{
	pthread_t t;
	pthread_create(&t, NULL, traces, NULL);
	while (stops < 10)
		usleep(1000);
	say("ready\n", 0);
	for (char c; read(0, &c, 1) == 1;) {
		if (c == '\n') {
			say("answer %ld\n", victim_answer(5));
			continue;
		}
		say("%ld ", stops);
		say("%ld\n", wrong);
	}
}
"""


def goes_on(victim):
    """Asks for two numbers: how far it came, and how often it went wrong."""
    victim.process.stdin.write(b"e")
    far, wrong = (int(word) for word in victim.line().split())
    same(wrong, 0, "what went wrong")
    return far


def switched_while_it_goes_on(place, victim, rounds):
    before = goes_on(victim)
    for _ in range(rounds):
        there_and_back(place, victim)
    until(lambda: goes_on(victim) > before, "it does not go on")


@test
def a_process_that_traces_its_child_is_switched_and_the_child_refused(place):
    with Victim(program(place, "traces", TRACES)) as victim:
        switched_while_it_goes_on(place, victim, 10)
        child, = children_of(victim.pid)
        one_line(place.apply(child, "--wait", "0.2", status=4), str(child), str(victim.pid))
        tracer = int(status_of(child)["TracerPid"])
        same(status_of(tracer)["Tgid"], str(victim.pid), "who traces the child")
        switched_while_it_goes_on(place, victim, 2)


TRAPS = r"""
#include <ucontext.h>
static volatile long traps, faults, done, wrong;
static char *page;
static void on(int sig, siginfo_t *info, void *context)
{
	if (sig == SIGTRAP) {
		wrong += info->si_code != SI_KERNEL;
		traps++;
		return;
	}
	wrong += info->si_addr != page + 8 || info->si_code != SEGV_ACCERR;
	faults++;
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
}
static void *work(void *arg)
{
	for (;; done++) {
		__asm__ volatile("int3");
		mprotect(page, 4096, PROT_READ);
		*(volatile char *)(page + 8) = 1;
		if (traps != done + 1 || faults != done + 1)
			wrong++;
		if (done % 64 == 0)
			victim_answer(5);
	}
}
int main(void)
{
	pthread_t t;
	struct sigaction a = { .sa_sigaction = on, .sa_flags = SA_SIGINFO };
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaction(SIGTRAP, &a, NULL);
	sigaction(SIGSEGV, &a, NULL);
	pthread_create(&t, NULL, work, NULL);
	say("ready\n", 0);
	for (char c; read(0, &c, 1) == 1;) {
		if (c == '\n') {
			say("answer %ld\n", victim_answer(5));
			continue;
		}
		say("%ld ", done);
		say("%ld\n", wrong);
	}
}
"""


@test
def traps_and_faults_that_a_process_handles_come_once_each(place):
    with Victim(program(place, "traps", TRAPS)) as victim:
        switched_while_it_goes_on(place, victim, 15)


SPAWNS = r"""
#include <spawn.h>
extern char **environ;
static volatile long spawned, wrong;
static void *work(void *arg)
{
	for (;; spawned++) {
		char *argv[] = { "true", NULL };
		int status = 0;
		pid_t pid;
		if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) != 0 ||
		    waitpid(pid, &status, 0) != pid || status != 0)
			wrong++;
		usleep(5000);
	}
}
int main(void)
{
	pthread_t t;
	pthread_create(&t, NULL, work, NULL);
	say("ready\n", 0);
	for (char c; read(0, &c, 1) == 1;) {
		if (c == '\n') {
			say("answer %ld\n", victim_answer(5));
			continue;
		}
		say("%ld ", spawned);
		say("%ld\n", wrong);
	}
}
"""


@test
def a_process_that_spawns_others_all_the_time_is_switched_in_between(place):
    with Victim(program(place, "spawns-all", SPAWNS)) as victim:
        before = goes_on(victim)
        for verb, want in (("apply", 17), ("revert", 11)) * 8:
            # The stack of a child may come to where the shadow was to be: that is planned anew.
            place.run(verb, place.patch, "--pid", str(victim.pid), "--wait", "20", status=0)
            answers(victim, want)
            until(lambda: goes_on(victim) > before, f"it spawns nothing after {verb}")
            before = goes_on(victim)
        until(lambda: goes_on(victim) > before, "it does not go on")


LEADERLESS = r"""
static void *work(void *arg)
{
	for (;;) {
		int got = victim_answer(5);
		if (got != 11 && got != 17)
			_exit(9);
		usleep(500);
	}
}
static void *run(void *arg) { serve(); _exit(0); }
int main(void)
{
	pthread_t t;
	pthread_create(&t, NULL, run, NULL);
	for (long i = 0; i < 10; i++)
		pthread_create(&t, NULL, work, NULL);
	pthread_exit(NULL);
}
"""


@test
def ten_threads_whose_first_one_has_exited_all_switch(place):
    with Victim(program(place, "leaderless-ten", LEADERLESS)) as victim:
        until(lambda: state_of(victim.pid) == "Z", "the leader lives")
        for _ in range(5):
            there_and_back(place, victim)
        with open(f"/proc/{victim.pid}/status") as file:
            check("(zombie)" in file.read(), "the leader is no zombie")


@test
def what_the_environment_of_graft_names_need_not_be_there(place):
    with place.victim(2) as victim:
        for more in ({"TMPDIR": "/nowhere"}, {"HOME": "/nowhere"}, {"PATH": ""}, {"TMPDIR": ""}):
            place.apply(victim.pid, more=more)
            victim.expect(True, 2)
            place.revert(victim.pid, more=more)
            victim.expect(False, 2)
