// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Victims: children that do something, notice when it is disturbed, and prove
 * afterwards that they still work.
 *
 * A victim and its test share one page of memory.
 */

#ifndef GRAFT_TEST_PROC_VICTIM_H
#define GRAFT_TEST_PROC_VICTIM_H

#include "await.h"

#include "base/error.h"
#include "proc/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/** What a victim says of itself. */
struct victim_page {
	atomic_int ready;
	/** Rounds of work that came out right, per worker. */
	atomic_ulong progress[16];
	/** Things that came out wrong. */
	atomic_ulong failures;
	/** What the test asks for; each victim has its own meaning. */
	atomic_int order;
	/** What the victim answers. */
	atomic_long answers[32];
	atomic_long errnums[32];
	/** For the tracer of a test that has its own. */
	atomic_int tracing;
};

typedef void (*victim_fn)(struct victim_page *page);

/** A running victim. */
struct victim {
	pid_t pid;
	struct victim_page *page;
};

static inline uint64_t
now_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/** Start a victim and wait until @p ready of its workers are ready. */
static inline struct victim
victim_start(victim_fn fn, int ready)
{
	struct victim victim = { 0 };
	victim.page = mmap(NULL, sizeof(*victim.page), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(victim.page, MAP_FAILED);
	victim.pid = fork();
	assert_true(victim.pid >= 0);
	if (victim.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		fn(victim.page);
		_exit(0);
	}
	assert_true(reaches(&victim.page->ready, ready));
	return victim;
}

/** Does worker @p i of the victim get on, and did nothing go wrong? */
static inline void
assert_works(const struct victim *victim, int i)
{
	unsigned long before = atomic_load(&victim->page->progress[i]);
	for (int n = 0; n < AWAIT_MS; n++) {
		if (atomic_load(&victim->page->progress[i]) > before + 1)
			break;
		(void)usleep(1000);
	}
	assert_true(atomic_load(&victim->page->progress[i]) > before + 1);
	assert_int_equal(atomic_load(&victim->page->failures), 0);
}

/** End a victim. */
static inline void
victim_end(struct victim *victim)
{
	(void)kill(victim->pid, SIGKILL);
	(void)waitpid(victim->pid, NULL, 0);
	(void)munmap(victim->page, sizeof(*victim->page));
}

/** Fail with the error's message if there is an error. */
#define assert_ok(expr)                                                        \
	do {                                                                   \
		struct graft_error *err_ = (expr);                             \
		if (err_)                                                      \
			fail_msg("%s", graft_error_message(err_));             \
	} while (0)

/** Fail unless there is an error with this code and this text in it. */
#define assert_error(expr, code, text)                                         \
	do {                                                                   \
		struct graft_error *err_ = (expr);                             \
		assert_non_null(err_);                                         \
		if (graft_error_code(err_) != (code) ||                        \
		    !strstr(graft_error_message(err_), (text)))                \
			fail_msg("%s", graft_error_message(err_));             \
		graft_error_free(err_);                                        \
	} while (0)

/** What stands in all registers and the red zone during one round. */
struct victim_image {
	uint8_t ymm[16][32];
	uint64_t r[8];
	uint64_t red_zone[16];
};

/**
 * Fill the vector registers, r8 to r15 and the red zone, spin, and read them
 * back. They live nowhere else meanwhile.
 */
__attribute__((noinline, target("avx"))) static void
victim_spin(const struct victim_image *in, struct victim_image *out,
	    uint64_t rounds)
{
// clang-format off
#define VICTIM_EACH_16(X)                                                      \
	X(0)                                                                   \
	X(1)                                                                   \
	X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)  \
		X(15)
// clang-format on
#define VICTIM_LOAD(n)  "vmovdqu " #n "*32(%[in]), %%ymm" #n "\n"
#define VICTIM_STORE(n) "vmovdqu %%ymm" #n ", " #n "*32(%[out])\n"
#define VICTIM_PUT(n)                                                          \
	"mov 576+8*" #n "(%[in]), %%rax\n mov %%rax, -128+8*" #n "(%%rsp)\n"
#define VICTIM_GET(n)                                                          \
	"mov -128+8*" #n "(%%rsp), %%rax\n mov %%rax, 576+8*" #n "(%[out])\n"
	__asm__ volatile(
		// Away from the red zone that the compiler may use.
		"lea -256(%%rsp), %%rsp\n" VICTIM_EACH_16(VICTIM_LOAD) VICTIM_EACH_16(
			VICTIM_PUT) "mov 512(%[in]), %%r8\n mov 520(%[in]), %%r9\n"
				    "mov 528(%[in]), %%r10\n mov 536(%[in]), %%r11\n"
				    "mov 544(%[in]), %%r12\n mov 552(%[in]), %%r13\n"
				    "mov 560(%[in]), %%r14\n mov 568(%[in]), %%r15\n"
				    "1: dec %[rounds]\n jnz 1b\n"
				    "mov %%r8, 512(%[out])\n mov %%r9, 520(%[out])\n"
				    "mov %%r10, 528(%[out])\n mov %%r11, 536(%[out])\n"
				    "mov %%r12, 544(%[out])\n mov %%r13, 552(%[out])\n"
				    "mov %%r14, 560(%[out])\n mov %%r15, 568(%[out])\n" VICTIM_EACH_16(
					    VICTIM_GET)
					    VICTIM_EACH_16(
						    VICTIM_STORE) "vzeroupper\n lea 256(%%rsp), %%rsp\n"
		: [rounds] "+c"(rounds)
		: [in] "S"(in), [out] "D"(out)
		: "rax", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
		  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
		  "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
		  "xmm14", "xmm15", "memory", "cc");
}

/** Work for ever as worker @p i: registers must keep what is in them. */
static inline void
victim_work(struct victim_page *page, int i)
{
	struct victim_image in;
	struct victim_image out;
	_Static_assert(sizeof(in) == 512 + 64 + 128, "as the assembly has it");
	for (uint64_t seed = 1;; seed++) {
		uint8_t *bytes = (uint8_t *)&in;
		for (size_t n = 0; n < sizeof(in); n++)
			bytes[n] = (uint8_t)(seed * 37 + n * 11 + n / 32);
		memset(&out, 0, sizeof(out));
		victim_spin(&in, &out, 20000);
		if (memcmp(&in, &out, sizeof(in)) != 0)
			atomic_fetch_add(&page->failures, 1);
		atomic_fetch_add(&page->progress[i], 1);
		if (seed == 1)
			atomic_fetch_add(&page->ready, 1);
	}
}

#endif /* GRAFT_TEST_PROC_VICTIM_H */
