// SPDX-License-Identifier: Apache-2.0

#include "persist/record.h"

#include "base/vec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void
graft_record_deinit(struct graft_record *record)
{
	free(record->root);
	for (size_t i = 0; i < record->package_count; i++) {
		free(record->packages[i].name);
		free(record->packages[i].architecture);
		free(record->packages[i].old_version);
		free(record->packages[i].new_version);
	}
	free(record->packages);
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
	graft_text_put(out, record->package_count > 1 ? "graft-record 2\n"
						      : "graft-record 1\n");
	put(out, "id", record->id);
	put(out, "step", graft_record_step_name(record->step));
	graft_text_printf(out, "time %" PRIu64 "\n", record->time_us);
	put(out, "memory", graft_record_memory_name(record->memory));
	put(out, "root", record->root);
	for (size_t i = 0; i < record->package_count; i++) {
		put(out, "package", record->packages[i].name);
		put(out, "architecture", record->packages[i].architecture);
		put(out, "old", record->packages[i].old_version);
		put(out, "new", record->packages[i].new_version);
		if (record->package_count > 1)
			graft_text_printf(out, "run %u\n",
					  record->packages[i].run);
	}
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

static unsigned
take_run(const char **at)
{
	GRAFT_FREE char *value = take(at, "run");

	return value ? (unsigned)strtoul(value, NULL, 10) : 0;
}

/** Take the lines of packages for as long as there are some. */
static struct graft_error *
read_packages(const char *at, struct graft_record *record)
{
	size_t cap = 0;

	for (;;) {
		char *name = take(&at, "package");
		if (!name)
			return NULL;
		struct graft_error *err = graft_vec_reserve(
			&record->packages, &cap, record->package_count + 1,
			sizeof(*record->packages));
		if (err) {
			free(name);
			return err;
		}
		record->packages[record->package_count++] =
			(struct graft_record_package){
				.name = name,
				.architecture = take(&at, "architecture"),
				.old_version = take(&at, "old"),
				.new_version = take(&at, "new"),
				.run = take_run(&at),
			};
	}
}

static struct graft_error *
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
	return read_packages(at, record);
}

/** Say whether each package has all that it must have, and they stand by their runs. */
static bool
is_complete(const struct graft_record *record)
{
	for (size_t i = 0; i < record->package_count; i++) {
		const struct graft_record_package *package =
			&record->packages[i];
		if (!package->architecture || !package->old_version ||
		    !package->new_version ||
		    package->run >= record->package_count ||
		    (i > 0 && package->run < record->packages[i - 1].run))
			return false;
	}
	return record->id[0] && record->root;
}

struct graft_error *
graft_record_decode(const char *text, size_t len, struct graft_record *ret)
{
	GRAFT_CLEANUP(graft_record_deinit) struct graft_record record = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text again = { 0 };
	GRAFT_FREE char *copy = strndup(text,
					len < GRAFT_RECORD_TEXT_MAX ? len : 0);

	if (!copy)
		return graft_error_no_memory();
	struct graft_error *err = read_record(copy, &record);
	if (err)
		return err;
	graft_record_encode(&record, &again);
	// Whatever was not understood is missing there.
	if (again.len != len ||
	    memcmp(graft_text_str(&again), text, len) != 0 ||
	    !is_complete(&record))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "no record of an installation");
	*ret = record;
	record = (struct graft_record){ 0 };
	return NULL;
}
