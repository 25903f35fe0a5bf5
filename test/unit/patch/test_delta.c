// SPDX-License-Identifier: Apache-2.0

#include "patch/delta.h"

#include "base/sha256.h"
#include "patch/file.h"
#include "patch/limits.h"
#include "patch/module.h"
#include "sample.h"

#include <zstd.h>

enum {
	OLD_LEN = 20000,
	/** Bytes of OLD in the constants of the sample. */
	SHARED = 4000,
};

/** A hotpatch and the file that its code is a delta to. */
struct sample {
	struct graft_patch *patch;
	struct graft_patch_module *m;
	uint8_t old[OLD_LEN];
};

/** A hotpatch whose constants are those of OLD but for a few bytes. */
static struct sample *
make_whole(void)
{
	struct sample *s = sample_alloc(1, sizeof(*s));
	uint64_t state = 42;

	s->patch = sample_small();
	s->m = &s->patch->modules[0];
	for (size_t i = 0; i < OLD_LEN; i++)
		s->old[i] = (uint8_t)sample_next(&state);
	struct graft_run *run = &s->m->runs[2];
	free(run->bytes);
	run->bytes = sample_alloc(SHARED, 1);
	run->file_len = SHARED;
	run->mem_len = SHARED;
	memcpy(run->bytes, s->old + 7000, SHARED);
	run->bytes[1234] ^= 0x55;
	sample_ok(graft_sha256(s->old, OLD_LEN, s->m->old_sha256));
	return s;
}

static struct sample *
make_delta(void)
{
	struct sample *s = make_whole();

	sample_ok(graft_delta_make(s->m, s->old, OLD_LEN));
	assert_non_null(s->m->delta);
	assert_false(s->m->lacks_code);
	return s;
}

static void
free_sample(struct sample *s)
{
	graft_patch_free(s->patch);
	free(s);
}

/** The bytes of a file. */
struct bytes {
	uint8_t *at;
	size_t len;
};

static struct bytes
encode(struct graft_patch *patch)
{
	struct bytes b;
	sample_ok(graft_patch_encode(patch, &b.at, &b.len));
	return b;
}

static struct graft_patch *
decode(struct bytes b)
{
	struct graft_patch *patch = NULL;
	sample_ok(graft_patch_decode(b.at, b.len, &patch));
	return patch;
}

static void
assert_encodes_to(struct graft_patch *patch, struct bytes b)
{
	struct bytes again = encode(patch);
	assert_int_equal(again.len, b.len);
	assert_memory_equal(again.at, b.at, b.len);
	free(again.at);
}

static void
what_is_stored_as_a_delta_comes_back_whole(void **state)
{
	(void)state;
	struct sample *s = make_delta();
	struct bytes b = encode(s->patch);
	struct graft_patch *read = decode(b);
	struct graft_patch_module *m = &read->modules[0];

	assert_memory_equal(b.at + 512, "{\"format\":2,", 12);
	assert_non_null(memmem(b.at, b.len, ".delta", 6));
	assert_true(m->lacks_code);
	assert_int_equal(m->run_count, s->m->run_count);
	for (size_t i = 0; i < m->run_count; i++) {
		for (size_t k = 0; k < m->runs[i].file_len; k++)
			assert_int_equal(m->runs[i].bytes[k], 0);
	}
	assert_string_equal(m->redirects[0].name, "parse");
	assert_int_equal(m->fix_count, s->m->fix_count);
	assert_encodes_to(read, b);

	sample_ok(graft_delta_complete(m, "old", s->old, OLD_LEN));
	assert_false(m->lacks_code);
	for (size_t i = 0; i < m->run_count; i++) {
		if (m->runs[i].file_len > 0)
			assert_memory_equal(m->runs[i].bytes,
					    s->m->runs[i].bytes,
					    m->runs[i].file_len);
	}
	// The second is not in the map: NEW holds the same bytes.
	for (size_t i = 0; i < 2; i++)
		assert_memory_equal(m->redirects[i].original,
				    s->m->redirects[i].original,
				    GRAFT_JUMP_SIZE);
	assert_encodes_to(read, b);
	// There is nothing left to do, whatever OLD is.
	sample_ok(graft_delta_complete(m, "old", NULL, 0));
	graft_patch_free(read);
	free(b.at);
	free_sample(s);
}

