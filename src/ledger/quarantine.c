// SPDX-License-Identifier: Apache-2.0

#include "ledger/quarantine.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BYTES_MAX = 16 << 20,
};

void
graft_quarantine_free(struct graft_quarantine *quarantine)
{
	if (!quarantine)
		return;
	for (size_t i = 0; i < quarantine->count; i++)
		free(quarantine->entries[i].changes);
	free(quarantine->entries);
	free(quarantine);
}

GRAFT_MUST_CHECK static struct graft_error *
path_of(const char *state_dir, char **ret)
{
	if (asprintf(ret, "%s/quarantine", state_dir) >= 0)
		return NULL;
	*ret = NULL;
	return graft_error_no_memory();
}

struct graft_error *
graft_quarantine_read(const char *state_dir, struct graft_quarantine **ret)
{
	GRAFT_FREE char *path = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;
	struct graft_error *err = path_of(state_dir, &path);

	if (!err)
		err = graft_file_read(path, BYTES_MAX, &bytes, &len);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		*ret = calloc(1, sizeof(**ret));
		return *ret ? NULL : graft_error_no_memory();
	}
	// It lies beside the ledger: who may not read one may not read the other.
	if (err && graft_error_code(err) == GRAFT_ERROR_OS) {
		struct graft_error *said = graft_error_new(
			GRAFT_ERROR_LEDGER, "%s", graft_error_message(err));
		graft_error_free(err);
		return said;
	}
	return err ? err
		   : graft_quarantine_parse((const char *)bytes, len, path,
					    ret);
}

struct graft_error *
graft_quarantine_write(const char *state_dir,
		       const struct graft_quarantine *quarantine)
{
	GRAFT_FREE char *path = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err = path_of(state_dir, &path);

	if (err)
		return err;
	graft_quarantine_print(quarantine, &text);
	if (text.failed)
		return graft_error_no_memory();
	return graft_file_write(path, graft_text_str(&text), text.len, 0600);
}

/** Is an entry the one that is said of a hotpatch, for all or for one user? */
static bool
is_of(const struct graft_quarantine_entry *e, const char *id, bool of_user,
      uid_t uid)
{
	return e->of_user == of_user && (!of_user || e->uid == uid) &&
	       strcmp(e->id, id) == 0;
}

const struct graft_quarantine_entry *
graft_quarantine_find(const struct graft_quarantine *quarantine, const char *id)
{
	for (size_t i = 0; i < quarantine->count; i++) {
		if (is_of(&quarantine->entries[i], id, false, 0))
			return &quarantine->entries[i];
	}
	return NULL;
}

const struct graft_quarantine_entry *
graft_quarantine_find_user(const struct graft_quarantine *quarantine,
			   const char *id, uid_t uid)
{
	for (size_t i = 0; i < quarantine->count; i++) {
		if (is_of(&quarantine->entries[i], id, true, uid))
			return &quarantine->entries[i];
	}
	return NULL;
}

/** Does an entry hold a change of a file? */
static bool
has_change(const struct graft_quarantine_entry *e,
	   const struct graft_quarantine_change *change)
{
	for (size_t k = 0; !e->released && k < e->change_count; k++) {
		if (memcmp(&e->changes[k], change, sizeof(*change)) == 0)
			return true;
	}
	return false;
}

const struct graft_quarantine_entry *
graft_quarantine_find_change(const struct graft_quarantine *quarantine,
			     const struct graft_quarantine_change *change)
{
	for (size_t i = 0; i < quarantine->count; i++) {
		const struct graft_quarantine_entry *e =
			&quarantine->entries[i];
		if (!e->of_user && has_change(e, change))
			return e;
	}
	return NULL;
}

/** Does an entry hold a hotpatch, under whichever id? */
static bool
concerns(const struct graft_quarantine_entry *e, const char *id,
	 const struct graft_quarantine_change *changes, size_t count)
{
	if (strcmp(e->id, id) == 0)
		return true;
	for (size_t i = 0; i < count; i++) {
		if (has_change(e, &changes[i]))
			return true;
	}
	return false;
}

