// SPDX-License-Identifier: Apache-2.0

#include "plan/contexts.h"

#include "proc/backing.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	PAGE = 4096,
};

/** Code of this program that nobody calls, in a page of its own. */
__attribute__((naked, used, aligned(PAGE))) static void
room(void)
{
	__asm__("ret\n.skip 4095, 0xcc");
}

/** mov 64(%rip), %rsp; ret */
static const uint8_t switches[] = { 0x48, 0x8b, 0x25, 64, 0, 0, 0, 0xc3 };

/** Write to our own code, and leave its mapping as it is. */
static bool
change_code(void)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	return pwrite(fd, switches, sizeof(switches), (off_t)(uintptr_t)room) ==
	       sizeof(switches);
}

/** Let a process stand still, after it changed its code if it is to. */
static pid_t
start(bool changed)
{
	int fds[2];
	char byte;

	assert_return_code(pipe(fds), 0);
	pid_t pid = fork();
	assert_return_code(pid, 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (changed && !change_code())
			_exit(1);
		(void)!write(fds[1], "x", 1);
		for (;;)
			(void)pause();
	}
	(void)close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	(void)close(fds[0]);
	return pid;
}

static void
end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static bool
ask(pid_t pid, struct graft_sightings *sightings)
{
	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	GRAFT_CLEANUP(graft_modules_freep) struct graft_modules *modules = NULL;
	bool found;

	assert_null(graft_target_open(pid, &target));
	assert_null(graft_maps_read(pid, &maps));
	assert_null(graft_modules_read(target, maps, &modules));
	assert_null(graft_contexts_possible(target, maps, modules, sightings,
					    &found));
	return found;
}

/** The mapping of an address in a process; maps are the caller's. */
static const struct graft_map *
map_at(pid_t pid, const void *addr, struct graft_maps **maps)
{
	assert_null(graft_maps_read(pid, maps));
	return graft_maps_at(*maps, (uint64_t)addr);
}

static void
what_one_process_showed_another_need_not_show(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_sightings_deinit)
	struct graft_sightings sightings = { 0 };
	pid_t one = start(false);
	pid_t two = start(false);

	assert_false(ask(one, NULL));
	assert_false(ask(one, &sightings));
	size_t count = sightings.count;
	if (count == 0) {
		end(one);
		end(two);
		skip(); // Not root: no file can be told from another.
	}
	assert_false(ask(two, &sightings));
	assert_int_equal(sightings.count, count);

	// It is what was kept that answers, and not another look.
	for (size_t i = 0; i < count; i++)
		sightings.list[i].found = true;
	assert_true(ask(two, &sightings));
	end(one);
	end(two);
}

static void
code_that_a_process_changed_is_looked_at(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_sightings_deinit)
	struct graft_sightings sightings = { 0 };
	pid_t one = start(false);
	pid_t changed = start(true);

	assert_false(ask(one, &sightings));
	size_t count = sightings.count;
	assert_true(ask(changed, &sightings));
	// Nor do others have what it alone has.
	assert_int_equal(sightings.count, count);
	assert_false(ask(one, &sightings));
	end(one);
	end(changed);
}

static void
memory_is_its_file_until_it_is_written_to(void **state)
{
	(void)state;
	pid_t pids[2] = { start(false), start(true) };

	for (int changed = 0; changed < 2; changed++) {
		GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
		GRAFT_CLEANUP(graft_backings_deinit)
		struct graft_backings backings = { .pid = pids[changed] };
		const struct graft_map *map =
			map_at(pids[changed], (void *)(uintptr_t)room, &maps);
		assert_non_null(map);
		assert_int_equal(graft_backing_shows(&backings, map), !changed);
		// What is open of it shows that it is gone.
		backings.shown_count = 0;
		backings.pages_count = 0;
		end(pids[changed]);
		assert_false(graft_backing_shows(&backings, map));
	}
}

