# SPDX-License-Identifier: Apache-2.0
"""Threads, and what they stand on."""
import os
import signal

from programs import answers, program, there_and_back
from stage import READ, Skip, Victim, check, one_line, same, state_of, test, threads_in, until


@test
def two_thousand_threads_all_switch(place):
    made = program(place, "crowd", """
static long bad;
static void *run(void *arg)
{
	for (;;) {
		int got = victim_answer(5);
		if (got != 11 && got != 17)
			_exit(9);
		usleep(200000);
	}
}
int main(void)
{
	pthread_t t;
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (int i = 0; i < 2000; i++)
		if (pthread_create(&t, &attr, run, NULL) != 0)
			return 7;
	serve();
}
""")
    with Victim(made) as victim:
        same(len(os.listdir(f"/proc/{victim.pid}/task")), 2001, "threads")
        there_and_back(place, victim)
        for tid in os.listdir(f"/proc/{victim.pid}/task"):
            with open(f"/proc/{victim.pid}/task/{tid}/status") as file:
                check("\nTracerPid:\t0\n" in file.read(), f"{tid} is traced")


@test
def a_stack_of_a_hundred_frames_is_no_obstacle_and_one_inside_is_waited_for(place):
    made = program(place, "deep", """
static char stack[1 << 12];
static int pipes[2];
__attribute__((noinline)) static int down(int n)
{
	volatile char room[256];
	char c;
	room[n & 255] = (char)n;
	if (n == 0)
		return (int)read(pipes[0], &c, 1);
	return down(n - 1) + room[n & 255] * 0;
}
static int all(void) { return down(100); }
/* The function that changed is the farthest frame. */
static void *run(void *arg) { return (void *)(long)(arg ? victim_call(all) : all()); }
int main(void)
{
	pthread_t t;
	char c;
	if (pipe(pipes) != 0 || pthread_create(&t, NULL, run, NULL) != 0)
		return 7;
	say("ready\\n", 0);
	while (read(0, &c, 1) == 1) {
		if (c == 'i') {
			pthread_create(&t, NULL, run, (void *)1);
			say("inside\\n", 0);
		} else if (c == 'o') {
			(void)!write(pipes[1], "ab", 2);
			say("outside\\n", 0);
		} else {
			say("answer %ld\\n", victim_answer(5));
		}
	}
}
""")
    with Victim(made) as victim:
        there_and_back(place, victim)
        victim.process.stdin.write(b"i")
        same(victim.line(), "inside", "the thread")
        until(lambda: threads_in(victim.pid, READ) == 2, "the threads do not block")
        one_line(place.apply(victim.pid, "--wait", "0.2", status=4), "R-13", "victim_call")
        answers(victim, 11)
        victim.process.stdin.write(b"o")
        same(victim.line(), "outside", "the threads")
        there_and_back(place, victim)


@test
def a_main_stack_of_eight_megabytes_is_looked_through(place):
    made = program(place, "eight", """
static int pipes[2];
__attribute__((noinline)) static int down(int n)
{
	volatile char room[4000];
	room[n % 4000] = (char)n;
	if (n == 0) {
		char c;
		say("ready\\n", 0);
		return (int)read(pipes[0], &c, 1);
	}
	return down(n - 1) + room[n % 4000] * 0;
}
/* The function that changed is the farthest frame. */
static int all(void) { return down(1900); }
static void *run(void *arg)
{
	char c;
	while (read(0, &c, 1) == 1) {
		if (c == 'o') {
			(void)!write(pipes[1], "a", 1);
			say("out\\n", 0);
		} else {
			say("answer %ld\\n", victim_answer(5));
		}
	}
	_exit(0);
}
int main(void)
{
	pthread_t t;
	if (pipe(pipes) != 0 || pthread_create(&t, NULL, run, NULL) != 0)
		return 7;
	victim_call(all);
	for (;;)
		pause();
}
""")
    with Victim("prlimit", "--stack=8388608", made) as victim:
        until(lambda: threads_in(victim.pid, READ, leader=True), "it does not block")
        one_line(place.apply(victim.pid, "--wait", "0.2", status=4), "R-13", "victim_call")
        answers(victim, 11)
        victim.process.stdin.write(b"o")
        same(victim.line(), "out", "the main thread")
        there_and_back(place, victim)


