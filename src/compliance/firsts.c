// SPDX-License-Identifier: Apache-2.0

#include "compliance/firsts.h"

#include "base/vec.h"
#include "compliance/hosts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	/** The list is made shorter when it is so long, and again each time that it is twice as long. */
	PACK_AT = 1024,
};

void
graft_compliance_firsts_deinit(struct graft_compliance_firsts *firsts)
{
	free(firsts->list);
	graft_compliance_enrolled_deinit(&firsts->holders);
	*firsts = (struct graft_compliance_firsts){ 0 };
}

static int
compare(const void *left, const void *right)
{
	return graft_compliance_speaker_compare(left, right);
}

/** Sort them, and keep each once. */
static void
pack(struct graft_compliance_firsts *firsts)
{
	struct graft_compliance_speaker *list = firsts->list;
	size_t kept = 0;

	if (firsts->count)
		qsort(list, firsts->count, sizeof(*list), compare);
	for (size_t i = 0; i < firsts->count; i++) {
		if (!kept || compare(&list[kept - 1], &list[i]) != 0)
			list[kept++] = list[i];
	}
	firsts->count = kept;
}

struct graft_error *
graft_compliance_firsts_add(struct graft_compliance_firsts *firsts,
			    const void *bytes, size_t len)
{
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *report = NULL;
	struct graft_compliance_speaker speaker;

	struct graft_error *err =
		graft_compliance_speaker_read(bytes, len, &report, &speaker);
	if (err && graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
		return err;
	if (err) {
		graft_error_free(err);
		return NULL;
	}
	// The same report, as often as somebody likes, takes no memory, and not all are sorted each time.
	size_t need = firsts->count + 1;
	if (firsts->count == firsts->cap && firsts->count >= PACK_AT) {
		pack(firsts);
		need = firsts->count > firsts->cap / 2 ? firsts->cap + 1 : 0;
	}
	if (firsts->count == GRAFT_COMPLIANCE_HOSTS_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %d hosts bring a key",
				       GRAFT_COMPLIANCE_HOSTS_MAX);
	err = graft_vec_reserve(&firsts->list, &firsts->cap, need,
				sizeof(*firsts->list));
	if (err)
		return err;
	firsts->list[firsts->count++] = speaker;
	return NULL;
}

struct graft_error *
graft_compliance_firsts_close(struct graft_compliance_firsts *firsts)
{
	struct graft_error *err = NULL;

	pack(firsts);
	firsts->closed = true;
	for (size_t i = 0; !err && i < firsts->count; i++)
		err = graft_compliance_enrolled_add(&firsts->holders,
						    firsts->list[i].host,
						    firsts->list[i].key_id);
	return err;
}

struct graft_error *
graft_compliance_firsts_check(const struct graft_compliance_firsts *firsts,
			      const char *host, const char *key_id)
{
	size_t low = 0;
	size_t high = firsts->count;
	size_t keys = 0;

	assert(firsts->closed);
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (strcmp(firsts->list[middle].host, host) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	const struct graft_compliance_speaker *first = &firsts->list[low];
	while (low + keys < firsts->count &&
	       strcmp(first[keys].host, host) == 0)
		keys++;
	const char *other = graft_compliance_enrolled_other(&firsts->holders,
							    host, key_id);
	if (keys == 1 && strcmp(first->key_id, key_id) == 0)
		return other ? graft_error_new(
				       GRAFT_ERROR_REFUSED,
				       "the key of %s is that of %s, too: one "
				       "of them is a copy; enroll the right "
				       "one (graft compliance enroll)",
				       host, other)
			     : NULL;
	// What was not there when all were looked at.
	if (keys < 2)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s: the bundle was changed while it "
				       "was read",
				       host);
	return graft_error_new(GRAFT_ERROR_REFUSED,
			       "%zu keys speak for %s, %.12s and %.12s among "
			       "them: enroll the right one (graft compliance "
			       "enroll)",
			       keys, host, first->key_id, first[1].key_id);
}