static void
a_file_has_a_name_without_being_asked_for(void **state)
{
	(void)state;
	const uint8_t id[20] = { 1, 2, 3 };
	const uint8_t other_id[20] = { 1, 2, 4 };
	char elsewhere[] = "/elsewhere";
	char memory[] = "/memfd:code";
	struct graft_backing first;
	struct graft_backing second;
	pid_t pids[2] = { start(false), start(false) };

	for (int i = 0; i < 2; i++) {
		GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
		GRAFT_CLEANUP(graft_backings_deinit)
		struct graft_backings backings = { .pid = pids[i] };
		const struct graft_map *map =
			map_at(pids[i], (void *)(uintptr_t)room, &maps);
		struct graft_map other = *map;
		assert_true(graft_backing_name(&backings, map, id, sizeof(id),
					       i ? &second : &first));
		if (i)
			assert_memory_equal(&first, &second, sizeof(first));
		// Whatever differs makes it another one.
		assert_true(graft_backing_name(&backings, map, other_id,
					       sizeof(other_id), &second));
		assert_memory_not_equal(&first, &second, sizeof(first));
		other.path = elsewhere;
		assert_true(graft_backing_name(&backings, &other, id,
					       sizeof(id), &second));
		assert_memory_not_equal(&first, &second, sizeof(first));
		backings.uid++;
		assert_true(graft_backing_name(&backings, map, id, sizeof(id),
					       &second));
		assert_memory_not_equal(&first, &second, sizeof(first));
		// Neither is it a name by which stat(2) knows one.
		backings.uid--;
		if (graft_backing_read(&backings, map, &second))
			assert_memory_not_equal(&first, &second, sizeof(first));
		// And some have none.
		assert_false(
			graft_backing_name(&backings, map, id, 8, &second));
		other = *map;
		other.deleted = true;
		assert_false(graft_backing_name(&backings, &other, id,
						sizeof(id), &second));
		other = *map;
		other.shared = true;
		assert_false(graft_backing_name(&backings, &other, id,
						sizeof(id), &second));
		other = *map;
		other.path = memory;
		assert_false(graft_backing_name(&backings, &other, id,
						sizeof(id), &second));
	}
	end(pids[0]);
	end(pids[1]);
}

static void
memory_that_only_looks_like_a_file_is_none(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_backings_deinit)
	struct graft_backings backings = { .pid = getpid() };
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	struct graft_backing file;
	int fd = memfd_create("code", MFD_CLOEXEC);

	assert_return_code(ftruncate(fd, PAGE), 0);
	void *at = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	const struct graft_map *map = map_at(getpid(), at, &maps);
	assert_non_null(map);
	assert_false(graft_backing_read(&backings, map, &file));
	assert_return_code(munmap(at, PAGE), 0);
	(void)close(fd);
}

static void
two_files_are_told_apart(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_backings_deinit)
	struct graft_backings backings = { .pid = getpid() };
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	struct graft_backing own;
	struct graft_backing libc;
	struct graft_backing again;
	const struct graft_map *map = map_at(getpid(), (void *)(uintptr_t)room,
					     &maps);

	assert_non_null(map);
	if (!graft_backing_read(&backings, map, &own))
		skip(); // Not root.
	assert_true(graft_backing_read(&backings, map, &again));
	assert_memory_equal(&own, &again, sizeof(own));
	map = graft_maps_at(maps, (uint64_t)(uintptr_t)waitpid);
	assert_true(graft_backing_read(&backings, map, &libc));
	assert_memory_not_equal(&own, &libc, sizeof(own));
}

static void
a_sighting_is_found_by_all_of_its_key(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_sightings_deinit)
	struct graft_sightings sightings = { 0 };
	struct graft_sighting one = { .key = { 1, 2, 3 }, .found = true };

	assert_null(graft_sightings_find(NULL, one.key));
	assert_null(graft_sightings_find(&sightings, one.key));
	assert_null(graft_sightings_keep(NULL, &one));
	assert_null(graft_sightings_keep(&sightings, &one));
	assert_null(graft_sightings_keep(&sightings, &one));
	assert_int_equal(sightings.count, 1);
	assert_true(graft_sightings_find(&sightings, one.key)->found);
	for (size_t i = 0; i < GRAFT_SIGHTING_KEY; i++) {
		one.key[i]++;
		assert_null(graft_sightings_find(&sightings, one.key));
		one.key[i]--;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_one_process_showed_another_need_not_show),
		cmocka_unit_test(code_that_a_process_changed_is_looked_at),
		cmocka_unit_test(memory_is_its_file_until_it_is_written_to),
		cmocka_unit_test(a_file_has_a_name_without_being_asked_for),
		cmocka_unit_test(memory_that_only_looks_like_a_file_is_none),
		cmocka_unit_test(two_files_are_told_apart),
		cmocka_unit_test(a_sighting_is_found_by_all_of_its_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
