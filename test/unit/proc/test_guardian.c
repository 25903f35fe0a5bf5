// SPDX-License-Identifier: Apache-2.0

#include "proc/guardian.h"

#include "await.h"

#include "base/error.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/** What a guardian and its test share. */
struct page {
	atomic_int started;
	/** Set when the guardian may go on. */
	atomic_int go;
	atomic_int done;
};

static struct page *
page_new(void)
{
	struct page *page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(page, MAP_FAILED);
	return page;
}

static struct graft_error *
fill(void *ctx, void *message, size_t size, size_t *len_ret)
{
	size_t len = ctx ? *(size_t *)ctx : 0;
	assert_true(len <= size);
	memset(message, 'x', len);
	*len_ret = len;
	return NULL;
}

static void
a_message_of_any_length_arrives(void **state)
{
	(void)state;
	static char message[1 << 20];
	static const size_t lens[] = { 0, 1, 4096, 65536, 65537, 1 << 20 };
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		size_t want = lens[i];
		size_t len = 99;
		memset(message, 0, sizeof(message));
		assert_null(graft_guardian_run(fill, &want, message,
					       sizeof(message), &len));
		assert_int_equal(len, want);
		assert_true(len == 0 ||
			    (message[0] == 'x' && message[len - 1] == 'x'));
		assert_true(len == sizeof(message) || message[len] == 0);
	}
}

static struct graft_error *
refuse(void *ctx, void *message, size_t size, size_t *len_ret)
{
	(void)ctx;
	(void)message;
	(void)size;
	(void)len_ret;
	return graft_error_new(GRAFT_ERROR_FUNCTION_ACTIVE, "R-13: in %s", "f");
}

static void
an_error_keeps_its_code_and_its_text(void **state)
{
	(void)state;
	char message[8] = "as was";
	size_t len = 5;
	struct graft_error *err = graft_guardian_run(refuse, NULL, message,
						     sizeof(message), &len);
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_FUNCTION_ACTIVE);
	assert_string_equal(graft_error_message(err), "R-13: in f");
	assert_int_equal(len, 5);
	assert_string_equal(message, "as was");
	graft_error_free(err);
}

static struct graft_error *
die(void *ctx, void *message, size_t size, size_t *len_ret)
{
	(void)message;
	(void)size;
	(void)len_ret;
	if (ctx)
		(void)kill(getpid(), SIGKILL);
	_exit(0);
}

static void
a_guardian_that_dies_is_an_error(void **state)
{
	(void)state;
	char byte;
	size_t len;
	struct graft_error *err = graft_guardian_run(die, &byte, &byte, 1,
						     &len);
	assert_non_null(err);
	assert_non_null(strstr(graft_error_message(err), "signal 9"));
	graft_error_free(err);
	err = graft_guardian_run(die, NULL, &byte, 1, &len);
	assert_non_null(err);
	assert_non_null(strstr(graft_error_message(err), "without a word"));
	graft_error_free(err);
}

static struct graft_error *
take_long(void *ctx, void *message, size_t size, size_t *len_ret)
{
	struct page *page = ctx;
	(void)size;
	atomic_store(&page->started, (int)getpid());
	atomic_store(&page->done, reaches(&page->go, 1) ? 1 : -1);
	memset(message, 0, 1);
	*len_ret = 1;
	return NULL;
}

static void
the_work_is_finished_when_the_parent_is_killed(void **state)
{
	(void)state;
	struct page *page = page_new();
	pid_t parent = fork();
	if (parent == 0) {
		char byte;
		size_t len;
		struct graft_error *err = graft_guardian_run(take_long, page,
							     &byte, 1, &len);
		_exit(err ? 1 : 0);
	}
	assert_true(reaches(&page->started, 1));
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	assert_int_equal(atomic_load(&page->done), 0);
	atomic_store(&page->go, 1);
	assert_true(reaches(&page->done, 1));
	(void)munmap(page, sizeof(*page));
}

static void
signals_of_a_terminal_do_not_reach_it(void **state)
{
	(void)state;
	struct page *page = page_new();
	pid_t parent = fork();
	if (parent == 0) {
		(void)setpgid(0, 0);
		// Ignored where the test runs in the background of a shell.
		(void)signal(SIGINT, SIG_DFL);
		char byte;
		size_t len;
		struct graft_error *err = graft_guardian_run(take_long, page,
							     &byte, 1, &len);
		_exit(err ? 1 : 0);
	}
	assert_true(reaches(&page->started, 1));
	pid_t guardian = atomic_load(&page->started);
	assert_int_equal(getsid(guardian), guardian);
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP };
	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++)
		assert_int_equal(kill(guardian, sigs[i]), 0);
	assert_int_equal(kill(-parent, SIGINT), 0);
	int status;
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(atomic_load(&page->done), 0);
	atomic_store(&page->go, 1);
	assert_true(reaches(&page->done, 1));
	(void)munmap(page, sizeof(*page));
}

