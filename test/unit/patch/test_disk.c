// SPDX-License-Identifier: Apache-2.0

#include "patch/disk.h"

#include "base/file.h"
#include "sample_disk.h"

static struct graft_error *
decode(const struct graft_disk *disk, struct graft_disk **ret)
{
	return graft_disk_decode(disk->index, disk->index_len, disk->index_size,
				 disk->index_sha256, disk->data, disk->data_len,
				 ret);
}

static void
what_is_written_is_read(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_disk_freep) struct graft_disk *disk = sample_disk();
	GRAFT_CLEANUP(graft_disk_freep) struct graft_disk *back = NULL;
	GRAFT_CLEANUP(graft_disk_frames_deinit)
	struct graft_disk_frames frames = { 0 };
	GRAFT_FREE uint8_t *bytes = NULL;

	sample_ok(graft_disk_seal(disk));
	sample_ok(decode(disk, &back));
	assert_string_equal(back->new_version, "1:1.0-1+deb12u2");
	assert_int_equal(back->entry_count, 6);
	assert_string_equal(graft_disk_old_path(&back->entries[2]), "usr/a.1");
	sample_ok(graft_disk_find_frames(back, &frames));
	sample_ok(graft_prefix_decompress(
		frames.deltas[2].bytes, frames.deltas[2].len,
		(const uint8_t *)sample_old_bytes, strlen(sample_old_bytes),
		back->entries[2].size, &bytes));
	assert_memory_equal(bytes, sample_new_bytes, strlen(sample_new_bytes));
}

static void
a_hotpatch_with_a_part_for_the_disk_is_read_and_written_as_it_was(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *back = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	GRAFT_FREE uint8_t *again = NULL;
	size_t len;
	size_t again_len;

	sample_add_disk(patch, sample_disk());
	sample_ok(graft_patch_encode(patch, &bytes, &len));
	sample_ok(graft_patch_decode(bytes, len, &back));
	assert_int_equal(back->disk_count, 1);
	sample_ok(graft_patch_encode(back, &again, &again_len));
	assert_int_equal(again_len, len);
	assert_memory_equal(again, bytes, len);
	// What is altered in the index is refused, or it is another frame of the same.
	uint8_t *index = memmem(bytes, len, GRAFT_DISK_INDEX_MEMBER,
				strlen(GRAFT_DISK_INDEX_MEMBER));
	assert_non_null(index);
	for (size_t i = 0; i < 512 + back->disks[0]->index_len; i++) {
		struct graft_patch *other = NULL;
		index[i] ^= 1;
		struct graft_error *err = graft_patch_decode(bytes, len,
							     &other);
		if (!err) {
			GRAFT_FREE uint8_t *same = NULL;
			assert_true(i >= 512);
			sample_ok(graft_patch_encode(other, &same, &again_len));
			assert_memory_equal(same, bytes, len);
			assert_memory_equal(other->disks[0]->index_sha256,
					    back->disks[0]->index_sha256,
					    GRAFT_PATCH_SHA256_SIZE);
		}
		graft_patch_free(other);
		graft_error_free(err);
		index[i] ^= 1;
	}
}

/** Write bytes under a name, and read them as a hotpatch. */
static struct graft_error *
read_as(const char *path, const uint8_t *bytes, size_t len)
{
	struct graft_patch *patch = NULL;

	sample_ok(graft_file_write(path, bytes, len, 0600));
	struct graft_error *err = graft_patch_read_file(path, &patch);
	assert_true(!err == !!patch);
	graft_patch_free(patch);
	return err;
}

