// SPDX-License-Identifier: Apache-2.0

#include "persist/store.h"

#include "base/clock.h"
#include "base/env.h"
#include "base/file.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum {
	LOOK_AGAIN_US = 100 * 1000,
};

struct graft_store {
	char *dir;
	int lock;
	struct graft_record *records;
	size_t count;
	size_t cap;
};

void
graft_store_close(struct graft_store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < store->count; i++)
		graft_record_deinit(&store->records[i]);
	free(store->records);
	free(store->dir);
	if (store->lock >= 0)
		(void)close(store->lock);
	free(store);
}

static bool
is_id(const char *name)
{
	return strlen(name) == GRAFT_PATCH_ID_LEN &&
	       strspn(name, "0123456789abcdef") == GRAFT_PATCH_ID_LEN;
}

struct graft_error *
graft_store_path(const struct graft_store *store, const char *id,
		 const char *name, char **ret)
{
	if (asprintf(ret, "%s/%s/%s", store->dir, id, name) < 0) {
		*ret = NULL;
		return graft_error_no_memory();
	}
	return NULL;
}

static void
close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

/** Remove a folder of an installation: plain files, and itself. */
static void
remove_folder(const struct graft_store *store, const char *id)
{
	GRAFT_FREE char *path = NULL;

	struct graft_error *err = graft_store_path(store, id, "", &path);
	if (err) {
		graft_error_free(err);
		return;
	}
	GRAFT_CLEANUP(close_dir) DIR *dir = opendir(path);
	const struct dirent *entry;
	while (dir && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	}
	(void)rmdir(path);
}

/** Read the record of one installation. */
static struct graft_error *
read_record(struct graft_store *store, const char *id)
{
	GRAFT_FREE char *path = NULL;
	GRAFT_FREE uint8_t *text = NULL;
	struct graft_record record = { 0 };
	size_t len;

	struct graft_error *err = graft_store_path(store, id, "record", &path);
	if (!err)
		err = graft_file_read(path, GRAFT_RECORD_TEXT_MAX, &text, &len);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		// Killed before its intent was on disk: nothing had changed.
		graft_error_free(err);
		remove_folder(store, id);
		return NULL;
	}
	if (!err)
		err = graft_vec_reserve(&store->records, &store->cap,
					store->count + 1,
					sizeof(*store->records));
	if (err)
		return err;
	err = graft_record_decode((const char *)text, len, &record);
	if (!err && strcmp(record.id, id) != 0) {
		graft_record_deinit(&record);
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "the record of another installation");
	}
	if (err)
		return graft_error_prefix(err, "%s", path);
	store->records[store->count++] = record;
	return NULL;
}

static int
compare_times(const void *a, const void *b)
{
	const struct graft_record *x = a;
	const struct graft_record *y = b;

	return (x->time_us > y->time_us) - (x->time_us < y->time_us);
}

static struct graft_error *
read_records(struct graft_store *store)
{
	GRAFT_CLEANUP(close_dir) DIR *dir = opendir(store->dir);
	struct graft_error *err = NULL;
	const struct dirent *entry;

	if (!dir)
		return graft_error_os(errno, "open %s", store->dir);
	while (!err && (entry = readdir(dir)) != NULL) {
		if (is_id(entry->d_name))
			err = read_record(store, entry->d_name);
	}
	if (store->count)
		qsort(store->records, store->count, sizeof(*store->records),
		      compare_times);
	return err;
}

static struct graft_error *
take_lock(struct graft_store *store, uint64_t wait_us)
{
	const uint64_t end_us = graft_clock_monotonic_us() + wait_us;
	GRAFT_FREE char *path = NULL;

	if (asprintf(&path, "%s/lock", store->dir) < 0) {
		path = NULL;
		return graft_error_no_memory();
	}
	store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			   0600);
	if (store->lock < 0)
		return graft_error_os(errno, "open %s", path);
	while (flock(store->lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return graft_error_os(errno, "lock %s", path);
		if (graft_clock_monotonic_us() >= end_us)
			return graft_error_new(GRAFT_ERROR_REFUSED,
					       "another graft is installing or "
					       "rolling back; --wait gives it "
					       "time to end");
		graft_clock_sleep_us(LOOK_AGAIN_US);
	}
	return NULL;
}

