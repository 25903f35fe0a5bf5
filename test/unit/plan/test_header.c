// SPDX-License-Identifier: Apache-2.0

#include "plan/header.h"

#include "patch/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

/** A header with one of everything; free with graft_header_deinit(). */
static struct graft_header
sample(void)
{
	struct graft_header h = {
		.state = GRAFT_HEADER_APPLIED,
		.changed_us = 1700000000000001,
		.created_us = 1700000000000000,
		.addr = 0x7f0000010000,
		.len = 4096,
		.base = 0x7f0000100000,
		.start = 0x7f0000100000,
		.end = 0x7f0000200000,
		.shadow_base = 0x7f0000000000,
		.build_id_addr = 0x7f0000100200,
		.id = "0123456789abcdef0123456789abcdef",
		.old_build_id = { 1, 2, 3 },
		.old_build_id_len = 20,
		.new_build_id = { 4, 5, 6 },
		.new_build_id_len = 20,
		.title = strdup("a title"),
		.module = strdup("/lib/x.so"),
		.regions = calloc(2, sizeof(*h.regions)),
		.region_count = 2,
		.redirects = calloc(1, sizeof(*h.redirects)),
		.redirect_count = 1,
		.fragments = calloc(1, sizeof(*h.fragments)),
		.fragment_count = 1,
		.before = { 0x7e0000010000,
			    "00112233445566778899aabbccddeeff" },
		.objects = calloc(1, sizeof(*h.objects)),
		.object_count = 1,
	};
	h.objects[0] = (struct graft_header_object){
		.addr = 0x7f0000004010,
		.size = 24,
		.identity = { 7, 8, 9 },
	};
	h.regions[0] = (struct graft_header_region){
		.addr = 0x7f0000001000,
		.len = 8192,
		.prot = PROT_READ | PROT_EXEC,
	};
	h.regions[1] = (struct graft_header_region){
		.addr = 0x7f0000004000,
		.len = 4096,
		.prot = PROT_READ | PROT_WRITE,
	};
	h.redirects[0] = (struct graft_header_redirect){
		.entry = 0x7f0000101000,
		.skip = 4,
		.target = 0x7f0000001010,
		.original = { 0x55, 0x48, 0x89, 0xe5, 0x90 },
		.name = strdup("parse"),
	};
	assert_true(graft_jump_encode(0x7f0000101004, 0x7f0000001010,
				      h.redirects[0].jump));
	h.fragments[0] = (struct graft_header_fragment){
		.addr = 0x7f0000101000,
		.size = 64,
	};
	return h;
}

/** Encode the sample, after a change; free the result. */
static uint8_t *
encode(void (*change)(struct graft_header *), size_t *len)
{
	struct graft_header h = sample();
	uint8_t *bytes;

	if (change)
		change(&h);
	assert_null(graft_header_encode(&h, &bytes, len));
	graft_header_deinit(&h);
	return bytes;
}

static void
expect_bad(const uint8_t *bytes, size_t len)
{
	struct graft_header *h = NULL;
	struct graft_error *err = graft_header_decode(bytes, len, &h);

	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	assert_null(h);
	graft_error_free(err);
}

static void
what_decodes_encodes_to_the_same_bytes(void **state)
{
	(void)state;
	size_t len;
	size_t again_len;
	uint8_t *bytes = encode(NULL, &len);
	uint8_t *again;
	struct graft_header *h;

	assert_null(graft_header_decode(bytes, len, &h));
	assert_string_equal(h->title, "a title");
	assert_string_equal(h->redirects[0].name, "parse");
	assert_int_equal(h->regions[1].prot, PROT_READ | PROT_WRITE);
	assert_int_equal(h->build_id_addr, 0x7f0000100200);
	assert_int_equal(h->fragments[0].size, 64);
	assert_int_equal(h->before.addr, 0x7e0000010000);
	assert_string_equal(h->before.id, "00112233445566778899aabbccddeeff");
	assert_int_equal(h->objects[0].addr, 0x7f0000004010);
	assert_int_equal(h->objects[0].identity[2], 9);
	assert_null(graft_header_encode(h, &again, &again_len));
	assert_int_equal(len, again_len);
	assert_memory_equal(bytes, again, len);
	graft_header_free(h);
	free(bytes);
	free(again);
}

static void
longest_title(struct graft_header *h)
{
	free(h->title);
	h->title = malloc(GRAFT_PATCH_STRING_MAX + 1);
	assert_non_null(h->title);
	memset(h->title, 'x', GRAFT_PATCH_STRING_MAX);
	h->title[GRAFT_PATCH_STRING_MAX] = '\0';
}

static void
the_longest_title_of_a_hotpatch_can_be_read_back(void **state)
{
	(void)state;
	size_t len;
	struct graft_header *h = NULL;
	uint8_t *bytes = encode(longest_title, &len);

	assert_null(graft_header_decode(bytes, len, &h));
	assert_int_equal(strlen(h->title), GRAFT_PATCH_STRING_MAX);
	graft_header_free(h);
	free(bytes);
}

