// SPDX-License-Identifier: Apache-2.0

#include "proc/memory_group.h"

#include "../folder.h"

#include "base/file.h"

enum {
	TID = 4242,
	MIB = 1 << 20,
	GROUPS_MAX = 5 * 4096,
};

static const char V2[] =
	"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
	"30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 master:7 - cgroup2 cgroup2 rw\n";
static const char V1[] =
	"31 22 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
	"32 22 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	"33 22 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

/** Write a file below the working directory, which is the root. */
static void
put(const char *path, const char *text)
{
	GRAFT_FREE char *folder = strdup(path);

	assert_non_null(folder);
	*strrchr(folder, '/') = '\0';
	must(graft_dir_make(folder, 0700));
	must(graft_file_write(path, text, strlen(text), 0600));
}

static void
put_process(const char *groups, const char *mounts)
{
	put("proc/4242/cgroup", groups);
	put("proc/self/mountinfo", mounts);
}

/** Write a group of version 2. */
static void
put_group(const char *folder, const char *limit, const char *usage,
	  const char *stat)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/memory.max", folder);
	put(path, limit);
	(void)snprintf(path, sizeof(path), "%s/memory.current", folder);
	put(path, usage);
	(void)snprintf(path, sizeof(path), "%s/memory.stat", folder);
	put(path, stat);
}

static bool
lacks(uint64_t need, struct graft_memory_group *ret)
{
	char *root = get_current_dir_name();
	bool lacks = graft_memory_group_lacks(root, NULL, TID, need, ret);

	free(root);
	return lacks;
}

/** It must lack, and name the group at this end. */
static void
must_lack(uint64_t need, const char *end, const char *file)
{
	struct graft_memory_group group = { 0 };

	assert_true(lacks(need, &group));
	size_t len = strlen(group.path);
	assert_true(len > strlen(end));
	assert_string_equal(group.path + len - strlen(end), end);
	assert_string_equal(group.file, file);
}

static void
must_have(uint64_t need)
{
	struct graft_memory_group group;

	assert_false(lacks(need, &group));
}

static void
what_is_left_decides_to_the_byte(void **state)
{
	struct graft_memory_group group;

	(void)state;
	put_process("0::/app\n", V2);
	put_group("sys/fs/cgroup/app", "5000000\n", "4000000\n", "anon 1\n");
	must_have(1000000);
	must_lack(1000001, "/sys/fs/cgroup/app", "memory.max");
	assert_true(lacks(MIB, &group));
	assert_int_equal(group.limit, 5000000);
	assert_int_equal(group.left, 1000000);
	assert_int_equal(group.reclaimable, 0);

	// More may be used than the limit says: it was made lower.
	put("sys/fs/cgroup/app/memory.current", "6000000\n");
	must_lack(1, "/app", "memory.max");
	must_have(0);
}

