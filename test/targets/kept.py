# SPDX-License-Identifier: Apache-2.0
"""What a switch leaves as it was: registers, deadlines, and what a process does to itself."""
from programs import answers, program, there_and_back
from stage import Skip, Victim, check, same, test

# One thread: every stop, and every call that is put into it, hits the loop. In the loop all
# registers hold what is known, and bytes below the stack pointer; afterwards all is compared.
HOLDS = r"""
#include <asm/prctl.h>
#include <cpuid.h>
struct held {
	unsigned char vector[32][64];
	unsigned long masks[8], fs, gs, flags;
	unsigned mxcsr;
	unsigned short control, status;
	unsigned char x87[10];
} in, out __attribute__((aligned(64)));
static unsigned long other[8] = { 0x1122334455667788 };
static volatile long bad_registers;

/* rdi: in, rsi: out, rdx: how often. Returns how many differed in the loop. */
long hold(struct held *in, struct held *out, long rounds);
__asm__(R"(
	.globl hold
hold:	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	ldmxcsr MXCSR(%rdi)
	fninit
	fldcw CONTROL(%rdi)
	fldt X87(%rdi)
	fldt X87(%rdi)
)"
#define EACH(n, r) "\tvmovdqu64 " #n "*64(%rdi), %zmm" #n "\n"
#define EACH_Y(n, r) "\tvmovdqu " #n "*64(%rdi), %ymm" #n "\n"
#define OUT(n, r) "\tvmovdqu64 %zmm" #n ", " #n "*64(%rsi)\n"
#define OUT_Y(n, r) "\tvmovdqu %ymm" #n ", " #n "*64(%rsi)\n"
#define LOW(X) X(0,) X(1,) X(2,) X(3,) X(4,) X(5,) X(6,) X(7,) X(8,) X(9,) X(10,) X(11,) \
	X(12,) X(13,) X(14,) X(15,)
#define HIGH(X) X(16,) X(17,) X(18,) X(19,) X(20,) X(21,) X(22,) X(23,) X(24,) X(25,) X(26,) \
	X(27,) X(28,) X(29,) X(30,) X(31,)
#define MASK(n) "\tkmovq " #n "*8+MASKS(%rdi), %k" #n "\n"
#define MASK_OUT(n) "\tkmovq %k" #n ", " #n "*8+MASKS(%rsi)\n"
#define MASKS_OF(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#ifdef WIDE
	LOW(EACH) HIGH(EACH) MASKS_OF(MASK)
#else
	LOW(EACH_Y)
#endif
R"(
	mov %rdx, %rcx
	movabs $0x0102030405060708, %rbx
	mov %rbx, %rbp
	mov %rbx, %r8
	mov %rbx, %r9
	mov %rbx, %r12
	mov %rbx, %r13
	mov %rbx, %r14
	mov %rbx, %r15
	mov %rbx, -8(%rsp)
	mov %rbx, -64(%rsp)
	mov %rbx, -128(%rsp)
	xor %edx, %edx
	std
1:	mov %rbx, %rax
	xor %rbp, %rax
	mov %rbx, %r10
	xor %r8, %r10
	or %r10, %rax
	mov %rbx, %r10
	xor %r9, %r10
	or %r10, %rax
	mov %rbx, %r10
	xor %r12, %r10
	or %r10, %rax
	mov %rbx, %r10
	xor %r13, %r10
	or %r10, %rax
	mov %rbx, %r10
	xor %r14, %r10
	or %r10, %rax
	mov %rbx, %r10
	xor %r15, %r10
	or %r10, %rax
	mov -8(%rsp), %r10
	xor %rbx, %r10
	or %r10, %rax
	mov -64(%rsp), %r10
	xor %rbx, %r10
	or %r10, %rax
	mov -128(%rsp), %r10
	xor %rbx, %r10
	or %r10, %rax
	mov %fs:0, %r10
	xor FS(%rdi), %r10
	or %r10, %rax
	mov %gs:0, %r10
	xor GS(%rdi), %r10
	or %r10, %rax
	neg %rax
	adc $0, %rdx
	dec %rcx
	jnz 1b
	pushfq
	pop FLAGS(%rsi)
	cld
	stmxcsr MXCSR(%rsi)
	fnstcw CONTROL(%rsi)
	fnstsw STATUS(%rsi)
	fstpt X87(%rsi)
	fstp %st(0)
	fninit
)"
#ifdef WIDE
	LOW(OUT) HIGH(OUT) MASKS_OF(MASK_OUT)
#else
	LOW(OUT_Y)
#endif
R"(
	vzeroupper
	movl $0x1f80, -8(%rsp)
	ldmxcsr -8(%rsp)
	mov %rdx, %rax
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret
)");
int main(void)
{
	long bad = 0, rounds = 0;
	unsigned char *bytes = (unsigned char *)in.vector;
	for (unsigned i = 0; i < sizeof(in.vector); i++)
		bytes[i] = (unsigned char)(i * 37 + i / 64 + 1);
#ifndef WIDE
	memset(in.vector + 16, 0, sizeof(in.vector) / 2);
	for (int i = 0; i < 16; i++)
		memset(in.vector[i] + 32, 0, 32);
#else
	for (int i = 1; i < 8; i++)
		in.masks[i] = 0x123456789abcdef0UL * i;
#endif
	in.mxcsr = 0x7f80; /* Round to zero. */
	in.control = 0x0a7f; /* Round up, double precision. */
	in.status = 6 << 11; /* Two values are on its stack. */
	memcpy(in.x87, "\x01\x02\x03\x04\x05\x06\x07\x88\x00\x40", 10);
	in.fs = *(unsigned long *)__builtin_thread_pointer();
	in.gs = other[0];
	syscall(SYS_arch_prctl, ARCH_SET_GS, other);
	fcntl(0, F_SETFL, O_NONBLOCK);
	say("ready\n", 0);
	for (;; rounds++) {
		char c;
		memset(&out, 0, sizeof(out));
		bad += hold(&in, &out, 2000000) != 0;
		bad += !(out.flags & 0x400);
		out.flags = 0;
		out.fs = in.fs;
		out.gs = in.gs;
		bad += memcmp(&in, &out, sizeof(in)) != 0;
		ssize_t got = read(0, &c, 1);
		if (got == 0)
			return 0;
		if (got == 1) {
			say("answer %ld\n", victim_answer(5));
			say("bad %ld\n", bad);
			say("rounds %ld\n", rounds);
		}
	}
}
"""