static void
every_prefix_is_refused(void **state)
{
	(void)state;
	size_t len;
	uint8_t *bytes = encode(NULL, &len);

	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *copy = malloc(cut + 1);
		memcpy(copy, bytes, cut);
		expect_bad(copy, cut);
		free(copy);
	}
	free(bytes);
}

static void
every_flipped_bit_but_those_of_the_time_is_refused(void **state)
{
	(void)state;
	size_t len;
	uint8_t *bytes = encode(NULL, &len);

	for (size_t bit = 0; bit < len * 8; bit++) {
		struct graft_header *h = NULL;
		if (bit / 8 >= 24 && bit / 8 < 32)
			continue;
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		struct graft_error *err = graft_header_decode(bytes, len, &h);
		assert_non_null(err);
		graft_error_free(err);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	free(bytes);
}

/** With the checksum made right again, what gets through round-trips. */
static void
a_sealed_flipped_bit_is_refused_or_round_trips(void **state)
{
	(void)state;
	size_t len;
	uint8_t *bytes = encode(NULL, &len);
	size_t through = 0;

	for (size_t bit = 0; bit < len * 8; bit++) {
		struct graft_header *h = NULL;
		uint8_t *copy = malloc(len);
		memcpy(copy, bytes, len);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_null(graft_header_seal(copy, len));
		struct graft_error *err = graft_header_decode(copy, len, &h);
		graft_error_free(err);
		if (h) {
			uint8_t *again;
			size_t again_len;
			assert_null(graft_header_encode(h, &again, &again_len));
			assert_int_equal(again_len, len);
			assert_memory_equal(again, copy, len);
			free(again);
			graft_header_free(h);
			through++;
		}
		free(copy);
	}
	assert_true(through > 0 && through < len * 8);
	free(bytes);
}

static void
write_and_exec(struct graft_header *h)
{
	h->regions[0].prot |= PROT_WRITE;
}

static void
outside_entry(struct graft_header *h)
{
	h->redirects[0].entry = h->end - 5;
}

static void
other_jump(struct graft_header *h)
{
	h->redirects[0].jump[1] ^= 1;
}

static void
wild_fragment(struct graft_header *h)
{
	h->fragments[0].redirect = 1;
}

static void
wrapping_region(struct graft_header *h)
{
	h->regions[0].addr = UINT64_MAX - 4095;
}

static void
zero_state(struct graft_header *h)
{
	h->state = 0;
}

static void
half_before(struct graft_header *h)
{
	h->before.id[31] = '\0';
}

static void
before_within_a_page(struct graft_header *h)
{
	h->before.addr += 8;
}

static void
wild_object(struct graft_header *h)
{
	h->objects[0].size = UINT64_MAX;
}

static void
what_no_header_says_is_refused(void **state)
{
	(void)state;
	void (*const changes[])(struct graft_header *) = {
		write_and_exec, outside_entry,        other_jump,
		wild_fragment,  wrapping_region,      zero_state,
		half_before,    before_within_a_page, wild_object,
	};
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		size_t len;
		uint8_t *bytes = encode(changes[i], &len);
		expect_bad(bytes, len);
		free(bytes);
	}
}

static void
counts_that_lie_are_refused_without_memory_for_them(void **state)
{
	(void)state;
	size_t len;

	for (size_t off = 296; off < 312; off += 4) {
		uint8_t *bytes = encode(NULL, &len);
		memset(bytes + off, 0xff, 4);
		assert_null(graft_header_seal(bytes, len));
		expect_bad(bytes, len);
		free(bytes);
	}
}

static void
a_newer_format_is_unsupported(void **state)
{
	(void)state;
	size_t len;
	struct graft_header *h = NULL;
	uint8_t *bytes = encode(NULL, &len);

	bytes[8]++;
	assert_null(graft_header_seal(bytes, len));
	struct graft_error *err = graft_header_decode(bytes, len, &h);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_UNSUPPORTED);
	graft_error_free(err);
	free(bytes);
}

static void
first_format(struct graft_header *h)
{
	h->version = 1;
	h->before = (struct graft_header_before){ 0 };
	h->object_count = 0;
}

static void
a_page_of_the_first_format_has_none_before_it(void **state)
{
	(void)state;
	size_t len;
	size_t again_len;
	struct graft_header *h = NULL;
	uint8_t *again;
	uint8_t *bytes = encode(first_format, &len);

	assert_int_equal(bytes[8], 1);
	assert_memory_equal(bytes + 312, "\x07\0\0\0a title", 11);
	assert_null(graft_header_decode(bytes, len, &h));
	assert_int_equal(h->before.addr, 0);
	assert_null(graft_header_encode(h, &again, &again_len));
	assert_int_equal(again_len, len);
	assert_memory_equal(again, bytes, len);
	// It never had objects.
	bytes[308] = 1;
	assert_null(graft_header_seal(bytes, len));
	expect_bad(bytes, len);
	graft_header_free(h);
	free(again);
	free(bytes);
}