/** Write over what a file holds, as the kernel does: it stays the same file. */
static void
change(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
of_a_group_that_is_known_limit_and_usage_are_read_anew(void **state)
{
	GRAFT_FREE char *root = get_current_dir_name();
	GRAFT_CLEANUP(graft_memory_groups_freep)
	struct graft_memory_groups *groups = NULL;
	struct graft_memory_group group;

	(void)state;
	must(graft_memory_groups_new(&groups));
	put_process("0::/app\n", V2);
	put_group("sys/fs/cgroup/app", "5000000\n", "4000000\n", "anon 1\n");
	put_group("sys/fs/cgroup/other", "7000000\n", "0\n", "anon 1\n");
	assert_false(
		graft_memory_group_lacks(root, groups, TID, MIB / 2, &group));
	change("sys/fs/cgroup/app/memory.current", "4900000\n");
	assert_true(
		graft_memory_group_lacks(root, groups, TID, MIB / 2, &group));
	assert_int_equal(group.left, 100000);
	change("sys/fs/cgroup/app/memory.max", "max\n");
	assert_false(
		graft_memory_group_lacks(root, groups, TID, MIB / 2, &group));

	// That there is no limit holds until the next batch.
	change("sys/fs/cgroup/app/memory.max", "4900000\n");
	assert_false(graft_memory_group_lacks(root, groups, TID, 1, &group));
	graft_memory_groups_forget(groups);
	assert_true(graft_memory_group_lacks(root, groups, TID, 1, &group));

	// It is moved to another group.
	put("proc/4242/cgroup", "0::/other\n");
	assert_false(graft_memory_group_lacks(root, groups, TID, MIB, &group));
	assert_true(
		graft_memory_group_lacks(root, groups, TID, 7000001, &group));
	put("proc/4242/cgroup", "0::/app\n");
	assert_true(graft_memory_group_lacks(root, groups, TID, 1, &group));

	// The next batch finds what has the name by then.
	put("sys/fs/cgroup/app/memory.max", "9900000\n");
	assert_true(graft_memory_group_lacks(root, groups, TID, 1, &group));
	graft_memory_groups_forget(groups);
	assert_false(graft_memory_group_lacks(root, groups, TID, 1, &group));
}

static void
clean_pages_of_files_count_as_room(void **state)
{
	struct graft_memory_group group;

	(void)state;
	put_process("0::/app\n", V2);
	put_group(
		"sys/fs/cgroup/app", "5000000\n", "5000000\n",
		"file 9000000\ninactive_anon 9000000\nactive_file 600000\n"
		"inactive_file 500000\nfile_dirty 70000\nfile_writeback 30000\n");
	must_have(1000000);
	must_lack(1000001, "/app", "memory.max");

	// Names that only begin alike, or stand inside of a line, are others.
	put("sys/fs/cgroup/app/memory.stat",
	    "active_file_mapped 9000000\nx inactive_file 9000000\n");
	assert_true(lacks(1, &group));
	assert_int_equal(group.reclaimable, 0);

	// More dirty ones than there are: the file is no snapshot.
	put("sys/fs/cgroup/app/memory.stat",
	    "active_file 4096\nfile_dirty 8192\n");
	assert_true(lacks(1, &group));
	assert_int_equal(group.reclaimable, 0);

	put("sys/fs/cgroup/app/memory.stat",
	    "active_file 18446744073709551615\n"
	    "inactive_file 18446744073709551615\n");
	must_have(UINT64_MAX);
}

static void
a_group_above_that_is_full_is_found(void **state)
{
	(void)state;
	put_process("0::/a.slice/b:c.service/d\n", V2);
	put_group("sys/fs/cgroup/a.slice/b:c.service/d", "max\n", "1000\n", "");
	put_group("sys/fs/cgroup/a.slice/b:c.service", "max\n", "1000\n", "");
	put_group("sys/fs/cgroup/a.slice", "9000000\n", "8000000\n", "");
	must_lack(MIB, "/sys/fs/cgroup/a.slice", "memory.max");
	put_group("sys/fs/cgroup/a.slice/b:c.service", "9000\n", "8000\n", "");
	must_lack(MIB, "/sys/fs/cgroup/a.slice/b:c.service", "memory.max");

	// What is above the mount is no group, whatever stands there.
	put_process("0::/\n", V2);
	put_group("sys/fs", "9000\n", "8000\n", "");
	put_group("sys/fs/cgroup/a.slice", "max\n", "8000\n", "");
	must_have(MIB);
}

static void
version_1_is_read_by_its_own_names(void **state)
{
	(void)state;
	put_process("5:cpu:/other\n4:cpuacct,memory:/app\n0::/\n", V1);
	put("sys/fs/cgroup/memory/app/memory.limit_in_bytes",
	    "9223372036854771712\n");
	put("sys/fs/cgroup/memory/app/memory.usage_in_bytes", "5000000\n");
	put("sys/fs/cgroup/memory/app/memory.stat",
	    "active_file 9000000\ntotal_active_file 600000\n"
	    "total_inactive_file 500000\ntotal_dirty 70000\n"
	    "total_writeback 30000\n");
	must_have(MIB);
	put("sys/fs/cgroup/memory/app/memory.limit_in_bytes", "5000000\n");
	must_have(1000000);
	must_lack(1000001, "/memory/app", "memory.limit_in_bytes");

	// With swap, memory and swap have a limit of their own.
	put("sys/fs/cgroup/memory/app/memory.limit_in_bytes", "90000000\n");
	put("sys/fs/cgroup/memory/app/memory.memsw.limit_in_bytes",
	    "95000000\n");
	put("sys/fs/cgroup/memory/app/memory.memsw.usage_in_bytes",
	    "95000000\n");
	must_lack(1000001, "/memory/app", "memory.memsw.limit_in_bytes");

	// A hierarchy without memory is another, even with a name like it.
	put_process("5:name=memory:/app\n4:memory_x:/app\n", V1);
	must_have(MIB);
}

static void
a_mount_that_shows_a_part_is_followed_from_there(void **state)
{
	static const char part[] =
		"29 22 0:25 /docker/ab /other rw - cgroup2 cgroup2 rw\n"
		"30 22 0:26 /docker/a /at\\040place rw - cgroup2 cgroup2 rw\n";

	(void)state;
	put_process("0::/docker/a/in\n", part);
	put_group("at place/in", "9000\n", "8000\n", "");
	must_lack(MIB, "/at place/in", "memory.max");
	put_process("0::/docker/a\n", part);
	must_have(MIB);
	put_group("at place", "9000\n", "8000\n", "");
	must_lack(MIB, "/at place", "memory.max");

	// Outside of what is mounted, and out of the namespace: not seen.
	put_process("0::/docker/abc\n", part);
	must_have(MIB);
	put_process("0::/docker/a/../a\n", part);
	must_have(MIB);
	put_process("0::/docker/a (deleted)\n", part);
	must_have(MIB);
}

static void
what_is_missing_or_no_number_is_no_limit(void **state)
{
	static const char *const bad[] = { "",      "max",
					   "-1",    "+1",
					   " 1",    "0x1",
					   "1 000", "18446744073709551616",
					   "1e3" };

	(void)state;
	must_have(MIB);
	put_process("0::/app\n", V2);
	must_have(MIB);
	put_group("sys/fs/cgroup/app", "9000\n", "8000\n", "");
	must_lack(MIB, "/app", "memory.max");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_group("sys/fs/cgroup/app", bad[i], "8000\n", "");
		must_have(MIB);
		put_group("sys/fs/cgroup/app", "9000\n", bad[i], "");
		must_have(MIB);
	}
	put_group("sys/fs/cgroup/app", "9000", "8000", "");
	must_lack(MIB, "/app", "memory.max");
	assert_int_equal(remove("sys/fs/cgroup/app/memory.stat"), 0);
	must_lack(MIB, "/app", "memory.max");
	assert_int_equal(remove("sys/fs/cgroup/app/memory.current"), 0);
	must_have(MIB);
}

