// SPDX-License-Identifier: Apache-2.0

#include "stopped_child.h"

#include "proc/unwind.h"

#include <alloca.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { FRAMES_MAX = 512 };

/** A chain as it was shown. */
struct chain {
	struct graft_unwind_frame frames[FRAMES_MAX];
	size_t count;
	/** See no more after so many. */
	size_t limit;
	/** Whose mappings are asked for, if not the child's. */
	pid_t other;
	enum graft_unwind_end end;
};

static bool
take_frame(void *arg, const struct graft_unwind_frame *frame)
{
	struct chain *chain = arg;
	if (chain->count < FRAMES_MAX)
		chain->frames[chain->count] = *frame;
	chain->count++;
	return chain->count != chain->limit;
}

static void
unwind_thread(struct child *child, pid_t tid, struct chain *chain)
{
	GRAFT_CLEANUP(graft_unwind_freep) struct graft_unwind *unwind = NULL;
	GRAFT_CLEANUP(graft_vmas_freep) struct graft_vmas *vmas = NULL;
	must(graft_unwind_new(child->pid, child->maps, NULL, &unwind));
	must(graft_vmas_new(chain->other ? chain->other : child->pid, &vmas));
	child_stop(child);
	size_t count = 0;
	const struct graft_thread *threads = graft_target_threads(child->target,
								  &count);
	for (size_t i = 0; i < count; i++) {
		if (threads[i].tid != tid)
			continue;
		graft_vmas_renew(vmas, tid);
		graft_unwind_begin(unwind, tid, vmas);
		chain->end = graft_unwind_run(unwind, &threads[i].regs,
					      take_frame, chain);
		return;
	}
	fail_msg("no thread %d", tid);
}

static bool
has_pc(const struct chain *chain, const void *pc)
{
	for (size_t i = 0; i < chain->count; i++)
		if (chain->frames[i].pc == (uintptr_t)pc)
			return true;
	return false;
}

/** Say who we are called by, then stand. The words are NULL behind the last. */
static NOINLINE void
tell_and_stand(void)
{
	(void)backtrace(told->words, 256);
	stand();
	NO_TAIL_CALL();
}

static NOINLINE void
call_deeper(int depth, volatile char *room)
{
	volatile char *more = alloca((size_t)depth * 8 + 1);
	more[0] = *room;
	if (depth > 0)
		call_deeper(depth - 1, more);
	else
		tell_and_stand();
	NO_TAIL_CALL();
}

static void
deep_in_main(void)
{
	volatile char room = 0;
	call_deeper(20, &room);
}

/** All of the callers that glibc's unwinder saw, in its order; the first is
 * backtrace's own. */
static void
assert_same_callers(const struct chain *chain)
{
	size_t at = 0;
	for (size_t i = 1; told->words[i]; i++) {
		while (at < chain->count &&
		       chain->frames[at].pc != (uintptr_t)told->words[i])
			at++;
		// tell_and_stand() has gone on since.
		if (i == 1) {
			at = 0;
			continue;
		}
		assert_true(at < chain->count);
	}
}

static void
the_main_thread_is_unwound_to_its_root(void **state)
{
	(void)state;
	struct child child = { 0 };
	struct chain chain = { 0 };
	child_start(&child, deep_in_main, 1);
	unwind_thread(&child, child.pid, &chain);
	assert_int_equal(chain.end, GRAFT_UNWIND_ROOT);
	assert_in_range(chain.count, 25, 60);
	assert_true(chain.frames[0].exact);
	assert_int_equal(chain.frames[0].addr, 0);
	assert_non_null(told->words[21]);
	assert_same_callers(&chain);
	for (size_t i = 2; i < chain.count; i++) {
		assert_true(chain.frames[i].addr > chain.frames[i - 1].addr);
		assert_false(chain.frames[i].exact);
	}
	child_end(&child);
}

static void *
thread_deep(void *arg)
{
	deep_in_main();
	return arg;
}

static void
deep_in_thread(void)
{
	pthread_t thread;
	(void)pthread_create(&thread, NULL, thread_deep, NULL);
	pthread_join(thread, NULL);
}

static void
a_thread_is_unwound_to_its_root(void **state)
{
	(void)state;
	struct child child = { 0 };
	struct chain chain = { 0 };
	child_start(&child, deep_in_thread, 1);
	unwind_thread(&child, told->tids[0], &chain);
	assert_int_equal(chain.end, GRAFT_UNWIND_ROOT);
	assert_non_null(told->words[21]);
	assert_same_callers(&chain);
	child_end(&child);
}

static void
on_signal(int sig)
{
	(void)sig;
	tell_and_stand();
}

static atomic_int spinning;

static NOINLINE void
spin(void)
{
	atomic_store(&spinning, 1);
	while (!atomic_load(&told->leave))
		NO_TAIL_CALL();
}

static void *
interrupt_spinner(void *arg)
{
	pthread_t spinner = (pthread_t)(uintptr_t)arg;
	while (!atomic_load(&spinning))
		(void)usleep(100);
	(void)pthread_kill(spinner, SIGUSR1);
	return NULL;
}

static void
spin_and_be_interrupted(void)
{
	static char memory[64 << 10];
	stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_ONSTACK };
	pthread_t thread;
	(void)sigaltstack(&stack, NULL);
	(void)sigaction(SIGUSR1, &action, NULL);
	(void)pthread_create(&thread, NULL, interrupt_spinner,
			     (void *)(uintptr_t)pthread_self());
	spin();
	NO_TAIL_CALL();
}