static void
a_delta_is_smaller_and_the_whole_form_is_format_1(void **state)
{
	(void)state;
	struct sample *whole = make_whole();
	struct sample *delta = make_delta();
	struct bytes w = encode(whole->patch);
	struct bytes d = encode(delta->patch);

	assert_memory_equal(w.at + 512, "{\"format\":1,", 12);
	assert_null(memmem(w.at, w.len, "delta", 5));
	assert_null(memmem(w.at, w.len, "skeleton", 8));
	assert_true(d.len + 2000 < w.len);
	// Reading the whole form needs nothing.
	struct graft_patch *read = decode(w);
	assert_false(read->modules[0].lacks_code);
	assert_null(read->modules[0].delta);
	assert_encodes_to(read, w);
	graft_patch_free(read);
	free(w.at);
	free(d.at);
	free_sample(whole);
	free_sample(delta);
}

static void
what_a_delta_does_not_make_smaller_stays_whole(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_small();
	static const uint8_t old[] = "nothing in common";

	sample_ok(graft_sha256(old, sizeof(old), patch->modules[0].old_sha256));
	sample_ok(graft_delta_make(&patch->modules[0], old, sizeof(old)));
	assert_null(patch->modules[0].delta);

	// Zeroes that a jump overwrites, where NEW holds other bytes: a skeleton
	// could not say so.
	struct sample *s = make_whole();
	memset(s->m->redirects[0].original, 0, GRAFT_JUMP_SIZE);
	sample_ok(graft_delta_make(s->m, s->old, OLD_LEN));
	assert_null(s->m->delta);
	free_sample(s);
}

static void
another_old_file_is_refused_and_named(void **state)
{
	(void)state;
	struct sample *s = make_delta();
	struct bytes b = encode(s->patch);
	struct graft_patch *read = decode(b);
	struct graft_patch_module *m = &read->modules[0];

	s->old[OLD_LEN - 1] ^= 1;
	sample_refused(graft_delta_complete(m, "a/b", s->old, OLD_LEN),
		       GRAFT_ERROR_BAD_INPUT, "a/b: not the old build of usr/");
	s->old[OLD_LEN - 1] ^= 1;
	sample_refused(graft_delta_complete(m, "a/b", s->old, OLD_LEN - 1),
		       GRAFT_ERROR_BAD_INPUT, "a/b");
	sample_refused(graft_delta_complete(m, "a/b", s->old, 0),
		       GRAFT_ERROR_BAD_INPUT, "a/b");
	sample_refused(graft_delta_make(s->m, s->old, 0), GRAFT_ERROR_BAD_INPUT,
		       "not the old build");
	assert_true(m->lacks_code);
	assert_encodes_to(read, b);
	sample_ok(graft_delta_complete(m, "a/b", s->old, OLD_LEN));
	graft_patch_free(read);
	free(b.at);
	free_sample(s);
}

static void
a_delta_that_gives_other_code_is_refused(void **state)
{
	(void)state;
	struct sample *s = make_delta();
	struct bytes b = encode(s->patch);
	struct graft_patch *read = decode(b);
	struct graft_patch_module *m = &read->modules[0];
	size_t same = 0;

	m->elf_sha256[0] ^= 1;
	sample_refused(graft_delta_complete(m, "old", s->old, OLD_LEN),
		       GRAFT_ERROR_BAD_INPUT, "SHA-256");
	m->elf_sha256[0] ^= 1;
	for (size_t bit = 0; bit < m->delta_len * 8; bit++) {
		m->delta[bit / 8] ^= (uint8_t)(1U << bit % 8);
		struct graft_error *err = graft_delta_complete(m, "old", s->old,
							       OLD_LEN);
		m->delta[bit / 8] ^= (uint8_t)(1U << bit % 8);
		if (err) {
			assert_int_equal(graft_error_code(err),
					 GRAFT_ERROR_BAD_INPUT);
			assert_true(m->lacks_code);
			graft_error_free(err);
			continue;
		}
		// A bit that means nothing: the same code.
		same++;
		graft_patch_free(read);
		read = decode(b);
		m = &read->modules[0];
	}
	assert_true(same < 16);
	assert_encodes_to(read, b);
	graft_patch_free(read);
	free(b.at);
	free_sample(s);
}

