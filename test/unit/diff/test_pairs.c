// SPDX-License-Identifier: Apache-2.0

#include "diff/input/pairs.h"

#include "../folder.h"

#include "base/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { ROOM = 1 << 20 };

/** A file of a package under test. */
struct member {
	const char *path;
	const char *bytes;
	/** Set: a hard link to this path. */
	const char *link;
};

/** The start of an ELF library with @p tail behind it; static. */
static const char *
elf(char tail)
{
	static char buf[8][64];
	static unsigned next;
	char *at = buf[next++ % 8];

	memset(at, 'x', 63);
	memcpy(at, "\177ELF\2\1\1", 7);
	at[16] = 3;
	at[17] = 0;
	at[18] = tail;
	return at;
}

static size_t
size_of(const struct member *member)
{
	return member->bytes[0] == '\177' ? 63 : strlen(member->bytes);
}

static void
put_member(struct archive *tar, const struct member *member)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, member->path);
	archive_entry_set_mode(entry, S_IFREG | 0644);
	if (member->link)
		archive_entry_set_hardlink(entry, member->link);
	else
		archive_entry_set_size(entry, (la_int64_t)size_of(member));
	assert_int_equal(archive_write_header(tar, entry), ARCHIVE_OK);
	if (!member->link)
		(void)archive_write_data(tar, member->bytes, size_of(member));
	archive_entry_free(entry);
}

/** Write a tar archive into memory; free the result. */
static char *
make_tar(int filter, const struct member *members, size_t count, size_t *used)
{
	char *bytes = malloc(ROOM);
	struct archive *tar = archive_write_new();

	assert_non_null(bytes);
	assert_int_equal(archive_write_set_format_gnutar(tar), ARCHIVE_OK);
	assert_int_equal(archive_write_add_filter(tar, filter), ARCHIVE_OK);
	assert_int_equal(archive_write_open_memory(tar, bytes, ROOM, used),
			 ARCHIVE_OK);
	for (size_t i = 0; i < count; i++)
		put_member(tar, &members[i]);
	assert_int_equal(archive_write_close(tar), ARCHIVE_OK);
	archive_write_free(tar);
	return bytes;
}

static void
put_ar(struct archive *ar, const char *name, const char *bytes, size_t len)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, name);
	archive_entry_set_mode(entry, S_IFREG | 0644);
	archive_entry_set_size(entry, (la_int64_t)len);
	assert_int_equal(archive_write_header(ar, entry), ARCHIVE_OK);
	(void)archive_write_data(ar, bytes, len);
	archive_entry_free(entry);
}

/** Write a package of the given files, compressed by the given filter. */
static void
make_deb(const char *path, const char *version, int filter, const char *suffix,
	 const struct member *members, size_t count)
{
	struct archive *ar = archive_write_new();
	char control[128], name[32];
	size_t len = 0;

	(void)snprintf(control, sizeof(control),
		       "Package: demo\nVersion: %s\nArchitecture: amd64\n",
		       version);
	(void)snprintf(name, sizeof(name), "data.tar%s", suffix);
	assert_int_equal(archive_write_set_format_ar_svr4(ar), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(ar, path), ARCHIVE_OK);
	put_ar(ar, "debian-binary", "2.0\n", 4);
	struct member file = { "./control", control, NULL };
	char *tar = make_tar(ARCHIVE_FILTER_GZIP, &file, 1, &len);
	put_ar(ar, "control.tar.gz", tar, len);
	free(tar);
	tar = make_tar(filter, members, count, &len);
	put_ar(ar, name, tar, len);
	free(tar);
	assert_int_equal(archive_write_close(ar), ARCHIVE_OK);
	archive_write_free(ar);
}

static void
put_file(const char *path, const char *bytes)
{
	struct member member = { path, bytes, NULL };

	must(graft_file_write(path, bytes, size_of(&member), 0644));
}

static void
a_package_is_read_whatever_its_compression(void **state)
{
	static const struct {
		int filter;
		const char *suffix;
	} kinds[] = { { ARCHIVE_FILTER_XZ, ".xz" },
		      { ARCHIVE_FILTER_ZSTD, ".zst" },
		      { ARCHIVE_FILTER_GZIP, ".gz" },
		      { ARCHIVE_FILTER_NONE, "" } };
	const struct member members[] = {
		{ "./usr/bin/demo", elf('a'), NULL },
		{ "./usr/share/doc/x", "text", NULL },
		{ "./usr/bin/twin", "", "./usr/bin/demo" },
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *tree = NULL;
		GRAFT_FREE uint8_t *bytes = NULL;
		size_t len = 0;

		make_deb("a.deb", "1:2.3-4", kinds[i].filter, kinds[i].suffix,
			 members, 3);
		must(graft_tree_open("a.deb", &tree));
		assert_int_equal(tree->kind, GRAFT_TREE_PACKAGE);
		assert_string_equal(tree->package, "demo");
		assert_string_equal(tree->version, "1:2.3-4");
		assert_int_equal(tree->file_count, 3);
		assert_string_equal(tree->files[0].path, "usr/bin/demo");
		assert_true(tree->files[0].elf);
		assert_true(tree->files[1].elf);
		assert_false(tree->files[2].elf);
		assert_int_equal(tree->files[2].size, 4);
		must(graft_tree_read(tree, &tree->files[1], &bytes, &len));
		assert_int_equal(len, 63);
		assert_memory_equal(bytes, members[0].bytes, len);
	}
}

