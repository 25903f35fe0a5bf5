// SPDX-License-Identifier: Apache-2.0

#include "patch/disks.h"

#include "sample_disk.h"

/** A part of another package, sealed. */
static struct graft_disk *
part(const char *package, const char *architecture)
{
	struct graft_disk *disk = sample_disk();

	sample_change(&disk->package, package);
	sample_change(&disk->architecture, architecture);
	sample_ok(graft_disk_seal(disk));
	return disk;
}

/** A hotpatch of two packages. */
static struct graft_patch *
sample_two(void)
{
	struct graft_patch *patch = sample_patch();

	sample_ok(graft_disks_take(patch, part("libx1", "amd64")));
	sample_ok(graft_disks_take(patch, part("libx2", "amd64")));
	return patch;
}

static void
packages_stand_in_one_order_whatever_order_they_came_in(void **state)
{
	(void)state;
	static const char *const names[][2] = { { "libx-dev", "all" },
						{ "libx1", "amd64" },
						{ "libx1", "i386" } };
	static const size_t orders[][3] = {
		{ 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 2 }, { 1, 2, 0 }
	};
	GRAFT_FREE uint8_t *first = NULL;
	size_t first_len = 0;

	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		GRAFT_CLEANUP(graft_patch_freep)
		struct graft_patch *patch = sample_patch();
		GRAFT_CLEANUP(graft_patch_freep)
		struct graft_patch *back = NULL;
		GRAFT_FREE uint8_t *bytes = NULL;
		GRAFT_FREE uint8_t *again = NULL;
		size_t len;
		size_t again_len;
		for (size_t k = 0; k < 3; k++)
			sample_ok(graft_disks_take(
				patch, part(names[orders[i][k]][0],
					    names[orders[i][k]][1])));
		sample_ok(graft_patch_encode(patch, &bytes, &len));
		if (i > 0) {
			assert_int_equal(len, first_len);
			assert_memory_equal(bytes, first, len);
		}
		sample_ok(graft_patch_decode(bytes, len, &back));
		assert_int_equal(back->disk_count, 3);
		assert_ptr_equal(graft_disks_find(back, "libx1", "i386"),
				 back->disks[2]);
		assert_null(graft_disks_find(back, "libx1", "all"));
		sample_ok(graft_patch_encode(back, &again, &again_len));
		assert_int_equal(again_len, len);
		assert_memory_equal(again, bytes, len);
		assert_non_null(memmem(bytes, len, "{\"format\":6,", 12));
		// Made anew, the hashes of each index are the same.
		graft_patch_seal(again, again_len);
		assert_memory_equal(again, bytes, len);
		if (i == 0) {
			first = GRAFT_TAKE(bytes);
			first_len = len;
		}
	}
}

static void
packages_that_do_not_go_together_are_refused(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_two();
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	sample_refused(graft_disks_take(patch, part("libx1", "amd64")),
		       GRAFT_ERROR_BAD_INPUT, "twice");
	sample_refused(graft_patch_encode(patch, &bytes, &len),
		       GRAFT_ERROR_BAD_INPUT, "twice");
	// Out of their order they are another file of the same meaning.
	sample_change(&patch->disks[0]->package, "libx3");
	sample_ok(graft_disk_seal(patch->disks[0]));
	sample_refused(graft_patch_encode(patch, &bytes, &len),
		       GRAFT_ERROR_BAD_INPUT, "order");
	// Each alone is not too large, and together they are.
	sample_change(&patch->disks[0]->package, "liba");
	for (size_t i = 0; i < 2; i++)
		patch->disks[i]->entries[2].size = (uint64_t)5 << 30;
	sample_ok(graft_disks_check(patch->disks, 1));
	sample_refused(graft_disks_check(patch->disks, 2), GRAFT_ERROR_LIMIT,
		       "together");
}

static void
more_packages_than_there_may_be_are_refused(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	struct graft_error *err = NULL;
	char name[32];
	size_t count = 0;

	while (!err && count < 1000) {
		(void)snprintf(name, sizeof(name), "lib%zu", count++);
		err = graft_disks_take(patch, part(name, "amd64"));
	}
	assert_int_equal(count, 257);
	sample_refused(err, GRAFT_ERROR_LIMIT, "257 packages");
}

/** Replace a text of a file by one of the same length, make the hashes right, and read. */
static void
refused_with(const uint8_t *bytes, size_t len, const char *from, const char *to,
	     enum graft_error_code code)
{
	GRAFT_FREE uint8_t *copy = malloc(len);
	struct graft_patch *patch = NULL;

	assert_int_equal(strlen(from), strlen(to));
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	uint8_t *at = memmem(copy, len, from, strlen(from));
	assert_non_null(at);
	memcpy(at, to, strlen(to));
	graft_patch_seal(copy, len);
	sample_refused(graft_patch_decode(copy, len, &patch), code, NULL);
}