static void
every_cut_and_every_flipped_bit_of_a_file_is_refused(void **state)
{
	(void)state;
	struct sample *s = make_delta();
	struct bytes b = encode(s->patch);
	size_t same = 0;

	for (size_t len = 0; len < b.len; len += 1 + (len % 3)) {
		struct graft_patch *read = NULL;
		GRAFT_FREE uint8_t *cut = sample_alloc(1, len);
		memcpy(cut, b.at, len);
		sample_refused(graft_patch_decode(cut, len, &read),
			       GRAFT_ERROR_BAD_INPUT, NULL);
	}
	for (size_t bit = 0; bit < b.len * 8; bit += sample_bit_step()) {
		struct graft_patch *read = NULL;
		b.at[bit / 8] ^= (uint8_t)(1U << bit % 8);
		struct graft_error *err = graft_patch_decode(b.at, b.len,
							     &read);
		// Inside the delta: what it gives is looked at with OLD.
		if (!err) {
			assert_encodes_to(read, b);
			err = graft_delta_complete(&read->modules[0], "old",
						   s->old, OLD_LEN);
			same += !err;
		}
		graft_error_free(err);
		graft_patch_free(read);
		b.at[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	assert_true(same < 64);
	free(b.at);
	free_sample(s);
}

static void
flipped_bits_with_hashes_made_right_are_bounded(void **state)
{
	(void)state;
	struct sample *s = make_delta();
	struct bytes b = encode(s->patch);
	struct bytes copy = { sample_alloc(1, b.len), b.len };
	size_t whole = 0;

	for (size_t bit = 0; bit < b.len * 8; bit += sample_bit_step()) {
		struct graft_patch *read = NULL;
		memcpy(copy.at, b.at, b.len);
		copy.at[bit / 8] ^= (uint8_t)(1U << bit % 8);
		graft_patch_seal(copy.at, copy.len);
		struct graft_error *err = graft_patch_decode(copy.at, copy.len,
							     &read);
		if (err) {
			graft_error_free(err);
			continue;
		}
		assert_encodes_to(read, copy);
		struct graft_patch_module *m = &read->modules[0];
		graft_delta_seal(m, s->old, OLD_LEN);
		err = graft_delta_complete(m, "old", s->old, OLD_LEN);
		if (!err) {
			sample_ok(graft_patch_module_check(m));
			struct bytes again = encode(read);
			free(again.at);
			whole++;
		}
		graft_error_free(err);
		graft_patch_free(read);
	}
	// The seal works: a flipped bit of the title is another hotpatch.
	assert_true(whole > 500);
	free(copy.at);
	free(b.at);
	free_sample(s);
}

static void
a_large_old_file_is_reached_to_its_start(void **state)
{
	(void)state;
	const size_t len = (size_t)24 << 20;
	struct sample *s = make_whole();
	GRAFT_FREE uint8_t *old = sample_alloc(len, 1);
	uint64_t dice = 7;

	for (size_t i = 0; i < len; i += 8) {
		uint64_t word = sample_next(&dice);
		memcpy(old + i, &word, sizeof(word));
	}
	memcpy(old, s->old, OLD_LEN);
	sample_ok(graft_sha256(old, len, s->m->old_sha256));
	sample_ok(graft_delta_make(s->m, old, len));
	assert_non_null(s->m->delta);
	assert_true(s->m->delta_len < 500);
	struct bytes b = encode(s->patch);
	struct graft_patch *read = decode(b);
	sample_ok(graft_delta_complete(&read->modules[0], "old", old, len));
	assert_memory_equal(read->modules[0].runs[2].bytes, s->m->runs[2].bytes,
			    SHARED);
	graft_patch_free(read);
	free(b.at);
	free_sample(s);
}

static void
a_bomb_is_refused_before_memory_is_taken(void **state)
{
	(void)state;
	enum { SIZE = 4 << 20 };
	GRAFT_FREE uint8_t *zeroes = sample_alloc(1, SIZE);
	GRAFT_FREE uint8_t *frame = sample_alloc(1, SIZE);
	struct graft_run run = { .mem_len = SIZE, .file_len = SIZE };
	struct graft_patch_module m = { .runs = &run, .run_count = 1 };

	size_t len = ZSTD_compress(frame, SIZE, zeroes, SIZE, 19);
	assert_false(ZSTD_isError(len));
	assert_true(len < SIZE / GRAFT_PATCH_RATIO_MAX);
	sample_refused(graft_delta_check(&m, frame, len), GRAFT_ERROR_LIMIT,
		       "decompress");
	// As many bytes as the runs have, no more and no less.
	run.file_len = SIZE - 1;
	sample_refused(graft_delta_check(&m, frame, len), GRAFT_ERROR_BAD_INPUT,
		       "one zstd frame");
	run.file_len = 100;
	sample_refused(graft_delta_check(&m, frame, len), GRAFT_ERROR_BAD_INPUT,
		       "one zstd frame");
	run.file_len = 0;
	len = ZSTD_compress(frame, SIZE, zeroes, 0, 19);
	sample_refused(graft_delta_check(&m, frame, len), GRAFT_ERROR_BAD_INPUT,
		       "one zstd frame");
	// A second frame, a frame without its end, something else.
	run.file_len = 100;
	len = ZSTD_compress(frame, SIZE, zeroes, 100, 19);
	sample_ok(graft_delta_check(&m, frame, len));
	sample_refused(graft_delta_check(&m, frame, len + 1),
		       GRAFT_ERROR_BAD_INPUT, "one zstd frame");
	sample_refused(graft_delta_check(&m, frame, len - 1),
		       GRAFT_ERROR_BAD_INPUT, "one zstd frame");
	sample_refused(graft_delta_check(&m, zeroes, 100),
		       GRAFT_ERROR_BAD_INPUT, "one zstd frame");
	sample_refused(graft_delta_check(&m, zeroes, 0), GRAFT_ERROR_BAD_INPUT,
		       "one zstd frame");
}

static void
a_module_that_was_changed_keeps_no_stale_delta(void **state)
{
	(void)state;
	struct sample *s = make_delta();
	struct bytes b = encode(s->patch);
	struct graft_patch *read = decode(b);
	uint8_t *bytes = NULL;
	size_t len;

	// Complete: it is stored whole.
	s->m->runs[0].bytes[0] ^= 1;
	struct bytes changed = encode(s->patch);
	struct graft_patch *again = decode(changed);
	assert_false(again->modules[0].lacks_code);
	assert_int_equal(again->modules[0].runs[0].bytes[0],
			 s->m->runs[0].bytes[0]);
	// Without its code: it cannot be stored.
	read->modules[0].fixes[0].value++;
	sample_refused(graft_patch_encode(read, &bytes, &len),
		       GRAFT_ERROR_BAD_INPUT, "without its code");
	assert_null(bytes);
	graft_patch_free(again);
	graft_patch_free(read);
	free(changed.at);
	free(b.at);
	free_sample(s);
}

static void
a_skeleton_with_code_in_it_is_refused(void **state)
{
	(void)state;
	struct sample *s = make_delta();
	struct bytes b = encode(s->patch);
	struct graft_patch *read = decode(b);
	struct graft_patch_module *m = &read->modules[0];
	struct graft_patch *none = NULL;
	GRAFT_FREE uint8_t *elf = NULL;
	size_t len;

	m->runs[2].bytes[77] = 0xc3;
	sample_ok(graft_patch_module_encode(m, &elf, &len));
	sample_ok(graft_sha256(elf, len, m->skeleton_sha256));
	struct bytes bad = encode(read);
	sample_refused(graft_patch_decode(bad.at, bad.len, &none),
		       GRAFT_ERROR_BAD_INPUT, "a skeleton with code at 0x205d");
	graft_patch_free(read);
	free(bad.at);
	free(b.at);
	free_sample(s);
}

/** Where the member of a name begins, and how long it is with its header. */
static uint8_t *
find_member(struct bytes b, const char *suffix, size_t *len_ret)
{
	for (size_t off = 0; b.at[off];) {
		char *name = (char *)b.at + off;
		size_t len = strtoul(name + 124, NULL, 8);
		size_t all = 512 + (len + 511) / 512 * 512;
		if (strstr(name, suffix)) {
			*len_ret = all;
			return b.at + off;
		}
		off += all;
	}
	fail_msg("no member %s", suffix);
	return NULL;
}

static void
a_delta_that_is_missing_double_or_elsewhere_is_refused(void **state)
{
	(void)state;
	struct sample *s = make_delta();
	struct bytes b = encode(s->patch);
	struct graft_patch *read = NULL;
	size_t elf_len;
	size_t len;
	uint8_t *elf = find_member(b, ".elf", &elf_len);
	uint8_t *delta = find_member(b, ".delta", &len);
	size_t before = (size_t)(delta - b.at);
	GRAFT_FREE uint8_t *copy = sample_alloc(2, b.len);

	assert_ptr_equal(elf + elf_len, delta);
	memcpy(copy, b.at, before);
	memcpy(copy + before, delta + len, b.len - before - len);
	sample_refused(graft_patch_decode(copy, b.len - len, &read),
		       GRAFT_ERROR_BAD_INPUT, ".delta");
	memcpy(copy, b.at, before + len);
	memcpy(copy + before + len, delta, b.len - before);
	sample_refused(graft_patch_decode(copy, b.len + len, &read),
		       GRAFT_ERROR_BAD_INPUT, NULL);
	before -= elf_len;
	memcpy(copy, b.at, b.len);
	memcpy(copy + before, delta, len);
	memcpy(copy + before + len, elf, elf_len);
	sample_refused(graft_patch_decode(copy, b.len, &read),
		       GRAFT_ERROR_BAD_INPUT, "another member");
	free(b.at);
	free_sample(s);
}

static void
a_format_that_does_not_fit_its_members_is_refused(void **state)
{
	(void)state;
	struct sample *whole = make_whole();
	struct sample *delta = make_delta();
	struct bytes files[] = { encode(whole->patch), encode(delta->patch) };

	for (size_t i = 0; i < 2; i++) {
		struct graft_patch *read = NULL;
		uint8_t *digit = files[i].at + 512 + strlen("{\"format\":");
		assert_int_equal(*digit, i ? '2' : '1');
		*digit = i ? '1' : '2';
		graft_patch_seal(files[i].at, files[i].len);
		sample_refused(
			graft_patch_decode(files[i].at, files[i].len, &read),
			GRAFT_ERROR_BAD_INPUT, "canonical");
		free(files[i].at);
	}
	free_sample(whole);
	free_sample(delta);
}

static void
one_file_under_two_names_has_one_delta(void **state)
{
	(void)state;
	struct sample *s = make_delta();
	struct sample *twin = make_delta();
	struct graft_patch *patch = s->patch;

	patch->modules = realloc(patch->modules, 2 * sizeof(*patch->modules));
	assert_non_null(patch->modules);
	patch->modules[patch->module_count++] = *twin->m;
	memset(twin->m, 0, sizeof(*twin->m));
	twin->patch->module_count = 0;
	struct bytes b = encode(patch);
	struct graft_patch *read = decode(b);
	assert_true(read->modules[0].lacks_code);
	assert_true(read->modules[1].lacks_code);
	assert_encodes_to(read, b);
	// Also with one of them completed.
	sample_ok(graft_delta_complete(&read->modules[0], "old", s->old,
				       OLD_LEN));
	assert_encodes_to(read, b);
	sample_ok(graft_delta_complete(&read->modules[1], "old", s->old,
				       OLD_LEN));
	assert_encodes_to(read, b);
	graft_patch_free(read);
	free(b.at);
	free_sample(s);
	free_sample(twin);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_stored_as_a_delta_comes_back_whole),
		cmocka_unit_test(
			a_delta_is_smaller_and_the_whole_form_is_format_1),
		cmocka_unit_test(
			what_a_delta_does_not_make_smaller_stays_whole),
		cmocka_unit_test(another_old_file_is_refused_and_named),
		cmocka_unit_test(a_delta_that_gives_other_code_is_refused),
		cmocka_unit_test(
			every_cut_and_every_flipped_bit_of_a_file_is_refused),
		cmocka_unit_test(
			flipped_bits_with_hashes_made_right_are_bounded),
		cmocka_unit_test(a_large_old_file_is_reached_to_its_start),
		cmocka_unit_test(a_bomb_is_refused_before_memory_is_taken),
		cmocka_unit_test(
			a_module_that_was_changed_keeps_no_stale_delta),
		cmocka_unit_test(a_skeleton_with_code_in_it_is_refused),
		cmocka_unit_test(
			a_delta_that_is_missing_double_or_elsewhere_is_refused),
		cmocka_unit_test(
			a_format_that_does_not_fit_its_members_is_refused),
		cmocka_unit_test(one_file_under_two_names_has_one_delta),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
