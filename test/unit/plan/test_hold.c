// SPDX-License-Identifier: Apache-2.0

#include "plan/hold.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	PAGE = 4096,
};

static const char id[] = "0123456789abcdef0123456789abcdef";
static const uint8_t jump[GRAFT_JUMP_SIZE] = { 0xe9, 1, 2, 3, 4 };

/** A header page and a function's entry, as a process with a hotpatch has them. */
struct stage {
	uint8_t *page;
	uint8_t *entry;
	struct graft_header_region region;
	struct graft_header_redirect redirect;
	struct graft_header header;
	struct graft_hold hold;
};

static void
write_page(struct stage *stage, enum graft_header_state state)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	stage->header.state = state;
	assert_null(graft_header_encode(&stage->header, &bytes, &len));
	memcpy(stage->page, bytes, len);
}

static void
set_stage(struct stage *stage)
{
	uint8_t *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	*stage = (struct stage){
		.page = memory,
		.entry = memory + PAGE,
		.header = { .addr = (uintptr_t)memory,
			    .len = PAGE,
			    .title = (char *)"a title",
			    .module = (char *)"/lib/x.so",
			    .region_count = 1,
			    .redirect_count = 1 },
	};
	stage->redirect = (struct graft_header_redirect){
		.entry = (uintptr_t)stage->entry,
		.skip = 4,
		.name = (char *)"parse",
	};
	stage->header.regions = &stage->region;
	stage->header.redirects = &stage->redirect;
	memcpy(stage->header.id, id, sizeof(id));
	memcpy(stage->redirect.jump, jump, sizeof(jump));
	write_page(stage, GRAFT_HEADER_APPLIED);
	memcpy(stage->entry + 4, jump, sizeof(jump));
	graft_hold_remember(&stage->hold, &stage->header);
}

/** Ask of a child that has what we have now. */
static bool
ask_child(const struct stage *stage, const char *of)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	bool here = graft_hold_is_here(&stage->hold, child, of);
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	return here;
}

static void
a_child_holds_what_its_parent_held(void **state)
{
	struct stage stage;
	struct graft_hold none = { 0 };

	(void)state;
	set_stage(&stage);
	assert_true(ask_child(&stage, id));
	assert_false(ask_child(&stage, "another hotpatch"));
	assert_false(graft_hold_is_here(&none, getpid(), id));
	assert_false(graft_hold_is_here(&none, getpid(), ""));
	(void)munmap(stage.page, 2 * PAGE);
}

static void
only_what_is_applied_and_has_its_jump_is_held(void **state)
{
	struct stage stage;

	(void)state;
	set_stage(&stage);
	for (int i = 0; i <= GRAFT_HEADER_LEAVING; i++) {
		write_page(&stage, (enum graft_header_state)i);
		assert_int_equal(ask_child(&stage, id),
				 i == GRAFT_HEADER_APPLIED);
	}
	write_page(&stage, GRAFT_HEADER_APPLIED);
	stage.entry[4] ^= 1;
	assert_false(ask_child(&stage, id));
	stage.entry[4] ^= 1;
	assert_true(ask_child(&stage, id));
	// A copy of the page is none.
	stage.header.addr += PAGE;
	write_page(&stage, GRAFT_HEADER_APPLIED);
	assert_false(ask_child(&stage, id));
	(void)munmap(stage.page, 2 * PAGE);
	assert_false(ask_child(&stage, id));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_holds_what_its_parent_held),
		cmocka_unit_test(only_what_is_applied_and_has_its_jump_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
