// SPDX-License-Identifier: Apache-2.0

#include "plan/hook.h"

#include "../patch/frames_module.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

/** What libgcc_s has the finder fill in. */
struct bases {
	void *tbase;
	void *dbase;
	void *func;
};

typedef const void *
find_fn(void *pc, struct bases *bases);

static const char other[] = "another answer";

static const void *
ask_next(void *pc, struct bases *bases)
{
	bases->func = pc;
	return other;
}

/** A hook that can be called. */
struct live {
	uint8_t *page;
	uint64_t shadow_base;
	find_fn *find;
};

static struct live
make(const struct graft_patch_module *module)
{
	struct live live = { 0 };
	struct graft_shadow_piece piece = { 0 };
	find_fn *next = ask_next;

	live.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(live.page, MAP_FAILED);
	// As far away as the runs of a hotpatch may be.
	live.shadow_base = (uint64_t)live.page - 0x40000000;
	struct graft_hook hook = { .addr = (uint64_t)live.page };
	memcpy(&hook.next, &next, sizeof(next));
	assert_null(graft_hook_make(module, live.shadow_base, &hook, &piece));
	assert_true(piece.len <= 4096);
	assert_int_equal(piece.prot, PROT_READ | PROT_EXEC);
	memcpy(live.page, piece.bytes, piece.len);
	assert_true(graft_hook_begins(piece.bytes, piece.len));
	assert_false(graft_hook_begins(piece.bytes, 100));
	piece.bytes[GRAFT_HOOK_ENTRY_OFF]++;
	assert_false(graft_hook_begins(piece.bytes, piece.len));
	free(piece.bytes);
	assert_return_code(mprotect(live.page, 4096, PROT_READ | PROT_EXEC), 0);
	const uint8_t *entry = live.page + GRAFT_HOOK_ENTRY_OFF;
	memcpy(&live.find, &entry, sizeof(entry));
	return live;
}

static const void *
ask(const struct live *live, uint64_t new_addr, struct bases *bases)
{
	memset(bases, 0x55, sizeof(*bases));
	return live->find((void *)(live->shadow_base + new_addr), bases);
}

static void
a_hook_answers_for_each_byte_of_carried_code(void **state)
{
	(void)state;
	struct frames_module m = frames_module_make();
	struct live live = make(&m.module);
	struct bases bases;

	for (size_t i = 0; i < FRAMES_COUNT; i++) {
		uint64_t start = frames_module_code[i].new_addr;
		for (uint64_t k = 0; k < frames_module_code[i].size; k++) {
			const uint8_t *fde = ask(&live, start + k, &bases);
			assert_int_equal((uint64_t)fde,
					 live.shadow_base + m.fdes[i]);
			assert_null(bases.tbase);
			assert_null(bases.dbase);
			assert_int_equal((uint64_t)bases.func,
					 live.shadow_base + start);
		}
	}
	munmap(live.page, 4096);
	frames_module_deinit(&m);
}

static void
a_hook_hands_on_what_is_not_its_own(void **state)
{
	(void)state;
	struct frames_module m = frames_module_make();
	struct live live = make(&m.module);
	struct bases bases;
	uint64_t first = frames_module_code[0].new_addr;
	uint64_t between = first + frames_module_code[0].size;
	uint64_t end = frames_module_code[FRAMES_COUNT - 1].new_addr +
		       frames_module_code[FRAMES_COUNT - 1].size;
	const uint64_t strange[] = { first - 1, between, end, 0,
				     end + 0x100000000 };

	for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
		assert_ptr_equal(ask(&live, strange[i], &bases), other);
		assert_int_equal((uint64_t)bases.func,
				 live.shadow_base + strange[i]);
	}
	munmap(live.page, 4096);
	frames_module_deinit(&m);
}

static void
a_module_without_unwind_tables_needs_no_hook(void **state)
{
	(void)state;
	const struct graft_patch_module none = { 0 };
	struct frames_module m = frames_module_make();

	assert_int_equal(graft_hook_room(&none), 0);
	assert_int_equal(graft_hook_room(&m.module), 4096);
	frames_module_deinit(&m);
}

static void
frames_out_of_reach_are_refused(void **state)
{
	(void)state;
	struct frames_module m = frames_module_make();
	struct graft_shadow_piece piece = { 0 };
	const struct graft_hook hook = { .addr = UINT64_C(0x100000000000) };
	struct graft_error *err = graft_hook_make(&m.module, 0, &hook, &piece);

	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	graft_error_free(err);
	frames_module_deinit(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hook_answers_for_each_byte_of_carried_code),
		cmocka_unit_test(a_hook_hands_on_what_is_not_its_own),
		cmocka_unit_test(a_module_without_unwind_tables_needs_no_hook),
		cmocka_unit_test(frames_out_of_reach_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