const struct graft_quarantine_entry *
graft_quarantine_next_user(const struct graft_quarantine *quarantine,
			   const struct graft_quarantine_entry *after,
			   const char *id,
			   const struct graft_quarantine_change *changes,
			   size_t count)
{
	size_t at = after ? (size_t)(after - quarantine->entries) + 1 : 0;

	for (; at < quarantine->count; at++) {
		const struct graft_quarantine_entry *e =
			&quarantine->entries[at];
		if (e->of_user && concerns(e, id, changes, count))
			return e;
	}
	return NULL;
}

bool
graft_quarantine_excuses(const struct graft_quarantine *quarantine,
			 const char *id, uint64_t time_us)
{
	for (size_t i = 0; i < quarantine->count; i++) {
		const struct graft_quarantine_entry *e =
			&quarantine->entries[i];
		if (strcmp(e->id, id) == 0 &&
		    ((e->released && time_us <= e->time_us) ||
		     (e->of_user && time_us <= e->taken_us)))
			return true;
	}
	return false;
}

/** Make a name one word. */
static void
clean_comm(char comm[16])
{
	comm[15] = '\0';
	if (!*comm)
		memcpy(comm, "?", 2);
	for (char *at = comm; *at; at++) {
		if (*at <= ' ' || *at > '~')
			*at = '?';
	}
}

/** Remove an entry; the order of the others stays. */
static void
drop(struct graft_quarantine *quarantine, size_t at)
{
	free(quarantine->entries[at].changes);
	quarantine->count--;
	memmove(quarantine->entries + at, quarantine->entries + at + 1,
		(quarantine->count - at) * sizeof(*quarantine->entries));
}

/** Remove what a new entry leaves nothing to say for: its former self; for all, what was
 * held for users; for one user, the oldest of too many. */
static void
make_way(struct graft_quarantine *quarantine,
	 const struct graft_quarantine_entry *entry)
{
	size_t oldest = SIZE_MAX;
	size_t count = 0;

	for (size_t i = quarantine->count; i > 0; i--) {
		const struct graft_quarantine_entry *e =
			&quarantine->entries[i - 1];
		if (strcmp(e->id, entry->id) == 0 &&
		    (!entry->of_user || is_of(e, entry->id, true, entry->uid)))
			drop(quarantine, i - 1);
	}
	for (size_t i = 0; entry->of_user && i < quarantine->count; i++) {
		const struct graft_quarantine_entry *e =
			&quarantine->entries[i];
		if (!e->of_user || e->uid != entry->uid)
			continue;
		count++;
		if (oldest == SIZE_MAX ||
		    e->time_us < quarantine->entries[oldest].time_us)
			oldest = i;
	}
	if (count >= GRAFT_QUARANTINE_USER_MAX)
		drop(quarantine, oldest);
}

struct graft_error *
graft_quarantine_set(struct graft_quarantine *quarantine,
		     const struct graft_quarantine_entry *entry)
{
	const bool known =
		entry->of_user ? graft_quarantine_find_user(
					 quarantine, entry->id, entry->uid)
			       : graft_quarantine_find(quarantine, entry->id);
	struct graft_quarantine_entry made = *entry;
	size_t count = entry->released ? 0 : entry->change_count;

	if (!known && quarantine->count >= GRAFT_QUARANTINE_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %d hotpatches in quarantine",
				       GRAFT_QUARANTINE_MAX);
	if (count > GRAFT_QUARANTINE_CHANGES_MAX)
		count = GRAFT_QUARANTINE_CHANGES_MAX;
	GRAFT_FREE struct graft_quarantine_change *changes =
		calloc(count + 1, sizeof(*changes));
	struct graft_quarantine_entry *more = reallocarray(
		quarantine->entries, quarantine->count + 1, sizeof(*more));
	if (more)
		quarantine->entries = more;
	if (!changes || !more)
		return graft_error_no_memory();
	if (count)
		memcpy(changes, entry->changes, count * sizeof(*changes));
	made.changes = GRAFT_TAKE(changes);
	made.change_count = count;
	if (!made.released)
		clean_comm(made.comm);
	make_way(quarantine, &made);
	quarantine->entries[quarantine->count++] = made;
	return NULL;
}
