# SPDX-License-Identifier: Apache-2.0
"""Processes that do odd things while they are worked on."""
import ctypes
import os
import random
import shutil
import signal
import subprocess
import threading
import time

from programs import answers, program, there_and_back
from stage import (LONG, READ, Victim, check, children_of, errors_in, one_line, same, state_of, status_of,
                   test, threads_in, until, works_on)


@test
def a_process_whose_first_thread_ended_is_done(place):
    made = program(place, "leaderless", """
static void *run(void *arg) { serve(); _exit(0); }
int main(void) { pthread_t t; pthread_create(&t, NULL, run, NULL); pthread_exit(NULL); }
""")
    with Victim(made) as victim:
        until(lambda: state_of(victim.pid) == "Z", "the leader lives")
        there_and_back(place, victim)


@test
def a_process_that_shares_its_memory_with_another_is_refused(place):
    made = program(place, "sharing", """
static char stack[65536] __attribute__((aligned(16)));
static int pipes[2];
static volatile int said;
static int run(void *arg)
{
	say("child %ld\\n", getpid());
	said = 1;
	victim_block(pipes[0]);
	_exit(0);
}
int main(void)
{
	if (pipe(pipes) != 0)
		return 1;
	clone(run, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
	while (!said)
		usleep(1000);
	serve();
}
""")
    with subprocess.Popen([made], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as p:
        child = int(p.stdout.readline().split()[1])
        try:
            same(p.stdout.readline(), b"ready\n", "ready")
            until(lambda: threads_in(child, READ, leader=True), "it does not block")
            done = place.apply(p.pid, "--wait", "0.2", status=4)
            one_line(done, str(p.pid), "R-23: process ", " (sharing) runs in the same memory")
            check("help: R-23: A child of vfork" in done.stderr, done.stderr)
            one_line(place.apply(child, "--wait", "0.2", status=4), str(child))
            os.kill(child, signal.SIGKILL)
            until(lambda: state_of(child) == "Z", "it does not end")
            place.apply(p.pid)
            p.stdin.write(b"\n")
            same(p.stdout.readline(), b"answer 17\n", "answer")
        finally:
            p.kill()


@test
def a_thread_that_waits_for_its_vfork_child_is_waited_for(place):
    made = program(place, "vforks", """
static volatile int enough;
static void *run(void *arg)
{
	if (vfork() == 0) {
		struct timespec t = { 0, 1000000 };
		while (!enough)
			syscall(SYS_nanosleep, &t, NULL);
		_exit(0);
	}
	pause();
}
int main(void)
{
	pthread_t t;
	char c;
	pthread_create(&t, NULL, run, NULL);
	say("ready\\n", 0);
	while (read(0, &c, 1) == 1) {
		enough |= c == 'e';
		if (c == '\\n')
			say("answer %ld\\n", victim_answer(5));
	}
}
""")
    with Victim(made) as victim:
        until(lambda: children_of(victim.pid), "it has no child")
        done = place.apply(victim.pid, "--wait", "0.1", status=None)
        check(done.returncode == 4, f"{done.returncode}: {done.stderr}")
        one_line(done, str(victim.pid))
        answers(victim, 11)
        same(status_of(victim.pid)["TracerPid"], "0", "tracer")
        with place.start("apply", place.patch, "--pid", str(victim.pid), "--wait",
                         "60") as tool:
            works_on(tool)
            victim.process.stdin.write(b"e")
            _, err = tool.communicate(timeout=5 * LONG)
        same(tool.returncode, 0, f"status ({err})")
        answers(victim, 17)


@test
def children_that_execute_another_program_while_all_are_reverted_are_left(place):
    """They inherited the hotpatch and its page; the memory that they have a moment later is not
    ours to write to."""
    made = program(place, "spawns", """
int main(void)
{
	long failed = 0;
	char c;
	say("ready\\n", 0);
	fcntl(0, F_SETFL, O_NONBLOCK);
	for (unsigned n = 0;; n++) {
		int status;
		ssize_t got = read(0, &c, 1);
		if (got == 0)
			return 0;
		if (got == 1)
			say("failed %ld\\n", failed);
		if (victim_answer(5) == 0)
			return 7;
		for (int i = 0; i < 4; i++) {
			if (fork() == 0) {
				usleep(n * 97 % 4000);
				execl("/bin/true", "true", NULL);
				_exit(4);
			}
		}
		while (waitpid(-1, &status, WNOHANG) > 0)
			failed += status != 0;
		usleep(1000);
	}
}
""")
    with Victim(made) as victim:
        for _ in range(25):
            place.run("apply", place.patch, "--all")
            done = place.run("revert", place.patch, "--all", status=0)
            check("address" not in done.stderr, done.stderr)
        victim.process.stdin.write(b"f")
        same(victim.line(), "failed 0", "children that ended otherwise")


@test
def a_thread_that_does_not_stop_is_named_with_its_system_call(place):
    made = program(place, "vforked", """
int main(void)
{
	say("ready\\n", 0);
	if (vfork() == 0) {
		char c;
		(void)!read(0, &c, 1);
		_exit(0);
	}
	serve();
}
""")
    with Victim(made) as victim:
        until(lambda: children_of(victim.pid), "it has no child")
        one_line(place.apply(victim.pid, "--wait", "0.1", status=4), str(victim.pid),
                 "did not stop in time", "system call vfork")
        victim.tell("")
        same(victim.line(), "ready", "the victim goes on")
        answers(victim, 11)


@test
def threads_that_come_and_go_all_the_time_are_no_obstacle(place):
    made = program(place, "storm", """
static void *born(void *arg)
{
	int got = victim_answer(5);
	if (got != 11 && got != 17)
		_exit(9);
	return NULL;
}
static void *run(void *arg)
{
	for (;;) {
		pthread_t t[8];
		for (int i = 0; i < 8; i++)
			if (pthread_create(&t[i], NULL, born, NULL) != 0)
				_exit(8);
		for (int i = 0; i < 8; i++)
			pthread_join(t[i], NULL);
		usleep(200);
	}
}
int main(void)
{
	pthread_t t;
	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, run, NULL);
	serve();
}
""")
    with Victim(made) as victim:
        for _ in range(10):
            there_and_back(place, victim)


@test
def stops_and_continues_of_a_shell_are_not_lost(place):
    with place.victim(3) as victim:
        ended = threading.Event()

        def toggle():
            dice = random.Random(7)
            while not ended.is_set():
                os.kill(victim.pid, dice.choice((signal.SIGSTOP, signal.SIGCONT)))
                time.sleep(dice.random() * 0.004)
            os.kill(victim.pid, signal.SIGSTOP)

        thread = threading.Thread(target=toggle)
        thread.start()
        try:
            for verb in ("apply", "revert") * 15:
                done = place.run(verb, place.patch, "--pid", str(victim.pid))
                check(done.returncode in (0, 3, 4), f"{verb}: {done.returncode}: {done.stderr}")
        finally:
            ended.set()
            thread.join()
        until(lambda: state_of(victim.pid) == "T", "it does not stop")
        os.kill(victim.pid, signal.SIGCONT)
        place.run("recover", "--wait", "30")
        victim.expect(place.states(victim.pid) == ["applied"], 3)


@test
def a_victim_that_is_killed_at_any_moment_hangs_nobody(place):
    dice = random.Random(3)
    for _ in range(40):
        with place.victim(6) as victim:
            verb = "apply"
            if dice.random() < 0.5:
                place.apply(victim.pid)
                verb = "revert"
            with place.start(verb, place.patch, "--pid", str(victim.pid)) as tool:
                time.sleep(dice.random() * 0.015)
                victim.process.kill()
                _, err = tool.communicate(timeout=5 * LONG)
            check(tool.returncode in (0, 4), f"{tool.returncode}: {err}")
            check(len(errors_in(err)) <= 1, err)
    same(place.run("recover").returncode in (0, 3), True, "recover")
    same(place.run("recover").returncode, 3, "nothing is left open")


@test
def a_program_that_starts_itself_anew_all_the_time_works(place):
    made = program(place, "again", """
int main(int argc, char **argv)
{
	int got = victim_answer(5);
	if (got != 11 && got != 17)
		_exit(9);
	usleep(rand() % 3000);
	fcntl(0, F_SETFL, O_NONBLOCK);
	char c;
	if (read(0, &c, 1) == 1) {
		fcntl(0, F_SETFL, 0);
		say("ready\\n", 0);
		while (read(0, &c, 1) == 1)
			say("answer %ld\\n", victim_answer(5));
	}
	execv(argv[0], argv);
	return 8;
}
""")
    with subprocess.Popen([made], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as p:
        try:
            for verb in ("apply", "revert") * 30:
                done = place.run(verb, place.patch, "--pid", str(p.pid), "--wait", "1")
                check(done.returncode in (0, 3, 4), f"{verb}: {done.returncode}: {done.stderr}")
                check(p.poll() is None, f"it ended: {p.poll()}")
            p.stdin.write(b"x")
            same(p.stdout.readline(), b"ready\n", "it works")
            place.run("recover", "--wait", "30")
        finally:
            p.kill()


@test
def a_library_under_any_name_is_found(place):
    made = program(place, "loads", """
int main(int argc, char **argv)
{
	void *lib = dlopen(argv[1], RTLD_NOW);
	if (!lib)
		return 1;
	int (*answer)(int) = dlsym(lib, "victim_answer");
	char c;
	say("ready\\n", 0);
	while (read(0, &c, 1) == 1)
		say("answer %ld\\n", answer(5));
}
""", "-Wl,--as-needed")
    # The program itself maps the library by its own name: another copy is loaded.
    subprocess.run(["gcc", "-O1", "-w", place.path("loads.c"), "-o", made, "-ldl",
                    "-Wl,--unresolved-symbols=ignore-all"], check=True)
    for name in (b"with space.so", b"line\nbreak.so", b"back\\012slash.so", b"x.so (deleted)",
                 b"esc\x1b[31m\xff.so", b"a" * 200 + b".so"):
        path = os.path.join(os.fsencode(place.dir), name)
        shutil.copy(place.old, path)
        with Victim(made, path) as victim:
            place.run("status", "--pid", str(victim.pid), status=0)
            there_and_back(place, victim)
        with Victim(made, path) as victim:
            os.unlink(path)
            # What stands there now must not be opened: it would wait for ever.
            os.mkfifo(path)
            there_and_back(place, victim)
        os.unlink(path)


@test
def a_library_in_memory_alone_is_found(place):
    made = program(place, "memfd", """
int main(int argc, char **argv)
{
	int fd = memfd_create("lib", 0), in = open(argv[1], O_RDONLY);
	char buf[65536], path[64];
	for (ssize_t n; (n = read(in, buf, sizeof(buf))) > 0;)
		write(fd, buf, n);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	void *lib = dlopen(path, RTLD_NOW);
	if (!lib)
		return 1;
	int (*answer)(int) = dlsym(lib, "victim_answer");
	char c;
	say("ready\\n", 0);
	while (read(0, &c, 1) == 1)
		say("answer %ld\\n", answer(5));
}
""")
    subprocess.run(["gcc", "-O1", "-w", place.path("memfd.c"), "-o", made,
                    "-Wl,--unresolved-symbols=ignore-all"], check=True)
    with Victim(made, place.old) as victim:
        there_and_back(place, victim)


@test
def another_module_in_the_place_of_the_old_one_is_not_touched(place):
    made = program(place, "swaps", """
int main(int argc, char **argv)
{
	char c, line[256];
	unsigned long start = 0, end = 0;
	void *lib = dlopen(argv[1], RTLD_NOW);
	int (*answer)(int) = dlsym(lib, "victim_answer");
	say("ready\\n", 0);
	while (read(0, &c, 1) == 1) {
		if (c == 'u') {
			FILE *maps = fopen("/proc/self/maps", "r");
			while (fgets(line, sizeof(line), maps)) {
				unsigned long a, b;
				if (strstr(line, "libvictim") && sscanf(line, "%lx-%lx", &a, &b) == 2) {
					start = start ? start : a;
					end = b;
				}
			}
			dlclose(lib);
			char *at = mmap((void *)start, end - start, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
			memset(at, 0x5a, end - start);
			say("swapped\\n", 0);
		} else if (c == 'c') {
			long bad = 0;
			for (char *p = (char *)start; p < (char *)end; p++)
				bad += *p != 0x5a;
			say("bad %ld\\n", bad);
		} else if (c != '\\n') {
			say("answer %ld\\n", answer(5));
		}
	}
}
""")
    subprocess.run(["gcc", "-O1", "-w", place.path("swaps.c"), "-o", made,
                    "-Wl,--unresolved-symbols=ignore-all"], check=True)
    with Victim(made, place.old) as victim:
        place.apply(victim.pid)
        victim.tell("a")
        same(victim.line(), "answer 17", "the answer")
        victim.tell("u")
        same(victim.line(), "swapped", "the victim")
        same(place.states(victim.pid), ["unloaded"], "state")
        done = place.revert(victim.pid, status=None)
        check(done.returncode in (0, 3, 4), f"{done.returncode}: {done.stderr}")
        done = place.apply(victim.pid, status=None)
        check(done.returncode in (3, 4), f"{done.returncode}: {done.stderr}")
        place.run("recover")
        victim.tell("c")
        same(victim.line(), "bad 0", "bytes that were changed")


@test
def processes_with_odd_settings_are_done_or_refused(place):
    libc = ctypes.CDLL(None)

    def setting(*numbers):
        return lambda: libc.prctl(*numbers)

    made = program(place, "plain", "int main(void) { serve(); }")
    for prefix, how in ((("setarch", "-R"), {}), (("setarch", "-L"), {}),
                        ((), {"preexec_fn": setting(38, 1, 0, 0, 0)}),  # no new privileges
                        (("nice", "-n", "19"), {}), (("chrt", "-f", "1"), {}),
                        (("unshare", "-U"), {}), (("prlimit", "--stack=unlimited"), {}),
                        (("env", "LD_BIND_NOW=1"), {}), (("prlimit", "--memlock=0"), {})):
        with Victim(*prefix, made, **how) as victim:
            there_and_back(place, victim)
    for name, code in (("undumpable", "prctl(PR_SET_DUMPABLE, 0);"),
                       ("locked", "mlockall(MCL_CURRENT | MCL_FUTURE);"),
                       ("refuses writes", "prctl(65, 1, 0, 0, 0);")):
        made = program(place, name, f"int main(void) {{ {code} serve(); }}")
        with Victim(made) as victim:
            there_and_back(place, victim)


@test
def a_process_that_stands_on_a_small_stack_is_done_or_refused(place):
    """All threads on stacks of the least size, with signals on another one."""
    made = program(place, "small", """
static char other[16384];
static void on(int sig) { victim_answer(1); }
static void *run(void *arg)
{
	stack_t s = { .ss_sp = other, .ss_size = sizeof(other) };
	if (arg)
		sigaltstack(&s, NULL);
	for (;;) {
		victim_answer(5);
		usleep(100);
	}
}
int main(void)
{
	struct sigaction a = { .sa_handler = on, .sa_flags = SA_ONSTACK | SA_RESTART };
	sigaction(SIGUSR1, &a, NULL);
	pthread_t t[3];
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	for (long i = 0; i < 3; i++)
		pthread_create(&t[i], &attr, run, (void *)(i == 0));
	serve();
}
""")
    with Victim(made) as victim:
        for _ in range(4):
            os.kill(victim.pid, signal.SIGUSR1)
            there_and_back(place, victim)