enum { PIECES = 6 };

/** What pieces share with their test, and what was taken. */
struct pieces {
	struct page *page;
	/** Which piece is killed, or -1. */
	int killed;
	size_t taken;
	bool dead[PIECES];
	bool failed[PIECES];
	/** The guardian of each piece. */
	pid_t who[PIECES];
};

static struct graft_error *
do_piece(void *ctx, size_t index, void *message, size_t size, size_t *len_ret)
{
	struct pieces *pieces = ctx;
	pid_t pid = getpid();

	assert_int_equal(size, sizeof(pid));
	if ((int)index == pieces->killed)
		(void)kill(pid, SIGKILL);
	if (index == 1)
		return graft_error_new(GRAFT_ERROR_REFUSED, "not %zu", index);
	memcpy(message, &pid, sizeof(pid));
	*len_ret = sizeof(pid);
	return NULL;
}

static void
take_piece(void *ctx, size_t index, struct graft_error *err, bool dead,
	   const void *message, size_t len)
{
	struct pieces *pieces = ctx;

	assert_int_equal(index, pieces->taken++);
	pieces->dead[index] = dead;
	pieces->failed[index] = err != NULL;
	if (!err) {
		assert_int_equal(len, sizeof(pid_t));
		memcpy(&pieces->who[index], message, sizeof(pid_t));
	} else {
		assert_non_null(strstr(graft_error_message(err),
				       dead ? "signal 9" : "not 1"));
	}
	graft_error_free(err);
}

static void
run_pieces(struct pieces *pieces)
{
	const struct graft_guardian_work work = {
		.fn = do_piece,
		.take = take_piece,
		.ctx = pieces,
		.count = PIECES,
		.size = sizeof(pid_t),
	};

	graft_guardian_run_all(&work);
}

static void
one_guardian_does_all_pieces_in_order(void **state)
{
	struct pieces pieces = { .killed = -1 };

	(void)state;
	run_pieces(&pieces);
	assert_int_equal(pieces.taken, PIECES);
	for (size_t i = 0; i < PIECES; i++) {
		assert_int_equal(pieces.failed[i], i == 1);
		assert_false(pieces.dead[i]);
		if (i != 1)
			assert_int_equal(pieces.who[i], pieces.who[0]);
	}
	assert_int_not_equal(pieces.who[0], getpid());
}

static void
another_guardian_does_what_a_killed_one_had_not_begun(void **state)
{
	(void)state;
	for (int killed = 0; killed < PIECES; killed++) {
		struct pieces pieces = { .killed = killed };
		run_pieces(&pieces);
		assert_int_equal(pieces.taken, PIECES);
		for (int i = 0; i < PIECES; i++) {
			assert_int_equal(pieces.dead[i], i == killed);
			assert_int_equal(pieces.failed[i],
					 i == 1 || i == killed);
		}
		if (killed == 3)
			assert_int_not_equal(pieces.who[2], pieces.who[4]);
	}
}

static struct graft_error *
take_long_piece(void *ctx, size_t index, void *message, size_t size,
		size_t *len_ret)
{
	struct pieces *pieces = ctx;

	if (index == 0)
		return take_long(pieces->page, message, size, len_ret);
	atomic_store(&pieces->page->done, 2);
	return NULL;
}

static void
for_a_parent_that_is_killed_no_other_piece_is_begun(void **state)
{
	(void)state;
	struct page *page = page_new();
	pid_t parent = fork();
	if (parent == 0) {
		struct pieces pieces = { .page = page };
		const struct graft_guardian_work work = {
			.fn = take_long_piece,
			.take = take_piece,
			.ctx = &pieces,
			.count = 2,
			.size = sizeof(pid_t),
		};
		graft_guardian_run_all(&work);
		_exit(0);
	}
	assert_true(reaches(&page->started, 1));
	pid_t guardian = atomic_load(&page->started);
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	atomic_store(&page->go, 1);
	assert_true(reaches(&page->done, 1));
	// It is nobody's child that we could wait for.
	for (int i = 0; i < 1000 && kill(guardian, 0) == 0; i++)
		(void)usleep(1000);
	assert_int_equal(atomic_load(&page->done), 1);
	(void)munmap(page, sizeof(*page));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_of_any_length_arrives),
		cmocka_unit_test(an_error_keeps_its_code_and_its_text),
		cmocka_unit_test(a_guardian_that_dies_is_an_error),
		cmocka_unit_test(
			the_work_is_finished_when_the_parent_is_killed),
		cmocka_unit_test(signals_of_a_terminal_do_not_reach_it),
		cmocka_unit_test(one_guardian_does_all_pieces_in_order),
		cmocka_unit_test(
			another_guardian_does_what_a_killed_one_had_not_begun),
		cmocka_unit_test(
			for_a_parent_that_is_killed_no_other_piece_is_begun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