def offsets():
    """Where the members of `struct held` lie."""
    masks = 32 * 64
    return {"MASKS": masks, "FS": masks + 64, "GS": masks + 72, "FLAGS": masks + 80,
            "MXCSR": masks + 88, "CONTROL": masks + 92, "STATUS": masks + 94, "X87": masks + 96}


@test
def registers_of_a_tight_loop_are_as_they_were_after_many_switches(place):
    with open("/proc/cpuinfo") as file:
        flags = file.read()
    if " avx2 " not in flags:
        raise Skip("this processor has no AVX2")
    text = HOLDS
    for name, at in sorted(offsets().items(), key=lambda item: -len(item[0])):
        text = text.replace(name + "(%r", f"{at}(%r")
    wide = ["-DWIDE"] if " avx512bw " in flags else []
    # GNU C has strings over several lines.
    made = program(place, "holds", text, "-std=gnu11", *wide)
    with Victim(made) as victim:
        def ask(want):
            answers(victim, want)
            same(victim.line(), "bad 0", "what differed in the loop")
            return int(victim.line().split()[1])
        first = ask(11)
        for _ in range(30):
            place.apply(victim.pid)
            place.revert(victim.pid)
        check(ask(11) > first, "it does not go on")
        place.apply(victim.pid)
        ask(17)