static void
a_truncated_package_is_refused_at_every_length(void **state)
{
	const struct member member = { "./usr/bin/demo", elf('a'), NULL };
	GRAFT_FREE uint8_t *bytes = NULL;
	struct graft_tree *tree = NULL;
	size_t len = 0;

	(void)state;
	make_deb("a.deb", "1", ARCHIVE_FILTER_XZ, ".xz", &member, 1);
	must(graft_file_read("a.deb", ROOM, &bytes, &len));
	// The last byte may be ar's padding.
	for (size_t cut = 0; cut + 1 < len; cut++) {
		must(graft_file_write("cut.deb", bytes, cut, 0644));
		struct graft_error *err = graft_tree_open("cut.deb", &tree);
		if (!err)
			fail_msg("%zu of %zu bytes were accepted", cut, len);
		assert_null(strchr(graft_error_message(err), '\n'));
		assert_null(tree);
		graft_error_free(err);
	}
}

static void
a_path_that_leaves_the_package_is_refused(void **state)
{
	static const char *const paths[] = { "../etc/x", "./usr/../../x",
					     "usr/.." };
	struct graft_tree *tree = NULL;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct member member = { paths[i], elf('a'), NULL };
		make_deb("a.deb", "1", ARCHIVE_FILTER_GZIP, ".gz", &member, 1);
		must_fail(graft_tree_open("a.deb", &tree),
			  GRAFT_ERROR_BAD_INPUT);
	}
}

static void
the_same_path_twice_is_refused(void **state)
{
	const struct member members[] = { { "./usr/bin/a", elf('a'), NULL },
					  { "usr/bin/a", elf('b'), NULL } };
	struct graft_tree *tree = NULL;

	(void)state;
	make_deb("a.deb", "1", ARCHIVE_FILTER_GZIP, ".gz", members, 2);
	must_fail(graft_tree_open("a.deb", &tree), GRAFT_ERROR_BAD_INPUT);
}

static void
what_is_no_package_is_refused(void **state)
{
	struct graft_tree *tree = NULL;

	(void)state;
	put_file("text", "hello, world\n");
	must_fail(graft_tree_open("text", &tree), GRAFT_ERROR_UNSUPPORTED);
	put_file("ar", "!<arch>\n");
	must_fail(graft_tree_open("ar", &tree), GRAFT_ERROR_UNSUPPORTED);
	put_file("empty", "");
	must_fail(graft_tree_open("empty", &tree), GRAFT_ERROR_UNSUPPORTED);
	must_fail(graft_tree_open("/dev/null", &tree), GRAFT_ERROR_UNSUPPORTED);
	must_fail(graft_tree_open("missing", &tree), GRAFT_ERROR_NOT_FOUND);
	assert_null(tree);
}

/** Make two directories of ELF files and pair them. */
static void
pair_up(const char *const *old_paths, const char *const *new_paths,
	struct graft_tree **old_tree, struct graft_tree **new_tree,
	struct graft_pairs **pairs)
{
	const char *const *lists[] = { old_paths, new_paths };
	char path[256];

	for (int side = 0; side < 2; side++) {
		for (const char *const *at = lists[side]; *at; at++) {
			(void)snprintf(path, sizeof(path), "%s/%s",
				       side ? "new" : "old", *at);
			*strrchr(path, '/') = '\0';
			must(graft_dir_make(path, 0755));
			path[strlen(path)] = '/';
			put_file(path, strstr(path, ".txt")
					       ? side ? "b" : "a"
					       : elf(side ? 'b' : 'a'));
		}
	}
	must(graft_tree_open("old", old_tree));
	must(graft_tree_open("new", new_tree));
	must(graft_pairs_make(*old_tree, *new_tree, pairs));
}