@test
def a_signal_handler_on_its_own_stack_inside_the_function_is_waited_for(place):
    made = program(place, "handler", """
static char other[65536];
static int pipes[2];
static void on(int sig)
{
	victim_block(pipes[0]);
}
static void *run(void *arg)
{
	stack_t s = { .ss_sp = other, .ss_size = sizeof(other) };
	struct sigaction a = { .sa_handler = on, .sa_flags = SA_ONSTACK };
	sigaltstack(&s, NULL);
	sigaction(SIGUSR1, &a, NULL);
	for (;;) {
		raise(SIGUSR1);
		pause();
	}
}
int main(void)
{
	pthread_t t;
	char c;
	if (pipe(pipes) != 0 || pthread_create(&t, NULL, run, NULL) != 0)
		return 7;
	say("ready\\n", 0);
	while (read(0, &c, 1) == 1) {
		if (c == 'o') {
			(void)!write(pipes[1], "a", 1);
			say("out\\n", 0);
		} else {
			say("answer %ld\\n", victim_answer(5));
		}
	}
}
""")
    with Victim(made) as victim:
        until(lambda: threads_in(victim.pid, READ), "the handler does not block")
        one_line(place.apply(victim.pid, "--wait", "0.2", status=4), "R-13", "victim_block")
        answers(victim, 11)
        victim.process.stdin.write(b"o")
        same(victim.line(), "out", "the handler")
        there_and_back(place, victim)


@test
def a_function_that_a_signal_interrupted_is_waited_for(place):
    """The frame below the signal's own: only the kernel's saved registers name it."""
    made = program(place, "below", """
static char other[65536];
static int pipes[2];
static volatile int held = 1;
static void on(int sig)
{
	char c;
	(void)!read(pipes[0], &c, 1);
}
static void *run(void *arg)
{
	stack_t s = { .ss_sp = other, .ss_size = sizeof(other) };
	sigset_t none;
	sigemptyset(&none);
	sigaltstack(&s, NULL);
	for (;;)
		victim_answer(5);
}
int main(void)
{
	pthread_t t;
	char c;
	struct sigaction a = { .sa_handler = on, .sa_flags = SA_ONSTACK };
	sigaction(SIGUSR1, &a, NULL);
	if (pipe(pipes) != 0 || pthread_create(&t, NULL, run, NULL) != 0)
		return 7;
	say("ready\\n", 0);
	while (read(0, &c, 1) == 1) {
		if (c == 's') {
			pthread_kill(t, SIGUSR1);
			say("held\\n", 0);
		} else if (c == 'o') {
			(void)!write(pipes[1], "a", 1);
			say("out\\n", 0);
		} else {
			say("answer %ld\\n", victim_answer(5));
		}
	}
}
""")
    inside = 0
    with Victim(made) as victim:
        for _ in range(20):
            if inside == 2:
                break
            victim.process.stdin.write(b"s")
            same(victim.line(), "held", "the signal")
            until(lambda: threads_in(victim.pid, READ), "the signal does not come")
            done = place.apply(victim.pid, "--wait", "2", status=None)
            if done.returncode:
                # Which of the functions it was in is chance; it must be a changed one.
                one_line(done, "R-13", "victim_")
                inside += 1
            answers(victim, 11 if done.returncode else 17)
            victim.process.stdin.write(b"o")
            same(victim.line(), "out", "the signal")
            if not done.returncode:
                place.revert(victim.pid, "--wait", "30")
        check(inside == 2, "no signal came while it was inside")


