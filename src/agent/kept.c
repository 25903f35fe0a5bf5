// SPDX-License-Identifier: Apache-2.0

#include "agent/kept.h"

#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	/** More are not looked at: each costs a run of graft when we start. */
	PATCHES_MAX = 1024,
};

static void
close_dirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

void
graft_kept_deinit(struct graft_kept *kept)
{
	for (size_t i = 0; i < kept->count; i++)
		graft_answer_patch_deinit(&kept->patches[i].what);
	free(kept->patches);
	*kept = (struct graft_kept){ 0 };
}

static uint64_t
time_of(const struct stat *st)
{
	return (uint64_t)st->st_mtim.tv_sec * 1000000 +
	       (uint64_t)st->st_mtim.tv_nsec / 1000;
}

/** Is it the name of a hotpatch that is kept: its id and ".graft"? */
static bool
is_patch_name(const char *name)
{
	return strlen(name) == GRAFT_QUARANTINE_ID_LEN + strlen(".graft") &&
	       strspn(name, "0123456789abcdef") == GRAFT_QUARANTINE_ID_LEN &&
	       strcmp(name + GRAFT_QUARANTINE_ID_LEN, ".graft") == 0;
}

/** Is a hotpatch for those alone that it was made for? "ID.here" beside it says so, and so
 * does what cannot be asked. */
static bool
is_here(int dir, const char *id)
{
	char name[GRAFT_QUARANTINE_ID_LEN + sizeof(".here")];
	struct stat st;

	(void)snprintf(name, sizeof(name), "%s.here", id);
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	       errno != ENOENT;
}

/** Take a file of the folder. */
GRAFT_MUST_CHECK static struct graft_error *
take_file(struct graft_kept *kept, int dir, const char *name,
	  const struct stat *st, bool *changed)
{
	char id[GRAFT_QUARANTINE_ID_LEN + 1];

	memcpy(id, name, GRAFT_QUARANTINE_ID_LEN);
	id[GRAFT_QUARANTINE_ID_LEN] = '\0';
	struct graft_kept_patch *patch = graft_kept_find_id(kept, id);
	if (patch) {
		// The same id is the same hotpatch: it has not changed, but whom it is for.
		*changed |= patch->here != is_here(dir, id);
		patch->here = is_here(dir, id);
		patch->seen = true;
		patch->made_us = time_of(st);
		return NULL;
	}
	if (kept->count >= PATCHES_MAX)
		return NULL;
	struct graft_error *err = graft_vec_reserve(&kept->patches, &kept->room,
						    kept->count + 1,
						    sizeof(*kept->patches));
	if (err)
		return err;
	patch = &kept->patches[kept->count++];
	*patch = (struct graft_kept_patch){
		.serial = ++kept->last_serial,
		.seen = true,
		.here = is_here(dir, id),
		.made_us = time_of(st),
	};
	memcpy(patch->id, id, sizeof(id));
	*changed = true;
	return NULL;
}

/** Forget those that are gone. */
static void
drop_gone(struct graft_kept *kept, bool *changed)
{
	size_t left = 0;

	for (size_t i = 0; i < kept->count; i++) {
		if (kept->patches[i].seen) {
			kept->patches[left++] = kept->patches[i];
			continue;
		}
		graft_answer_patch_deinit(&kept->patches[i].what);
		*changed = true;
	}
	kept->count = left;
}

