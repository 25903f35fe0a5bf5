// SPDX-License-Identifier: Apache-2.0

#include "plan/replace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

static const char *const ids[] = {
	"00000000000000000000000000000000",
	"11111111111111111111111111111111",
	"22222222222222222222222222222222",
};

/** A chain of three headers in one module: the last is in. */
struct chain {
	struct graft_header headers[3];
	struct graft_header *list[3];
	struct graft_headers all;
	struct graft_making making;
};

static void
make(struct chain *chain)
{
	*chain = (struct chain){ 0 };
	for (int i = 0; i < 3; i++) {
		struct graft_header *h = &chain->headers[i];
		h->addr = 0x10000 * (uint64_t)(i + 1);
		h->base = 0x400000;
		h->module = (char *)"/lib/x.so";
		memcpy(h->id, ids[i], sizeof(h->id));
		chain->list[i] = h;
		if (i == 0)
			continue;
		h->before.addr = chain->headers[i - 1].addr;
		memcpy(h->before.id, ids[i - 1], sizeof(h->before.id));
	}
	chain->all = (struct graft_headers){ chain->list, 3 };
	chain->making.headers = &chain->all;
}

static void
what_is_in_is_noted_as_the_one_before(void **state)
{
	(void)state;
	struct chain chain;
	make(&chain);
	struct graft_plan_module module = { .replaced = &chain.headers[2] };

	graft_replace_note(&chain.making, NULL, &module);
	assert_int_equal(module.header.before.addr, 0x30000);
	assert_string_equal(module.header.before.id, ids[2]);
	assert_null(module.above);
	module.replaced = NULL;
	graft_replace_note(&chain.making, NULL, &module);
	assert_int_equal(module.header.before.addr, 0);
	assert_string_equal(module.header.before.id, "");
}

static void
one_of_the_chain_is_taken_out_of_it_first(void **state)
{
	(void)state;
	struct chain chain;
	make(&chain);
	struct graft_plan_module module = { .replaced = &chain.headers[2] };

	graft_replace_note(&chain.making, &chain.headers[1], &module);
	assert_int_equal(module.header.before.addr, 0x30000);
	assert_ptr_equal(module.above, &chain.headers[2]);
	assert_int_equal(module.below.addr, 0x10000);
	module.above = NULL;
	graft_replace_note(&chain.making, &chain.headers[0], &module);
	assert_ptr_equal(module.above, &chain.headers[1]);
	assert_int_equal(module.below.addr, 0);
}

static void
a_chain_ends_where_a_page_is_gone_or_another_ones(void **state)
{
	(void)state;
	struct chain chain;
	make(&chain);

	assert_true(graft_headers_in_chain(&chain.all, &chain.headers[2],
					   &chain.headers[0]));
	assert_false(graft_headers_in_chain(&chain.all, &chain.headers[0],
					    &chain.headers[2]));
	memcpy(chain.headers[2].before.id, ids[0], sizeof(chain.headers[2].id));
	assert_null(graft_headers_before(&chain.all, &chain.headers[2]));
	make(&chain);
	chain.headers[1].base = 0x800000;
	assert_null(graft_headers_before(&chain.all, &chain.headers[2]));
}

static void
a_chain_in_a_circle_ends(void **state)
{
	(void)state;
	struct chain chain;
	make(&chain);
	struct graft_header other = { 0 };

	chain.headers[0].before.addr = chain.headers[2].addr;
	memcpy(chain.headers[0].before.id, ids[2], sizeof(other.id));
	assert_true(graft_headers_in_chain(&chain.all, &chain.headers[1],
					   &chain.headers[1]));
	assert_false(
		graft_headers_in_chain(&chain.all, &chain.headers[1], &other));
}

static void
expect_refused(const struct graft_plan_module *module)
{
	struct graft_error *err = graft_replace_check(module);

	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_REFUSED);
	assert_non_null(strstr(graft_error_message(err), "R-12"));
	graft_error_free(err);
}

static void
hotpatches_that_contradict_each_other_are_refused(void **state)
{
	(void)state;
	struct graft_header_redirect a = { .entry = 0x1000,
					   .original = { 1, 2, 3, 4, 5 },
					   .name = (char *)"a" };
	struct graft_header_redirect b = a;
	struct graft_header from = { .redirects = &a, .redirect_count = 1 };
	struct graft_plan_module module = {
		.header = { .redirects = &b, .redirect_count = 1 },
		.replaced = &from,
	};

	assert_null(graft_replace_check(&module));
	b.original[4] = 6;
	expect_refused(&module);
	b = a;
	b.skip = 4;
	expect_refused(&module);
	b = a;
	b.entry += 4;
	expect_refused(&module);
	b.entry += 1;
	assert_null(graft_replace_check(&module));
	b = a;
	b.skip = 5;
	assert_null(graft_replace_check(&module));
}

static void
new_variables_on_both_sides_are_refused(void **state)
{
	(void)state;
	struct graft_header_region region = { 0x1000, 0x1000,
					      PROT_READ | PROT_WRITE };
	struct graft_header from = { .regions = &region, .region_count = 1 };
	struct graft_plan_module module = {
		.header = { .regions = &region, .region_count = 1 },
		.replaced = &from,
	};

	expect_refused(&module);
	module.header.region_count = 0;
	assert_null(graft_replace_check(&module));
	module.header.region_count = 1;
	from.region_count = 0;
	assert_null(graft_replace_check(&module));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_is_noted_as_the_one_before),
		cmocka_unit_test(one_of_the_chain_is_taken_out_of_it_first),
		cmocka_unit_test(
			a_chain_ends_where_a_page_is_gone_or_another_ones),
		cmocka_unit_test(a_chain_in_a_circle_ends),
		cmocka_unit_test(
			hotpatches_that_contradict_each_other_are_refused),
		cmocka_unit_test(new_variables_on_both_sides_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
