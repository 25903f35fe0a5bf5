// SPDX-License-Identifier: Apache-2.0

#include "persist/record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT_MAX = 64 << 10,
};

void
graft_record_deinit(struct graft_record *record)
{
	free(record->root);
	free(record->package);
	free(record->architecture);
	free(record->old_version);
	free(record->new_version);
	*record = (struct graft_record){ 0 };
}

const char *
graft_record_step_name(enum graft_record_step step)
{
	switch (step) {
	case GRAFT_RECORD_INSTALLING:
		return "installing";
	case GRAFT_RECORD_SWITCHING:
		return "switching";
	case GRAFT_RECORD_INSTALLED:
		return "installed";
	case GRAFT_RECORD_REMOVING:
		return "removing";
	case GRAFT_RECORD_REVERTING:
		return "reverting";
	}
	return "unknown";
}

const char *
graft_record_memory_name(enum graft_record_memory memory)
{
	switch (memory) {
	case GRAFT_RECORD_NONE:
		return "none";
	case GRAFT_RECORD_SOME:
		return "some";
	case GRAFT_RECORD_ALL:
		return "all";
	}
	return "unknown";
}

static void
put(struct graft_text *out, const char *key, const char *value)
{
	if (value)
		graft_text_printf(out, "%s %s\n", key, value);
}

void
graft_record_encode(const struct graft_record *record, struct graft_text *out)
{
	graft_text_put(out, "graft-record 1\n");
	put(out, "id", record->id);
	put(out, "step", graft_record_step_name(record->step));
	graft_text_printf(out, "time %" PRIu64 "\n", record->time_us);
	put(out, "memory", graft_record_memory_name(record->memory));
	put(out, "root", record->root);
	put(out, "package", record->package);
	put(out, "architecture", record->architecture);
	put(out, "old", record->old_version);
	put(out, "new", record->new_version);
	graft_text_put(out, "end\n");
}

/** Take the line of a key; NULL: it is another. @return To be freed. */
static char *
take(const char **at, const char *key)
{
	const size_t len = strlen(key);

	if (strncmp(*at, key, len) != 0 || (*at)[len] != ' ')
		return NULL;
	const char *value = *at + len + 1;
	size_t value_len = strcspn(value, "\n");
	if (value[value_len] != '\n')
		return NULL;
	*at = value + value_len + 1;
	return strndup(value, value_len);
}

static void
read_record(const char *at, struct graft_record *record)
{
	char *value = take(&at, "graft-record");

	free(value);
	value = take(&at, "id");
	if (value && strlen(value) == GRAFT_PATCH_ID_LEN &&
	    strspn(value, "0123456789abcdef") == GRAFT_PATCH_ID_LEN)
		memcpy(record->id, value, sizeof(record->id));
	free(value);
	value = take(&at, "step");
	for (unsigned i = 0; value && i <= GRAFT_RECORD_REVERTING; i++) {
		if (strcmp(value, graft_record_step_name(
					  (enum graft_record_step)i)) == 0)
			record->step = (enum graft_record_step)i;
	}
	free(value);
	value = take(&at, "time");
	record->time_us = value ? strtoull(value, NULL, 10) : 0;
	free(value);
	value = take(&at, "memory");
	for (unsigned i = 0; value && i <= GRAFT_RECORD_ALL; i++) {
		if (strcmp(value, graft_record_memory_name(
					  (enum graft_record_memory)i)) == 0)
			record->memory = (enum graft_record_memory)i;
	}
	free(value);
	record->root = take(&at, "root");
	record->package = take(&at, "package");
	record->architecture = take(&at, "architecture");
	record->old_version = take(&at, "old");
	record->new_version = take(&at, "new");
}

struct graft_error *
graft_record_decode(const char *text, size_t len, struct graft_record *ret)
{
	GRAFT_CLEANUP(graft_record_deinit) struct graft_record record = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text again = { 0 };
	GRAFT_FREE char *copy = strndup(text, len < TEXT_MAX ? len : 0);

	if (!copy)
		return graft_error_no_memory();
	read_record(copy, &record);
	graft_record_encode(&record, &again);
	// Whatever was not understood is missing there.
	if (again.len != len ||
	    memcmp(graft_text_str(&again), text, len) != 0 || !record.id[0] ||
	    !record.root || !record.package != !record.new_version ||
	    !record.package != !record.old_version ||
	    !record.package != !record.architecture)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "no record of an installation");
	*ret = record;
	record = (struct graft_record){ 0 };
	return NULL;
}