static void
files_are_paired_by_path_and_then_by_looser_names(void **state)
{
	static const char *const old_paths[] = {
		"usr/bin/demo",
		"lib/x86_64-linux-gnu/liba.so.1",
		"usr/lib/libpng16.so.16.39.0",
		"usr/lib/libmajor.so.1.2",
		"usr/lib/perl/5.36.0/x.so",
		"usr/lib/gone.so",
		"usr/lib/debug/d.so",
		"etc/conf.txt",
		NULL,
	};
	static const char *const new_paths[] = {
		"usr/bin/demo",
		"usr/lib/x86_64-linux-gnu/liba.so.1",
		"usr/lib/libpng16.so.16.40.0",
		"usr/lib/libmajor.so.2.0",
		"usr/lib/perl/5.36.1/x.so",
		"usr/sbin/added",
		"etc/conf.txt",
		NULL,
	};
	static const char *const want[][2] = {
		{ "usr/bin/demo", "usr/bin/demo" },
		{ "usr/lib/gone.so", NULL },
		{ "usr/lib/libmajor.so.1.2", "usr/lib/libmajor.so.2.0" },
		{ "usr/lib/libpng16.so.16.39.0",
		  "usr/lib/libpng16.so.16.40.0" },
		{ "usr/lib/perl/5.36.0/x.so", "usr/lib/perl/5.36.1/x.so" },
		{ "lib/x86_64-linux-gnu/liba.so.1",
		  "usr/lib/x86_64-linux-gnu/liba.so.1" },
		{ NULL, "usr/sbin/added" },
	};
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *old_tree = NULL;
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *new_tree = NULL;
	GRAFT_CLEANUP(graft_pairs_freep) struct graft_pairs *pairs = NULL;

	(void)state;
	pair_up(old_paths, new_paths, &old_tree, &new_tree, &pairs);
	assert_int_equal(pairs->count, sizeof(want) / sizeof(*want));
	for (size_t i = 0; i < pairs->count; i++) {
		const struct graft_pair *pair = &pairs->pairs[i];
		assert_false(pair->same);
		assert_int_equal(!pair->old_file, !want[i][0]);
		assert_int_equal(!pair->new_file, !want[i][1]);
		if (pair->old_file)
			assert_string_equal(pair->old_file->path, want[i][0]);
		if (pair->new_file)
			assert_string_equal(pair->new_file->path, want[i][1]);
	}
	assert_int_equal(pairs->others_changed, 1);
}

static void
a_name_that_two_files_share_pairs_neither(void **state)
{
	static const char *const old_paths[] = { "a/libx.so.1.0",
						 "a/libx.so.1.1", NULL };
	static const char *const new_paths[] = { "a/libx.so.1.2", NULL };
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *old_tree = NULL;
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *new_tree = NULL;
	GRAFT_CLEANUP(graft_pairs_freep) struct graft_pairs *pairs = NULL;

	(void)state;
	pair_up(old_paths, new_paths, &old_tree, &new_tree, &pairs);
	assert_int_equal(pairs->count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(!pairs->pairs[i].old_file ||
			    !pairs->pairs[i].new_file);
}

static void
two_files_are_a_pair_whatever_they_are_called(void **state)
{
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *old_tree = NULL;
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *new_tree = NULL;
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *dir = NULL;
	GRAFT_CLEANUP(graft_pairs_freep) struct graft_pairs *pairs = NULL;
	struct graft_pairs *none = NULL;

	(void)state;
	put_file("one", elf('a'));
	put_file("other.debug", elf('a'));
	must(graft_tree_open("one", &old_tree));
	must(graft_tree_open("other.debug", &new_tree));
	must(graft_pairs_make(old_tree, new_tree, &pairs));
	assert_int_equal(pairs->count, 1);
	assert_true(pairs->pairs[0].same);
	assert_string_equal(graft_pair_path(&pairs->pairs[0]), "other.debug");
	must(graft_tree_open(".", &dir));
	must_fail(graft_pairs_make(old_tree, dir, &none),
		  GRAFT_ERROR_BAD_INPUT);
}

static void
symbolic_links_are_not_followed(void **state)
{
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *tree = NULL;

	(void)state;
	must(graft_dir_make("d/sub", 0755));
	put_file("d/sub/real", elf('a'));
	assert_int_equal(symlink("sub/real", "d/link"), 0);
	assert_int_equal(symlink("/", "d/root"), 0);
	must(graft_tree_open("d", &tree));
	assert_int_equal(tree->file_count, 1);
	assert_string_equal(tree->files[0].path, "sub/real");
}

static void
a_file_that_changes_after_it_was_listed_is_refused(void **state)
{
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *tree = NULL;
	uint8_t *bytes = NULL;
	size_t len = 0;

	(void)state;
	put_file("a", elf('a'));
	must(graft_tree_open("a", &tree));
	put_file("a", elf('b'));
	must_fail(graft_tree_read(tree, &tree->files[0], &bytes, &len),
		  GRAFT_ERROR_BAD_INPUT);
	assert_null(bytes);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_package_is_read_whatever_its_compression),
		TEST(a_truncated_package_is_refused_at_every_length),
		TEST(a_path_that_leaves_the_package_is_refused),
		TEST(the_same_path_twice_is_refused),
		TEST(what_is_no_package_is_refused),
		TEST(files_are_paired_by_path_and_then_by_looser_names),
		TEST(a_name_that_two_files_share_pairs_neither),
		TEST(two_files_are_a_pair_whatever_they_are_called),
		TEST(symbolic_links_are_not_followed),
		TEST(a_file_that_changes_after_it_was_listed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