static void
a_line_that_is_too_long_hides_no_other(void **state)
{
	char *mounts = calloc(1, 2 * GROUPS_MAX * 4);

	(void)state;
	assert_non_null(mounts);
	memset(mounts, 'x', GROUPS_MAX * 4);
	mounts[GROUPS_MAX * 4] = '\n';
	strcat(mounts, V2);
	put_process("0::/app\n", mounts);
	put_group("sys/fs/cgroup/app", "9000\n", "8000\n", "");
	must_lack(MIB, "/app", "memory.max");

	// A path that fits nowhere is not cut to another one.
	memset(mounts, 'a', GROUPS_MAX);
	memcpy(mounts, "0::/app/", 8);
	mounts[GROUPS_MAX] = '\0';
	put_process(mounts, V2);
	must_have(MIB);
	free(mounts);
}

/** A step of a generator; the same numbers each time. */
static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/** Damage some bytes, with those that mean something more often. */
static void
damage(char *text, uint32_t *seed)
{
	static const char signs[] = ":/\n -\\0149.,x";
	size_t len = strlen(text);

	for (uint32_t n = next_random(seed) % 4 + 1; len && n; n--)
		text[next_random(seed) % len] =
			signs[next_random(seed) % (sizeof(signs) - 1)];
	if (next_random(seed) % 8 == 0)
		text[next_random(seed) % (len + 1)] = '\0';
}

static void
damaged_texts_never_lead_out_of_the_mount(void **state)
{
	GRAFT_FREE char *here = get_current_dir_name();
	uint32_t seed = 1;
	size_t found = 0;

	(void)state;
	assert_non_null(here);
	put_process("0::/app\n", V2);
	put_group("sys/fs/cgroup/app", "9000\n", "8000\n", "");
	for (int i = 0; i < 3000; i++) {
		char groups[] = "4:memory:/app/in\n0::/app/in\n";
		char mounts[sizeof(V2) + sizeof(V1)];
		char stat[] = "active_file 4096\ninactive_file 40960\n";
		struct graft_memory_group group;
		(void)snprintf(mounts, sizeof(mounts), "%s%s", V1, V2);
		damage(groups, &seed);
		damage(mounts, &seed);
		damage(stat, &seed);
		FILE *file = fopen("proc/4242/cgroup", "w");
		assert_non_null(file);
		(void)fputs(groups, file);
		(void)fclose(file);
		file = fopen("proc/self/mountinfo", "w");
		assert_non_null(file);
		(void)fputs(mounts, file);
		(void)fclose(file);
		file = fopen("sys/fs/cgroup/app/memory.stat", "w");
		assert_non_null(file);
		(void)fputs(stat, file);
		(void)fclose(file);
		must(graft_dir_make("sys/fs/cgroup/app/in", 0700));
		if (!lacks(MIB, &group))
			continue;
		found++;
		assert_memory_equal(group.path, here, strlen(here));
		assert_null(strstr(group.path, "/../"));
		assert_int_equal(group.limit, 9000);
		assert_int_equal(group.left, 1000);
	}
	// Some are not hurt where it matters.
	assert_true(found > 100);
}

#define IN_FOLDER(test)                                                        \
	cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(what_is_left_decides_to_the_byte),
		IN_FOLDER(
			of_a_group_that_is_known_limit_and_usage_are_read_anew),
		IN_FOLDER(clean_pages_of_files_count_as_room),
		IN_FOLDER(a_group_above_that_is_full_is_found),
		IN_FOLDER(version_1_is_read_by_its_own_names),
		IN_FOLDER(a_mount_that_shows_a_part_is_followed_from_there),
		IN_FOLDER(what_is_missing_or_no_number_is_no_limit),
		IN_FOLDER(a_line_that_is_too_long_hides_no_other),
		IN_FOLDER(damaged_texts_never_lead_out_of_the_mount),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
