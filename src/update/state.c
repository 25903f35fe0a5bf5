// SPDX-License-Identifier: Apache-2.0

// The folder of an update that is under way.

#include "update/record.h"

#include "base/env.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct graft_update_state {
	char *dir;
	char *log;
	char *pool;
	int lock_fd;
	bool there;
	struct graft_update_record record;
	struct graft_catalogue catalogue;
	/** In the order of the record; borrowed from the catalogue. */
	const struct graft_release *releases[GRAFT_UPDATE_RELEASES_MAX];
};

void
graft_update_state_close(struct graft_update_state *state)
{
	if (!state)
		return;
	if (state->lock_fd >= 0)
		(void)close(state->lock_fd);
	graft_update_record_deinit(&state->record);
	graft_catalogue_deinit(&state->catalogue);
	free(state->dir);
	free(state->log);
	free(state->pool);
	free(state);
}

/** Make a path in a folder. */
GRAFT_MUST_CHECK static struct graft_error *
join(char **ret, const char *dir, const char *name, const char *suffix)
{
	if (asprintf(ret, "%s/%s%s", dir, name, suffix) < 0) {
		*ret = NULL;
		return graft_error_no_memory();
	}
	return NULL;
}

bool
graft_update_state_is_there(void)
{
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = join(&path, graft_env_state_dir(),
				       "restart/record", "");

	graft_error_free(err);
	return !err && access(path, F_OK) == 0;
}

/** Read the releases of the record. */
GRAFT_MUST_CHECK static struct graft_error *
read_releases(struct graft_update_state *state)
{
	const struct graft_words *ids = &state->record.releases;

	for (size_t i = 0; i < ids->count; i++) {
		GRAFT_FREE char *path = NULL;
		GRAFT_FREE char *name = NULL;
		GRAFT_FREE uint8_t *bytes = NULL;
		size_t len;
		struct graft_error *err = join(&path, state->dir, ids->list[i],
					       ".json");
		if (!err)
			err = join(&name, "releases", ids->list[i], ".json");
		if (!err)
			err = graft_file_read(path, GRAFT_RELEASE_BYTES_MAX,
					      &bytes, &len);
		if (!err)
			err = graft_catalogue_decode(&state->catalogue, name,
						     bytes, len);
		if (err)
			return err;
		state->releases[i] = state->catalogue.list[i];
	}
	return NULL;
}

/** Read what is there. */
GRAFT_MUST_CHECK static struct graft_error *
read_record(struct graft_update_state *state)
{
	GRAFT_FREE char *path = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	struct graft_error *err = join(&path, state->dir, "record", "");
	if (!err)
		err = graft_file_read(path, GRAFT_SETTINGS_BYTES_MAX, &bytes,
				      &len);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return NULL;
	}
	if (!err)
		err = graft_update_record_decode((const char *)bytes, len, path,
						 &state->record);
	if (err)
		return err;
	state->there = true;
	return read_releases(state);
}

struct graft_error *
graft_update_state_open(struct graft_update_state **ret)
{
	GRAFT_CLEANUP(graft_update_state_closep)
	struct graft_update_state *state = calloc(1, sizeof(*state));
	GRAFT_FREE char *lock = NULL;

	if (!state)
		return graft_error_no_memory();
	state->lock_fd = -1;
	struct graft_error *err = join(&state->dir, graft_env_state_dir(),
				       "restart", "");
	if (!err)
		err = join(&state->log, state->dir, "log", "");
	if (!err)
		err = join(&state->pool, state->dir, "pool", "");
	if (!err)
		err = join(&lock, state->dir, "lock", "");
	if (!err)
		err = graft_dir_make(state->dir, 0700);
	if (err)
		return err;
	state->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			      0600);
	if (state->lock_fd < 0)
		return graft_error_os(errno, "open %s", lock);
	if (flock(state->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			       ? graft_error_new(GRAFT_ERROR_REFUSED,
						 "another graft is at work on "
						 "a cumulative update")
			       : graft_error_os(errno, "lock %s", lock);
	graft_file_sweep(state->dir, "record");
	graft_file_sweep(state->dir, "*.json");
	err = read_record(state);
	if (err)
		return graft_error_prefix(err, "an update that is under way");
	*ret = GRAFT_TAKE(state);
	return NULL;
}

struct graft_update_record *
graft_update_state_record(struct graft_update_state *state)
{
	return state->there ? &state->record : NULL;
}

const struct graft_release *const *
graft_update_state_releases(const struct graft_update_state *state)
{
	return state->releases;
}

const char *
graft_update_state_pool(const struct graft_update_state *state)
{
	return state->pool;
}

const char *
graft_update_state_log(const struct graft_update_state *state)
{
	return state->log;
}

struct graft_error *
graft_update_state_put(struct graft_update_state *state)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_FREE char *path = NULL;

	graft_update_record_encode(&state->record, &text);
	if (text.failed)
		return graft_error_no_memory();
	struct graft_error *err = join(&path, state->dir, "record", "");
	if (!err)
		err = graft_fault("update-record");
	return err ? err : graft_file_write(path, text.str, text.len, 0600);
}

/** Write a release beside the record. */
GRAFT_MUST_CHECK static struct graft_error *
write_release(const struct graft_update_state *state,
	      const struct graft_release *release)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_FREE char *path = NULL;

	graft_release_encode(release, &text);
	if (text.failed)
		return graft_error_no_memory();
	struct graft_error *err = join(&path, state->dir, release->id, ".json");
	return err ? err : graft_file_write(path, text.str, text.len, 0600);
}

struct graft_error *
graft_update_state_begin(struct graft_update_state *state,
			 const struct graft_release *const *releases,
			 size_t count, graft_level baseline, graft_level level)
{
	struct graft_update_record record = {
		.step = GRAFT_UPDATE_INSTALLING,
		.baseline = baseline,
		.level = level,
		.automatic = true,
	};
	struct graft_error *err = graft_fault("update-begin");

	if (!err && (!count || count > GRAFT_UPDATE_RELEASES_MAX))
		err = graft_error_new(GRAFT_ERROR_LIMIT,
				      "%zu releases for one update", count);
	if (!err)
		err = graft_boot_id_read(record.boot_id);
	for (size_t i = 0; !err && i < count; i++) {
		err = write_release(state, releases[i]);
		if (!err)
			err = graft_words_add(&record.releases,
					      releases[i]->id);
	}
	if (err) {
		graft_update_record_deinit(&record);
		return err;
	}
	// Of another update.
	(void)unlink(state->log);
	graft_update_record_deinit(&state->record);
	graft_catalogue_deinit(&state->catalogue);
	state->record = record;
	err = graft_update_state_put(state);
	if (err)
		return err;
	state->there = true;
	// What goes on after a kill is what was written.
	err = read_releases(state);
	return err ? err : graft_fault("update-begun");
}

struct graft_error *
graft_update_state_forget(struct graft_update_state *state)
{
	const struct graft_words *ids = &state->record.releases;
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = join(&path, state->dir, "record", "");

	if (!err)
		err = graft_fault("update-forget");
	if (err)
		return err;
	if (unlink(path) < 0 && errno != ENOENT)
		return graft_error_os(errno, "remove %s", path);
	err = graft_file_sync_parent(path);
	for (size_t i = 0; !err && i < ids->count; i++) {
		GRAFT_FREE char *release = NULL;
		err = join(&release, state->dir, ids->list[i], ".json");
		if (!err)
			(void)unlink(release);
	}
	state->there = false;
	return err;
}