static void
a_signal_frame_is_passed_and_its_pc_is_exact(void **state)
{
	(void)state;
	struct child child = { 0 };
	struct chain chain = { 0 };
	child_start(&child, spin_and_be_interrupted, 1);
	unwind_thread(&child, child.pid, &chain);
	assert_int_equal(chain.end, GRAFT_UNWIND_ROOT);
	size_t exact = 0;
	for (size_t i = 1; i < chain.count; i++) {
		if (!chain.frames[i].exact)
			continue;
		exact++;
		// glibc's unwinder shows this pc as it is, too.
		assert_true(chain.frames[i].pc >= (uintptr_t)spin);
		assert_true(chain.frames[i].pc < (uintptr_t)spin + 64);
	}
	assert_int_equal(exact, 1);
	child_end(&child);
}

// It has no unwind tables, but a frame pointer that leads on.
void
call_by_frame_pointer(void (*fn)(void));
__asm__(".pushsection .text\n"
	".globl call_by_frame_pointer\n"
	".type call_by_frame_pointer, @function\n"
	"call_by_frame_pointer:\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	call *%rdi\n"
	"behind_call_by_frame_pointer:\n"
	"	pop %rbp\n"
	"	ret\n"
	".size call_by_frame_pointer, . - call_by_frame_pointer\n"
	".popsection\n");
extern const char behind_call_by_frame_pointer[];

static void
without_fde(void)
{
	call_by_frame_pointer(tell_and_stand);
	NO_TAIL_CALL();
}

static void
a_frame_without_fde_ends_as_lost(void **state)
{
	(void)state;
	struct child child = { 0 };
	struct chain chain = { 0 };
	child_start(&child, without_fde, 1);
	unwind_thread(&child, child.pid, &chain);
	assert_int_equal(chain.end, GRAFT_UNWIND_LOST);
	assert_int_equal(chain.frames[chain.count - 1].pc,
			 (uintptr_t)behind_call_by_frame_pointer);
	child_end(&child);
}

// Its table says that its frame lies below itself: a loop, if believed.
void
call_with_a_lie(void (*fn)(void));
__asm__(".pushsection .text\n"
	".globl call_with_a_lie\n"
	".type call_with_a_lie, @function\n"
	"call_with_a_lie:\n"
	"	.cfi_startproc\n"
	"	sub $24, %rsp\n"
	"	.cfi_def_cfa_offset 0\n"
	"	.cfi_offset rip, 16\n"
	"	lea 1f(%rip), %rax\n"
	"	mov %rax, 16(%rsp)\n"
	"	call *%rdi\n"
	"1:	add $24, %rsp\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size call_with_a_lie, . - call_with_a_lie\n"
	".popsection\n");

static void
with_a_lie(void)
{
	call_with_a_lie(stand);
	NO_TAIL_CALL();
}

static void
a_frame_that_does_not_rise_ends_as_lost(void **state)
{
	(void)state;
	struct child child = { 0 };
	struct chain chain = { 0 };
	child_start(&child, with_a_lie, 1);
	unwind_thread(&child, child.pid, &chain);
	assert_int_equal(chain.end, GRAFT_UNWIND_LOST);
	assert_in_range(chain.count, 2, 10);
	child_end(&child);
}

// As the dynamic linker's resolver does: the frame is found by rbx, which the
// functions that it calls leave as it is.
void
call_by_rbx(void (*fn)(void));
__asm__(".pushsection .text\n"
	".globl call_by_rbx\n"
	".type call_by_rbx, @function\n"
	"call_by_rbx:\n"
	"	.cfi_startproc\n"
	"	push %rbx\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_offset rbx, -16\n"
	"	mov %rsp, %rbx\n"
	"	.cfi_def_cfa_register rbx\n"
	"	and $-64, %rsp\n"
	"	call *%rdi\n"
	"	mov %rbx, %rsp\n"
	"	.cfi_def_cfa_register rsp\n"
	"	pop %rbx\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size call_by_rbx, . - call_by_rbx\n"
	".popsection\n");

static void
spin_by_rbx(void)
{
	atomic_fetch_add(&told->ready, 1);
	call_by_rbx(spin);
	NO_TAIL_CALL();
}

static void
a_frame_that_is_found_by_rbx_is_undone(void **state)
{
	(void)state;
	struct child child = { 0 };
	struct chain chain = { 0 };
	child_start(&child, spin_by_rbx, 1);
	unwind_thread(&child, child.pid, &chain);
	assert_int_equal(chain.end, GRAFT_UNWIND_ROOT);
	child_end(&child);
}

static void
enough_is_enough(void **state)
{
	(void)state;
	struct child child = { 0 };
	struct chain chain = { .limit = 3 };
	child_start(&child, deep_in_main, 1);
	unwind_thread(&child, child.pid, &chain);
	assert_int_equal(chain.end, GRAFT_UNWIND_ENOUGH);
	assert_int_equal(chain.count, 3);
	child_end(&child);
}

static void
a_module_that_moved_is_not_trusted(void **state)
{
	(void)state;
	struct child child = { 0 };
	child_start(&child, deep_in_main, 1);
	// A program with other mappings stands in for one that changed them.
	struct chain chain = { .other = getppid() };
	unwind_thread(&child, child.pid, &chain);
	assert_int_equal(chain.end, GRAFT_UNWIND_LOST);
	assert_false(has_pc(&chain, told->words[3]));
	child_end(&child);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_main_thread_is_unwound_to_its_root),
		cmocka_unit_test(a_thread_is_unwound_to_its_root),
		cmocka_unit_test(a_signal_frame_is_passed_and_its_pc_is_exact),
		cmocka_unit_test(a_frame_without_fde_ends_as_lost),
		cmocka_unit_test(a_frame_that_does_not_rise_ends_as_lost),
		cmocka_unit_test(a_frame_that_is_found_by_rbx_is_undone),
		cmocka_unit_test(enough_is_enough),
		cmocka_unit_test(a_module_that_moved_is_not_trusted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