@test
def a_restartable_sequence_is_never_cut_in_two(place):
    """A counter of its own for each processor, added to by a sequence that the kernel
    must abort if it is interrupted: a lost abort loses or doubles a number."""
    made = program(place, "sequence", r"""
#include <sys/rseq.h>
#include <sys/auxv.h>
static struct { long n; char pad[56]; } counts[1024] __attribute__((aligned(64)));
static long done, aborted;
static int held;
static struct rseq *mine(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}
__attribute__((noinline)) static int add(struct rseq *r)
{
	int cpu = *(volatile unsigned *)&r->cpu_id_start;
	long *at = &counts[cpu].n, was;
	__asm__ volatile goto(
		".pushsection __rseq_cs, \"aw\"\n\t.balign 32\n"
		"3:\t.long 0, 0\n\t.quad 1f, 2f - 1f, 4f\n\t.popsection\n\t"
		"lea 3b(%%rip), %%rax\n\tmov %%rax, %[cs]\n"
		"1:\tcmp %[id], %[cpu]\n\tjnz 4f\n\t"
		"mov (%[at]), %%rax\n\t"
		"mov $200, %%ecx\n5:\tdec %%ecx\n\tjnz 5b\n\t"
		"inc %%rax\n\tmov %%rax, (%[at])\n"
		"2:\n\t"
		".pushsection __rseq_failure, \"ax\"\n\t.long 0x53053053\n"
		"4:\tjmp %l[abort]\n\t.popsection\n"
		:: [cs] "m"(r->rseq_cs), [id] "m"(r->cpu_id), [cpu] "r"(cpu), [at] "r"(at)
		: "rax", "rcx", "memory", "cc" : abort);
	return 1;
abort:
	return 0;
}
static void *run(void *arg)
{
	struct rseq *r = mine();
	for (long n = 1;; n++) {
		while (!add(r))
			__atomic_add_fetch(&aborted, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&done, 1, __ATOMIC_RELAXED);
		if (__atomic_load_n((int *)arg, __ATOMIC_ACQUIRE)) {
			__atomic_add_fetch(&held, 1, __ATOMIC_RELEASE);
			pause();
		}
		if (n % 256 == 0)
			victim_answer(5);
	}
}
static int hold;
int main(void)
{
	pthread_t t;
	char c;
	if (__rseq_size == 0)
		return 77;
	for (int i = 0; i < 4; i++)
		pthread_create(&t, NULL, run, &hold);
	say("ready\n", 0);
	while (read(0, &c, 1) == 1) {
		if (c == 's') {
			long sum = 0;
			__atomic_store_n(&hold, 1, __ATOMIC_RELEASE);
			while (__atomic_load_n(&held, __ATOMIC_ACQUIRE) < 4)
				usleep(1000);
			for (int i = 0; i < 1024; i++)
				sum += counts[i].n;
			say("lost %ld\n", done - sum);
		} else {
			say("answer %ld\n", victim_answer(5));
		}
	}
}
""")
    with Victim(made) as victim:
        for _ in range(40):
            place.apply(victim.pid)
            place.revert(victim.pid)
        victim.process.stdin.write(b"s")
        same(victim.line(), "lost 0", "the counts")


@test
def a_zombie_and_a_process_that_is_gone_are_left(place):
    with place.victim() as victim:
        os.kill(victim.pid, signal.SIGKILL)
        until(lambda: state_of(victim.pid) == "Z", "it is no zombie")
        one_line(place.apply(victim.pid, status=4), str(victim.pid), "exited")


@test
def workers_of_io_uring_are_no_obstacle_and_what_they_wait_for_goes_on(place):
    """One polls for the kernel, one opens a FIFO that nobody writes to: neither runs code of
    the process, and a stop would end the call with an EINTR that the program sees."""
    fifo = place.path("fifo")
    os.mkfifo(fifo)
    made = program(place, "uring", f'#define FIFO "{fifo}"' + r"""
#include <linux/io_uring.h>
static long setup(struct io_uring_params *p)
{
	return syscall(425 /* io_uring_setup */, 8, p);
}
static void *at(long fd, size_t len, off_t off)
{
	return mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, off);
}
static unsigned *done;
static struct io_uring_cqe *cqe;
/* A call that a worker makes, and that waits there. */
static int open_by_worker(void)
{
	struct io_uring_params p = { 0 };
	long fd = setup(&p);
	if (fd < 0)
		return 0;
	char *sq = at(fd, 65536, IORING_OFF_SQ_RING);
	char *cq = at(fd, 65536, IORING_OFF_CQ_RING);
	struct io_uring_sqe *sqe = at(fd, 8 * sizeof(*sqe), IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqe == MAP_FAILED)
		return 0;
	done = (unsigned *)(cq + p.cq_off.tail);
	cqe = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	*sqe = (struct io_uring_sqe){ .opcode = IORING_OP_OPENAT, .flags = IOSQE_ASYNC,
				      .fd = AT_FDCWD, .addr = (long)FIFO,
				      .open_flags = O_RDONLY };
	((unsigned *)(sq + p.sq_off.array))[0] = 0;
	__atomic_store_n((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	return syscall(426 /* io_uring_enter */, fd, 1, 0, 0, NULL, 0) == 1;
}
int main(void)
{
	struct io_uring_params poll = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 100000 };
	if (setup(&poll) < 0 || !open_by_worker()) {
		say("ready\n", 0);
		say("none\n", 0);
		return 0;
	}
	say("ready\n", 0);
	say("made\n", 0);
	char c;
	while (read(0, &c, 1) == 1) {
		if (c == 'd') {
			say("done %ld\n", __atomic_load_n(done, __ATOMIC_ACQUIRE));
		} else if (c == 'w') {
			close(open(FIFO, O_WRONLY));
			while (!__atomic_load_n(done, __ATOMIC_ACQUIRE))
				usleep(1000);
			say("failed %ld\n", cqe->res < 0);
		} else {
			say("answer %ld\n", victim_answer(5));
		}
	}
}
""")

    def workers(pid):
        names = []
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/comm") as file:
                names.append(file.read()[:7])
        return sorted(name for name in names if name.startswith("iou-"))

    with Victim(made) as victim:
        if victim.line() == "none":
            raise Skip("no io_uring here")
        until(lambda: workers(victim.pid) == ["iou-sqp", "iou-wrk"], "there are no workers")
        for _ in range(10):
            there_and_back(place, victim)
        victim.process.stdin.write(b"d")
        same(victim.line(), "done 0", "the call that waits")
        victim.process.stdin.write(b"w")
        same(victim.line(), "failed 0", "the call in the end")