bool
graft_store_is_there(void)
{
	GRAFT_FREE char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s/install", graft_env_state_dir()) < 0) {
		path = NULL;
		return false;
	}
	return stat(path, &st) == 0;
}

struct graft_error *
graft_store_open(uint64_t wait_us, struct graft_store **ret)
{
	GRAFT_CLEANUP(graft_store_closep)
	struct graft_store *store = calloc(1, sizeof(*store));

	if (!store)
		return graft_error_no_memory();
	store->lock = -1;
	if (asprintf(&store->dir, "%s/install", graft_env_state_dir()) < 0) {
		store->dir = NULL;
		return graft_error_no_memory();
	}
	struct graft_error *err = graft_dir_make(store->dir, 0700);
	if (!err)
		err = take_lock(store, wait_us);
	if (!err)
		err = read_records(store);
	if (err)
		return err;
	*ret = GRAFT_TAKE(store);
	return NULL;
}

const struct graft_record *
graft_store_records(const struct graft_store *store, size_t *count_ret)
{
	*count_ret = store->count;
	return store->records;
}

/** Find where a record is; SIZE_MAX: there is none. */
static size_t
find(const struct graft_store *store, const char *id)
{
	for (size_t i = 0; i < store->count; i++) {
		if (strcmp(store->records[i].id, id) == 0)
			return i;
	}
	return SIZE_MAX;
}

const struct graft_record *
graft_store_find(const struct graft_store *store, const char *id)
{
	size_t i = find(store, id);

	return i == SIZE_MAX ? NULL : &store->records[i];
}

struct graft_error *
graft_store_make(const struct graft_store *store, const char *id)
{
	GRAFT_FREE char *path = NULL;
	struct graft_error *err;

	remove_folder(store, id);
	err = graft_store_path(store, id, "", &path);
	if (err)
		return err;
	path[strlen(path) - 1] = '\0';
	err = graft_dir_make(path, 0700);
	return err ? err : graft_file_sync_parent(path);
}

struct graft_error *
graft_store_put(struct graft_store *store, const struct graft_record *record)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_record copy = { 0 };
	GRAFT_FREE char *path = NULL;

	graft_record_encode(record, &text);
	if (text.failed)
		return graft_error_no_memory();
	struct graft_error *err = graft_record_decode(text.str, text.len,
						      &copy);
	if (err)
		return err;
	err = graft_store_path(store, record->id, "record", &path);
	if (!err)
		err = graft_file_write(path, text.str, text.len, 0600);
	size_t i = find(store, record->id);
	if (!err && i == SIZE_MAX) {
		err = graft_vec_reserve(&store->records, &store->cap,
					store->count + 1,
					sizeof(*store->records));
		i = store->count;
		if (!err)
			store->records[store->count++] =
				(struct graft_record){ 0 };
	}
	if (err) {
		graft_record_deinit(&copy);
		return err;
	}
	graft_record_deinit(&store->records[i]);
	store->records[i] = copy;
	return NULL;
}

void
graft_store_drop(const struct graft_store *store, const char *id,
		 const char *name)
{
	GRAFT_FREE char *path = NULL;

	struct graft_error *err = graft_store_path(store, id, name, &path);
	if (!err)
		(void)unlink(path);
	graft_error_free(err);
}

struct graft_error *
graft_store_remove(struct graft_store *store, const char *id)
{
	GRAFT_FREE char *path = NULL;
	size_t i = find(store, id);

	struct graft_error *err = graft_store_path(store, id, "record", &path);
	if (err)
		return err;
	if (unlink(path) < 0 && errno != ENOENT)
		return graft_error_os(errno, "remove %s", path);
	err = graft_file_sync_parent(path);
	if (err)
		return err;
	remove_folder(store, id);
	if (i == SIZE_MAX)
		return NULL;
	graft_record_deinit(&store->records[i]);
	store->count--;
	memmove(&store->records[i], &store->records[i + 1],
		(store->count - i) * sizeof(*store->records));
	return NULL;
}