struct graft_error *
graft_kept_scan(struct graft_kept *kept, const char *state_dir,
		bool *changed_ret)
{
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = NULL;
	struct stat st;

	*changed_ret = false;
	if (asprintf(&path, "%s/hotpatches", state_dir) < 0)
		return graft_error_no_memory();
	GRAFT_CLEANUP(close_dirp) DIR *dir = opendir(path);
	if (!dir && errno != ENOENT)
		return graft_error_os(errno, "open %s", path);
	if (dir && fstat(dirfd(dir), &st) == 0) {
		if (time_of(&st) == kept->folder_us)
			return NULL;
		kept->folder_us = time_of(&st);
	}
	for (size_t i = 0; i < kept->count; i++)
		kept->patches[i].seen = false;
	for (const struct dirent *entry;
	     !err && dir && (entry = readdir(dir));) {
		if (is_patch_name(entry->d_name) &&
		    fstatat(dirfd(dir), entry->d_name, &st,
			    AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			err = take_file(kept, dirfd(dir), entry->d_name, &st,
					changed_ret);
	}
	if (!err)
		drop_gone(kept, changed_ret);
	return err;
}

/** Is any change of a hotpatch held under another id? */
static bool
is_held(const struct graft_kept_patch *patch,
	const struct graft_quarantine *quarantine)
{
	const struct graft_quarantine_entry *entry =
		graft_quarantine_find(quarantine, patch->id);

	if (entry && !entry->released)
		return true;
	for (size_t i = 0; i < patch->what.count; i++) {
		if (graft_quarantine_find_change(
			    quarantine, &patch->what.modules[i].change))
			return true;
	}
	return false;
}

struct graft_error *
graft_kept_refresh(struct graft_kept *kept, struct graft_ledger *ledger,
		   const struct graft_quarantine *quarantine)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < kept->count; i++) {
		struct graft_kept_patch *patch = &kept->patches[i];
		struct graft_ledger_last last = { 0 };
		err = graft_ledger_find_last(ledger, patch->id, &last);
		patch->last_us = last.finish_us;
		patch->held = is_held(patch, quarantine);
		patch->withheld = last.verb == GRAFT_LEDGER_REVERT &&
				  !graft_quarantine_excuses(quarantine,
							    patch->id,
							    last.finish_us);
	}
	return err;
}

struct graft_kept_patch *
graft_kept_unknown(struct graft_kept *kept)
{
	for (size_t i = 0; i < kept->count; i++) {
		if (!kept->patches[i].asked)
			return &kept->patches[i];
	}
	return NULL;
}

struct graft_kept_patch *
graft_kept_find(struct graft_kept *kept, uint32_t serial)
{
	for (size_t i = 0; i < kept->count; i++) {
		if (kept->patches[i].serial == serial)
			return &kept->patches[i];
	}
	return NULL;
}

struct graft_kept_patch *
graft_kept_find_id(struct graft_kept *kept, const char *id)
{
	for (size_t i = 0; i < kept->count; i++) {
		if (strcmp(kept->patches[i].id, id) == 0)
			return &kept->patches[i];
	}
	return NULL;
}

bool
graft_kept_has_build_id(const struct graft_kept *kept, const uint8_t *build_id,
			size_t len)
{
	for (size_t i = 0; i < kept->count; i++) {
		const struct graft_answer_patch *what = &kept->patches[i].what;
		for (size_t k = 0; !kept->patches[i].here && k < what->count;
		     k++) {
			if (len && what->modules[k].build_id_len == len &&
			    memcmp(what->modules[k].build_id, build_id, len) ==
				    0)
				return true;
		}
	}
	return false;
}

static bool
is_for(const struct graft_kept_patch *patch,
       const uint8_t sha256[GRAFT_SHA256_LEN])
{
	for (size_t i = 0; i < patch->what.count; i++) {
		if (memcmp(patch->what.modules[i].change.old_sha256, sha256,
			   GRAFT_SHA256_LEN) == 0)
			return true;
	}
	return false;
}

const struct graft_kept_patch *
graft_kept_wanted(const struct graft_kept *kept,
		  const uint8_t sha256[GRAFT_SHA256_LEN])
{
	const struct graft_kept_patch *best = NULL;

	for (size_t i = 0; i < kept->count; i++) {
		const struct graft_kept_patch *patch = &kept->patches[i];
		if (patch->here || !is_for(patch, sha256))
			continue;
		if (!best || patch->last_us > best->last_us ||
		    (patch->last_us == best->last_us &&
		     patch->made_us > best->made_us))
			best = patch;
	}
	return best && !best->held && !best->withheld ? best : NULL;
}
