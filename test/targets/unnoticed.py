# SPDX-License-Identifier: Apache-2.0
"""What a process and its parent may notice of a switch: nothing."""
import fcntl
import os
import re
import select
import signal
import subprocess
import termios
import time

from programs import answers, program, there_and_back
from stage import LONG, Skip, Victim, check, children_of, same, state_of, test, until

# A job of a shell: it ends if it answers otherwise than OLD or NEW.
JOB = """
int main(void)
{
	for (;;) {
		int got = victim_answer(5);
		if (got != 11 && got != 17)
			_exit(9);
		usleep(1000);
	}
}
"""


class Shell:
    """An interactive bash on a terminal of its own."""

    def __init__(self):
        self.master, slave = os.openpty()

        def own_terminal():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"], stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True, preexec_fn=own_terminal,
            env={**os.environ, "PS1": "<> ", "PROMPT_COMMAND": "", "TERM": "dumb"})
        os.close(slave)
        self.text = ""
        self.say("set -b; bind 'set enable-bracketed-paste off' 2>/dev/null; echo a''b")
        self.hears("ab\r\n")

    def say(self, line):
        os.write(self.master, line.encode() + b"\n")

    def reads(self, seconds=0.0):
        """What it wrote until now, and in the next seconds."""
        end = time.monotonic() + seconds
        while select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
            self.text += os.read(self.master, 65536).decode(errors="replace")
        return self.text

    def hears(self, words):
        """Waits for words, and returns all that came since the last time."""
        until(lambda: words in self.reads(0.05), f"the shell does not write {words!r}")
        text, self.text = self.text, ""
        return text

    def jobs(self):
        """What it says of its jobs."""
        self.say("jobs; echo e''nd")
        return self.hears("end\r\n")

    def job(self):
        """The one process that it started."""
        until(lambda: len(children_of(self.process.pid)) == 1, "the job does not begin")
        return children_of(self.process.pid)[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in children_of(self.process.pid):
            os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def rounds(place, pid, count):
    for verb in ("apply", "revert") * count:
        place.run(verb, place.patch, "--pid", str(pid), status=0)


@test
def a_shell_is_told_of_no_stop_of_its_jobs(place):
    made = program(place, "job", JOB)
    with Shell() as shell:
        shell.say(f"{made} & echo st''arted")
        shell.hears("started\r\n")
        job = shell.job()
        until(lambda: state_of(job) == "S", "the job does not run")
        rounds(place, job, 5)
        text = shell.reads(0.2) + shell.jobs()
        check("Stopped" not in text and "Done" not in text, text)
        check(re.search(r"\[1\].*Running", text), text)
        # In the foreground: the shell has the terminal again if it believes it stopped.
        shell.say("fg %1")
        until(lambda: os.tcgetpgrp(shell.master) == os.getpgid(job), "it is not in front")
        shell.reads(0.1)
        shell.text = ""
        rounds(place, job, 5)
        same((shell.reads(0.2), os.tcgetpgrp(shell.master)), ("", os.getpgid(job)),
             "what the shell wrote, and who is in front")
        # A real stop is told, stays, and goes on.
        os.write(shell.master, b"\x1a")
        shell.hears("Stopped")
        rounds(place, job, 2)
        check(re.search(r"\[1\].*Stopped", shell.jobs()), "the job stays stopped")
        same(state_of(job), "T", "state of the job")


PARENT = """
static volatile sig_atomic_t told;
static void on(int sig) { told++; }
int main(void)
{
	struct sigaction a = { .sa_handler = on };
	int status, waits = 0;
	pid_t child = fork();
	if (child == 0) {
		serve();
		_exit(0);
	}
	sigaction(SIGCHLD, &a, NULL);
	for (;;) {
		pid_t got = wait4(child, &status, WUNTRACED | WCONTINUED, NULL);
		if (got == -1 && errno == EINTR)
			continue;
		waits += got == child;
		if (got != child || WIFEXITED(status) || WIFSIGNALED(status))
			break;
	}
	say("told %ld\\n", told);
	say("waits %ld\\n", waits);
	for (;;)
		pause();
}
"""


@test
def a_parent_is_told_of_nothing_but_what_the_child_does(place):
    for stops, want in ((0, 1), (1, 3)):
        with Victim(program(place, "parent", PARENT)) as victim:
            child, = children_of(victim.pid)
            for _ in range(5):
                there_and_back(place, victim, child)
            for _ in range(stops):
                os.kill(child, signal.SIGSTOP)
                until(lambda: state_of(child) == "T", "the child does not stop")
                place.apply(child)
                time.sleep(0.1)
                os.kill(child, signal.SIGCONT)
                answers(victim, 17)
            # All that it was told until here has to be of these.
            time.sleep(0.1)
            os.kill(child, signal.SIGTERM)
            same(victim.line(), f"told {want}", "signals")
            same(victim.line(), f"waits {want}", "what wait4 returned")


# A process sends numbered signals, 10,000 a second if it can; one thread takes them, without
# SA_RESTART and with. A second thread is sent one at a time: each ends one call.
COUNTS = """
#include <sys/epoll.h>
#include <time.h>
struct page { volatile long sent, stop; };
static struct page *page;
static volatile long got, wrong, handled, ended, pinged;
static int empty[2];
static void on(int sig, siginfo_t *info, void *context)
{
	static long next[2];
	int kind = sig - SIGRTMIN - 3;
	wrong += info->si_value.sival_int != next[kind]++;
	got++;
}
static void ping(int sig) { handled++; }
static void *polls(void *arg)
{
	sigset_t all, but_one;
	struct epoll_event event;
	int fd = epoll_create1(0);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	but_one = all;
	sigdelset(&but_one, SIGUSR1);
	for (;;) {
		if (epoll_pwait(fd, &event, 1, -1, &but_one) != -1 || errno != EINTR)
			wrong++;
		ended++;
	}
}
static void *pings(void *thread)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	while (!page->stop) {
		long before = ended;
		pthread_kill(*(pthread_t *)thread, SIGUSR1);
		pinged++;
		for (int i = 0; ended == before; i++) {
			if (i == 100000)
				return NULL;
			usleep(100);
		}
	}
	return NULL;
}
static void sender(pid_t to)
{
	struct timespec t = { 0, 50 * 1000 };
	for (int n = 0; !page->stop && getppid() == to; n++) {
		union sigval value = { .sival_int = n };
		for (int kind = 3; kind < 5; kind++) {
			while (sigqueue(to, SIGRTMIN + kind, value) != 0)
				usleep(200);
			page->sent++;
		}
		nanosleep(&t, NULL);
	}
	_exit(0);
}
int main(void)
{
	pthread_t t[3];
	sigset_t mine;
	struct sigaction a = { .sa_sigaction = on, .sa_flags = SA_SIGINFO };
	struct sigaction b = { .sa_sigaction = on, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct sigaction p = { .sa_handler = ping };
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	(void)!pipe(empty);
	sigfillset(&a.sa_mask);
	b.sa_mask = a.sa_mask;
	sigaction(SIGRTMIN + 3, &a, NULL);
	sigaction(SIGRTMIN + 4, &b, NULL);
	sigaction(SIGUSR1, &p, NULL);
	pid_t me = getpid(), child = fork();
	if (child == 0)
		sender(me);
	sigemptyset(&mine);
	sigaddset(&mine, SIGRTMIN + 3);
	sigaddset(&mine, SIGRTMIN + 4);
	sigaddset(&mine, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &mine, NULL);
	pthread_create(&t[0], NULL, polls, NULL);
	pthread_create(&t[1], NULL, pings, &t[0]);
	sigdelset(&mine, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &mine, NULL);
	say("ready\\n", 0);
	for (char c;;) {
		if (read(0, &c, 1) != 1)
			continue;
		if (c == '\\n') {
			say("answer %ld\\n", victim_answer(5));
			continue;
		}
		page->stop = 1;
		waitpid(child, NULL, 0);
		pthread_join(t[1], NULL);
		for (int i = 0; got < page->sent && i < 5000; i++)
			usleep(1000);
		usleep(50000);
		say("sent %ld\\n", page->sent);
		say("doubled %ld\\n", got - page->sent);
		say("wrong %ld\\n", wrong);
		say("pinged %ld\\n", pinged);
		say("handled %ld\\n", handled - pinged);
		say("ended %ld\\n", ended - pinged);
	}
}
"""


@test
def numbered_signals_come_once_each_in_order_and_each_ends_one_call(place):
    with Victim(program(place, "counts", COUNTS)) as victim:
        for _ in range(25):
            there_and_back(place, victim)
        victim.process.stdin.write(b"e")
        got = dict(victim.line().split() for _ in range(6))
        check(int(got["sent"]) > 1000 and int(got["pinged"]) > 100, got)
        for name in ("doubled", "wrong", "handled", "ended"):
            same(got[name], "0", f"{name} of {got}")