@test
def timers_go_on_while_a_thread_inside_is_waited_for(place):
    """Each stop makes epoll_wait(2) begin anew. One thread waits inside, or is busy there."""
    made = program(place, "timers", r"""
#include <sys/epoll.h>
#include <time.h>
static int pipes[2];
static volatile long epolls, sigwaits;
static int spin(void)
{
	for (;;)
		__asm__ volatile("");
	return 0;
}
static void *inside(void *arg)
{
	if (arg)
		victim_call(spin);
	else
		victim_block(pipes[0]);
	return NULL;
}
static void *epoll(void *arg)
{
	struct epoll_event event;
	for (int fd = epoll_create1(0);; epolls++) {
		if (epoll_wait(fd, &event, 1, 200) != 0)
			_exit(9);
	}
}
static void *sigwait_often(void *arg)
{
	struct timespec limit = { .tv_nsec = 200 * 1000 * 1000 };
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (;; sigwaits++) {
		if (sigtimedwait(&set, NULL, &limit) != -1 || errno != EAGAIN)
			_exit(9);
	}
}
int main(int argc, char **argv)
{
	pthread_t t;
	char c;
	if (pipe(pipes) != 0)
		return 7;
	pthread_create(&t, NULL, inside, argc > 1 ? &t : NULL);
	pthread_create(&t, NULL, epoll, NULL);
	pthread_create(&t, NULL, sigwait_often, NULL);
	say("ready\n", 0);
	while (read(0, &c, 1) == 1) {
		say("%ld\n", epolls);
		say("%ld\n", sigwaits);
	}
}
""")

    def runs_out(victim):
        victim.process.stdin.write(b"e")
        return int(victim.line()), int(victim.line())

    for how in (), ("busy",):
        with Victim(made, *how) as victim:
            before = runs_out(victim)
            one_line(place.apply(victim.pid, "--wait", "4", status=4), "R-13", "victim_")
            for got, had in zip(runs_out(victim), before):
                # Of twenty; they stood still when it was tried every 50 ms.
                check(got - had >= 8, f"timers ran out {got - had} times {how}")


@test
def transfers_that_wait_in_the_middle_are_seldom_cut_off(place):
    """A stop ends a recv(2) with MSG_WAITALL that has a part: the part is returned. A moment is
    chosen in which none waits: it does 5 ms of 15 here, with the first half there."""
    made = program(place, "halves", r"""
#include <sys/socket.h>
static int ends[2];
static volatile long cut;
static void *get(void *arg)
{
	char bytes[16];
	for (;;) {
		// The first half is there when it begins.
		(void)!recv(ends[0], bytes, 1, MSG_PEEK);
		if (recv(ends[0], bytes, sizeof(bytes), MSG_WAITALL) != sizeof(bytes)) {
			cut++;
			(void)!recv(ends[0], bytes, 8, MSG_WAITALL);
		}
	}
}
static void *put(void *arg)
{
	for (;;) {
		(void)!write(ends[1], "8 bytes.", 8);
		usleep(5000);
		(void)!write(ends[1], "8 bytes.", 8);
		usleep(10000);
	}
}
int main(void)
{
	pthread_t t;
	char c;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		return 7;
	pthread_create(&t, NULL, get, NULL);
	pthread_create(&t, NULL, put, NULL);
	say("ready\n", 0);
	while (read(0, &c, 1) == 1)
		say(c == 'c' ? "%ld\n" : "answer %ld\n", c == 'c' ? cut : victim_answer(5));
}
""")
    with Victim(made) as victim:
        for _ in range(50):
            there_and_back(place, victim)
        victim.process.stdin.write(b"c")
        cut = int(victim.line())
        # A third of the hundred stops, and more, when any moment is as good.
        check(cut <= 10, f"{cut} were cut off")