static void
another_word_or_number_for_several_packages_is_refused(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_two();
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	sample_ok(graft_patch_encode(patch, &bytes, &len));
	refused_with(bytes, len, "{\"format\":6,", "{\"format\":5,",
		     GRAFT_ERROR_BAD_INPUT);
	refused_with(bytes, len, "{\"format\":6,", "{\"format\":7,",
		     GRAFT_ERROR_BAD_INPUT);
	refused_with(bytes, len, "{\"format\":6,", "{\"format\":8,",
		     GRAFT_ERROR_BAD_INPUT);
	refused_with(bytes, len, "{\"format\":6,", "{\"format\":9,",
		     GRAFT_ERROR_UNSUPPORTED);
	refused_with(bytes, len, "\"disks\":[", "\"disk\":[ ",
		     GRAFT_ERROR_BAD_INPUT);
	refused_with(bytes, len, "disk/1/data.zst", "disk/2/data.zst",
		     GRAFT_ERROR_BAD_INPUT);
	refused_with(bytes, len, "disk/0/index", "disk/1/index",
		     GRAFT_ERROR_BAD_INPUT);
}

/** A hotpatch of two packages, packed together. */
static struct graft_patch *
sample_joined(void)
{
	struct graft_patch *patch = sample_patch();

	for (int i = 0; i < 2; i++) {
		struct graft_disk *disk = sample_disk();
		sample_change(&disk->package, i ? "libx2" : "libx1");
		sample_join(disk);
		sample_add_disk(patch, disk);
	}
	return patch;
}

static void
packages_that_are_packed_together_come_back(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_joined();
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *back = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	GRAFT_FREE uint8_t *again = NULL;
	size_t len;
	size_t again_len;

	sample_ok(graft_patch_encode(patch, &bytes, &len));
	sample_ok(graft_patch_decode(bytes, len, &back));
	assert_int_equal(back->disk_count, 2);
	for (size_t i = 0; i < 2; i++) {
		GRAFT_CLEANUP(graft_disk_frames_deinit)
		struct graft_disk_frames frames = { 0 };
		GRAFT_FREE uint8_t *new = NULL;
		const struct graft_disk *disk = back->disks[i];
		assert_int_equal(disk->data_len, patch->disks[i]->data_len);
		sample_ok(graft_disk_find_frames(disk, &frames));
		assert_int_equal(frames.whole.len, strlen("whole"));
		assert_memory_equal(frames.whole.bytes, "whole", 5);
		sample_ok(graft_moved_apply(frames.deltas[2].bytes,
					    frames.deltas[2].len,
					    (const uint8_t *)sample_old_bytes,
					    strlen(sample_old_bytes),
					    strlen(sample_new_bytes), &new));
		assert_memory_equal(new, sample_new_bytes,
				    strlen(sample_new_bytes));
	}
	sample_ok(graft_patch_encode(back, &again, &again_len));
	assert_int_equal(again_len, len);
	assert_memory_equal(again, bytes, len);
}

/** Read a hotpatch whose first part says that it brings so many bytes more. */
static void
refused_with_more(int64_t data, int64_t control, int64_t delta)
{
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_joined();
	GRAFT_FREE uint8_t *bytes = NULL;
	struct graft_disk *disk = patch->disks[0];
	struct graft_patch *back = NULL;
	size_t len;

	const size_t whole = disk->data_len;
	disk->control_delta_size += (uint64_t)control;
	disk->entries[2].difference_size += (uint64_t)delta;
	disk->data_len = (size_t)((int64_t)whole + data);
	sample_ok(graft_disk_seal(disk));
	disk->data_len = whole;
	sample_ok(graft_patch_encode(patch, &bytes, &len));
	sample_refused(graft_patch_decode(bytes, len, &back),
		       GRAFT_ERROR_BAD_INPUT, "disk/all.zst");
}

static void
parts_that_do_not_bring_what_they_say_are_refused(void **state)
{
	(void)state;
	refused_with_more(1, 0, 0);
	refused_with_more(-1, 0, 0);
	refused_with_more(10000, 0, 0);
	refused_with_more(0, 1, 0);
	refused_with_more(0, -1, 0);
	refused_with_more(0, 0, 1);
	refused_with_more(0, 10000, 0);
	refused_with_more(10000, 0, 10000);
}

static void
a_part_that_is_packed_by_itself_beside_one_that_is_not_is_refused(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_joined();
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	sample_ok(graft_disks_take(patch, part("libx3", "amd64")));
	sample_refused(graft_patch_encode(patch, &bytes, &len),
		       GRAFT_ERROR_BAD_INPUT, "by itself");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			packages_stand_in_one_order_whatever_order_they_came_in),
		cmocka_unit_test(packages_that_do_not_go_together_are_refused),
		cmocka_unit_test(more_packages_than_there_may_be_are_refused),
		cmocka_unit_test(
			another_word_or_number_for_several_packages_is_refused),
		cmocka_unit_test(packages_that_are_packed_together_come_back),
		cmocka_unit_test(
			parts_that_do_not_bring_what_they_say_are_refused),
		cmocka_unit_test(
			a_part_that_is_packed_by_itself_beside_one_that_is_not_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