static void
a_file_with_a_part_for_the_disk_is_packed_as_one_frame(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	char dir[] = "/tmp/graft-unit-XXXXXX";
	char path[64];
	GRAFT_FREE uint8_t *bytes = NULL;
	GRAFT_FREE uint8_t *plain = NULL;
	size_t len;
	size_t plain_len;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/fix.graft", dir);
	sample_add_disk(patch, sample_disk());
	sample_ok(graft_patch_encode(patch, &plain, &plain_len));
	sample_ok(graft_patch_write_file(patch, path));
	sample_ok(graft_file_read(path, 1 << 20, &bytes, &len));
	assert_memory_equal(bytes, "\x28\xb5\x2f\xfd", 4);
	assert_true(len < plain_len);
	sample_ok(read_as(path, bytes, len));
	// Not packed it is the same hotpatch.
	sample_ok(read_as(path, plain, plain_len));
	for (size_t i = 4; i < len; i++)
		sample_refused(read_as(path, bytes, i), GRAFT_ERROR_BAD_INPUT,
			       NULL);
	uint8_t *more = realloc(bytes, len + 1);
	assert_non_null(more);
	bytes = more;
	bytes[len] = 0;
	sample_refused(read_as(path, bytes, len + 1), GRAFT_ERROR_BAD_INPUT,
		       "behind");
	// A frame that says it holds a terabyte.
	static const uint8_t bomb[] = { 0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0,
					0,    0,    0,    1,    0,    0 };
	sample_refused(read_as(path, bomb, sizeof(bomb)), GRAFT_ERROR_LIMIT,
		       "too many");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

/** Seal a part in which something was changed, and expect a refusal. */
static void
refuse(struct graft_disk *disk, const char *what)
{
	sample_refused(graft_disk_seal(disk), GRAFT_ERROR_BAD_INPUT, what);
	graft_disk_free(disk);
}

static void
paths_that_lead_out_are_refused(void **state)
{
	(void)state;
	static const char *const paths[] = {
		"../etc/passwd", "/etc/passwd", "usr/../../x", "usr//x", "usr/",
		"./usr",         "usr/.",       "..",          "",       ".",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct graft_disk *disk = sample_disk();
		sample_change(&disk->entries[5].path, paths[i]);
		refuse(disk, NULL);
		disk = sample_disk();
		sample_change(&disk->entries[2].old_path, paths[i]);
		refuse(disk, NULL);
	}
}

static void
what_lies_below_a_link_or_a_file_is_refused(void **state)
{
	(void)state;
	struct graft_disk *disk = sample_disk();

	sample_change(&disk->entries[5].path, "usr/c/passwd");
	refuse(disk, "below");
	disk = sample_disk();
	sample_change(&disk->entries[5].path, "usr/a/b");
	refuse(disk, "below");
}

static void
links_that_are_none_are_refused(void **state)
{
	(void)state;
	struct graft_disk *disk = sample_disk();

	sample_change(&disk->entries[3].target, "usr/nothing");
	refuse(disk, "links to no file");
	disk = sample_disk();
	// To one that comes later.
	sample_change(&disk->entries[3].target, "etc");
	refuse(disk, "links to no file");
	disk = sample_disk();
	disk->entries[2].target = sample_str("usr/x");
	refuse(disk, "leads nowhere");
}

static void
what_dpkg_would_take_for_something_else_is_refused(void **state)
{
	(void)state;
	static const char *const names[] = { "-i", "a/b", "a b", "A", "" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct graft_disk *disk = sample_disk();
		sample_change(&disk->package, names[i]);
		refuse(disk, "package");
		disk = sample_disk();
		sample_change(&disk->controls[0].name, "../postinst");
		refuse(disk, "control.tar");
	}
}

static void
a_path_that_is_there_twice_is_refused(void **state)
{
	(void)state;
	struct graft_disk *disk = sample_disk();

	sample_change(&disk->entries[5].path, "usr/a");
	refuse(disk, "twice");
}

static void
frames_that_are_missing_or_too_many_are_refused(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_disk_freep) struct graft_disk *disk = sample_disk();
	struct graft_disk *back = NULL;

	sample_ok(graft_disk_seal(disk));
	size_t len = disk->data_len;
	for (disk->data_len = 0; disk->data_len < len; disk->data_len++)
		sample_refused(decode(disk, &back), GRAFT_ERROR_BAD_INPUT,
			       "disk/data");
	disk->data = realloc(disk->data, len + 1);
	assert_non_null(disk->data);
	disk->data[len] = 0;
	disk->data_len = len + 1;
	sample_refused(decode(disk, &back), GRAFT_ERROR_BAD_INPUT, "behind");
}

static void
an_index_in_another_form_is_refused(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_disk_freep) struct graft_disk *disk = sample_disk();
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_disk *back = NULL;

	sample_ok(graft_disk_seal(disk));
	graft_disk_put_index(disk, &text);
	sample_ok(graft_disk_decode_index(text.str, text.len, &back));
	graft_disk_free(GRAFT_TAKE(back));
	for (size_t i = 0; i < text.len; i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text more = { 0 };
		graft_text_put_bytes(&more, text.str, i);
		graft_text_put(&more, " ");
		graft_text_put(&more, text.str + i);
		// A space in a name is another name, and no other place takes one.
		struct graft_error *err =
			graft_disk_decode_index(more.str, more.len, &back);
		if (!err) {
			GRAFT_CLEANUP(graft_text_deinit)
			struct graft_text again = { 0 };
			graft_disk_put_index(back, &again);
			assert_string_equal(again.str, more.str);
			graft_disk_free(GRAFT_TAKE(back));
		}
		graft_error_free(err);
		err = graft_disk_decode_index(text.str, i, &back);
		assert_non_null(err);
		graft_error_free(err);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(
			a_hotpatch_with_a_part_for_the_disk_is_read_and_written_as_it_was),
		cmocka_unit_test(
			a_file_with_a_part_for_the_disk_is_packed_as_one_frame),
		cmocka_unit_test(paths_that_lead_out_are_refused),
		cmocka_unit_test(what_lies_below_a_link_or_a_file_is_refused),
		cmocka_unit_test(links_that_are_none_are_refused),
		cmocka_unit_test(
			what_dpkg_would_take_for_something_else_is_refused),
		cmocka_unit_test(a_path_that_is_there_twice_is_refused),
		cmocka_unit_test(
			frames_that_are_missing_or_too_many_are_refused),
		cmocka_unit_test(an_index_in_another_form_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