# Threads that wait for points in time in all the ways there are. Each counts how often it
# came, and by how much too late: on the average, and at worst.
WAITS = r"""
#include <sys/timerfd.h>
#include <sys/time.h>
#include <time.h>
enum { EACH_NS = 10 * 1000 * 1000 };
struct kept { volatile long early, late_us, most_us, came; } kept[5];
static long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}
static void came(int who, long want)
{
	struct kept *k = &kept[who];
	long late = (now() - want) / 1000;
	k->early += late < 0;
	k->late_us += late;
	if (late > k->most_us)
		k->most_us = late;
	k->came++;
}
static struct timespec at(long ns)
{
	return (struct timespec){ ns / 1000000000L, ns % 1000000000L };
}
static void *sleeps(void *arg)
{
	for (long next = now() + EACH_NS;; next += EACH_NS) {
		struct timespec t = at(next);
		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
			_exit(9);
		came(0, next);
	}
}
static void *conditions(void *arg)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_condattr_t attr;
	pthread_cond_t cond;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&cond, &attr);
	pthread_mutex_lock(&mutex);
	for (long next = now() + EACH_NS;; next += EACH_NS) {
		struct timespec t = at(next);
		if (pthread_cond_timedwait(&cond, &mutex, &t) != ETIMEDOUT)
			_exit(9);
		came(1, next);
	}
}
static void *descriptors(void *arg)
{
	long first = now() + EACH_NS, n = 0;
	unsigned long more;
	struct itimerspec each = { at(EACH_NS), at(first) };
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	timerfd_settime(fd, TFD_TIMER_ABSTIME, &each, NULL);
	for (;; n += (long)more) {
		if (read(fd, &more, sizeof(more)) != sizeof(more))
			_exit(9);
		/* What it says is past has to be past, and nothing else. */
		came(2, first + (n + (long)more - 1) * EACH_NS);
	}
}
static long real_first, posix_first;
static void by_signal(int who, int sig, long first, int *over)
{
	sigset_t set;
	siginfo_t info;
	sigemptyset(&set);
	sigaddset(&set, sig);
	for (long n = 0;;) {
		if (sigwaitinfo(&set, &info) != sig)
			_exit(9);
		n += 1 + (sig == SIGALRM ? 0 : info.si_overrun);
		/* ITIMER_REAL does not say how many it left out. */
		if (sig == SIGALRM && now() - first - n * EACH_NS > EACH_NS)
			n = (now() - first) / EACH_NS;
		came(who, first + (n - 1) * EACH_NS);
	}
}
static void *intervals(void *arg)
{
	struct itimerval each = { { 0, EACH_NS / 1000 }, { 0, EACH_NS / 1000 } };
	long first = now() + EACH_NS;
	setitimer(ITIMER_REAL, &each, NULL);
	by_signal(3, SIGALRM, first, NULL);
}
static void *timers(void *arg)
{
	timer_t timer;
	long first = now() + EACH_NS;
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	struct itimerspec each = { at(EACH_NS), at(first) };
	timer_create(CLOCK_MONOTONIC, &event, &timer);
	timer_settime(timer, TIMER_ABSTIME, &each, NULL);
	by_signal(4, SIGRTMIN, first, NULL);
}
int main(void)
{
	void *(*all[])(void *) = { sleeps, conditions, descriptors, intervals, timers };
	pthread_t t;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigaddset(&set, SIGRTMIN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 5; i++)
		pthread_create(&t, NULL, all[i], NULL);
	say("ready\n", 0);
	for (char c; read(0, &c, 1) == 1;) {
		if (c == '\n') {
			say("answer %ld\n", victim_answer(5));
			continue;
		}
		for (int i = 0; i < 5; i++) {
			say("%ld ", kept[i].early);
			say("%ld ", kept[i].came);
			say("%ld ", kept[i].late_us);
			say("%ld\n", kept[i].most_us);
		}
	}
}
"""


@test
def deadlines_are_kept_as_well_as_beside_a_process_that_is_left_alone(place):
    """The control runs at the same time: what others do to the machine hits both."""
    made = program(place, "deadlines", WAITS)

    def told(victim):
        victim.process.stdin.write(b"e")
        return [[int(word) for word in victim.line().split()] for _ in range(5)]

    with Victim(made) as victim, Victim(made) as control:
        for _ in range(12):
            there_and_back(place, victim)
        for number, (got, beside) in enumerate(zip(told(victim), told(control))):
            early, came, late_us, most_us = got
            same(early, 0, f"waits of kind {number} that ended early")
            check(came > 10 and 2 * came > beside[1], f"kind {number} came {came} times, {beside[1]} beside")
            mean, other = late_us / came, beside[2] / beside[1]
            # A pause is some milliseconds, in few of the waits.
            check(mean <= other + 2000, f"kind {number}: {mean:.0f} us, {other:.0f} beside")
            check(most_us <= beside[3] + 150000, f"kind {number}: {most_us}, {beside[3]} beside")