static void
the_one_before_changes_in_place(void **state)
{
	(void)state;
	size_t len;
	struct graft_header *h;
	uint8_t *bytes = encode(NULL, &len);
	struct graft_header_before none = { 0 };

	graft_header_before_encode(&none, bytes + GRAFT_HEADER_BEFORE_OFF);
	assert_null(graft_header_decode(bytes, len, &h));
	assert_int_equal(h->before.addr, 0);
	assert_string_equal(h->before.id, "");
	graft_header_free(h);
	free(bytes);
}

static void
the_state_changes_in_place(void **state)
{
	(void)state;
	size_t len;
	struct graft_header *h;
	uint8_t *bytes = encode(NULL, &len);

	graft_header_state_encode(GRAFT_HEADER_REVERTED, 77,
				  bytes + GRAFT_HEADER_STATE_OFF);
	assert_null(graft_header_decode(bytes, len, &h));
	assert_int_equal(h->state, GRAFT_HEADER_REVERTED);
	assert_int_equal(h->changed_us, 77);
	assert_false(h->immediate);
	graft_header_free(h);

	graft_header_state_encode(GRAFT_HEADER_APPLIED,
				  78 | GRAFT_HEADER_IMMEDIATE,
				  bytes + GRAFT_HEADER_STATE_OFF);
	assert_null(graft_header_decode(bytes, len, &h));
	assert_int_equal(h->changed_us, 78);
	assert_true(h->immediate);
	size_t again_len;
	uint8_t *again;
	assert_null(graft_header_encode(h, &again, &again_len));
	assert_int_equal(again_len, len);
	assert_memory_equal(again, bytes, len);
	free(again);
	graft_header_free(h);
	free(bytes);
}

static void
a_jump_reaches_two_gigabytes_and_no_further(void **state)
{
	(void)state;
	uint8_t jump[GRAFT_JUMP_SIZE];
	uint64_t from = 0x7f0000000000;

	assert_true(graft_jump_encode(from, from + 5 + INT32_MAX, jump));
	assert_false(graft_jump_encode(from, from + 6 + INT32_MAX, jump));
	assert_true(
		graft_jump_encode(from, from + 5 - ((uint64_t)1 << 31), jump));
	assert_false(
		graft_jump_encode(from, from + 4 - ((uint64_t)1 << 31), jump));
	assert_true(graft_jump_encode(from, from + 5 + 0x11223344, jump));
	const uint8_t want[] = { 0xe9, 0x44, 0x33, 0x22, 0x11 };
	assert_memory_equal(jump, want, sizeof(want));
}

static void
a_header_that_was_cut_while_it_was_written_is_known(void **state)
{
	(void)state;
	struct graft_header h = sample();
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;
	uint8_t page[4096] = { 0 };

	h.state = GRAFT_HEADER_BUILDING;
	assert_null(graft_header_encode(&h, &bytes, &len));
	// All but the end was written.
	enum graft_header_state is = GRAFT_HEADER_APPLIED;
	memcpy(page, bytes, len - 20);
	assert_true(graft_header_begins(page, &h, &is));
	assert_int_equal(is, GRAFT_HEADER_BUILDING);
	struct graft_header other = h;
	other.addr += 4096;
	assert_false(graft_header_begins(page, &other, &is));
	other = h;
	other.len += 4096;
	assert_false(graft_header_begins(page, &other, &is));
	other = h;
	other.id[31] = 'e';
	assert_false(graft_header_begins(page, &other, &is));
	other.id[0] = '\0';
	assert_false(graft_header_begins(page, &other, &is));
	graft_header_state_encode(GRAFT_HEADER_APPLIED, 1,
				  page + GRAFT_HEADER_STATE_OFF);
	assert_true(graft_header_begins(page, &h, &is));
	assert_int_equal(is, GRAFT_HEADER_APPLIED);
	memset(page, 0, sizeof(page));
	assert_false(graft_header_begins(page, &h, &is));
	graft_header_deinit(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_header_that_was_cut_while_it_was_written_is_known),
		cmocka_unit_test(what_decodes_encodes_to_the_same_bytes),
		cmocka_unit_test(
			the_longest_title_of_a_hotpatch_can_be_read_back),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(
			every_flipped_bit_but_those_of_the_time_is_refused),
		cmocka_unit_test(
			a_sealed_flipped_bit_is_refused_or_round_trips),
		cmocka_unit_test(what_no_header_says_is_refused),
		cmocka_unit_test(
			counts_that_lie_are_refused_without_memory_for_them),
		cmocka_unit_test(a_newer_format_is_unsupported),
		cmocka_unit_test(the_state_changes_in_place),
		cmocka_unit_test(the_one_before_changes_in_place),
		cmocka_unit_test(a_page_of_the_first_format_has_none_before_it),
		cmocka_unit_test(a_jump_reaches_two_gigabytes_and_no_further),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
