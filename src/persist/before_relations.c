// SPDX-License-Identifier: Apache-2.0

#include "persist/before.h"

#include "base/cleanup.h"
#include "host/ask.h"
#include "patch/disk.h"
#include "persist/installed.h"
#include "persist/rebuild.h"
#include "persist/relations.h"

#include <stdio.h>
#include <string.h>

enum {
	ASK_LIMIT_US = 30 * 1000 * 1000,
};

/** Ask dpkg-query of every package; the answer is "" where there is none. */
static struct graft_error *
ask_all(const char *root, const char *format, char **ret)
{
	GRAFT_FREE char *admin = NULL;
	size_t len;

	if (asprintf(&admin, "--admindir=%s/var/lib/dpkg", root) < 0) {
		admin = NULL;
		return graft_error_no_memory();
	}
	char *const argv[] = { (char *)"dpkg-query", admin, (char *)"-W",
			       (char *)format, NULL };
	struct graft_error *err = graft_ask(argv, ASK_LIMIT_US, ret, &len);
	if (!err && !*ret) {
		*ret = strdup("");
		if (!*ret)
			return graft_error_no_memory();
	}
	return err;
}

/** See that nobody asks for the old version by its number. */
static struct graft_error *
check_others(const struct graft_disk *disk, const char *root)
{
	static const char format[] =
		"-f${db:Status-Status}\t${Package}\t${Depends}, ${Pre-Depends}\n";
	GRAFT_FREE char *all = NULL;
	size_t len;

	struct graft_error *err = ask_all(root, format, &all);
	for (char *line = all; !err && line && *line;) {
		char *end = strchr(line, '\n');
		if (end)
			*end = '\0';
		char *name = strchr(line, '\t');
		char *clauses = name ? strchr(name + 1, '\t') : NULL;
		if (clauses && strncmp(line, "installed\t", 10) == 0) {
			*clauses = '\0';
			const char *broken = graft_relations_find_broken(
				clauses + 1, disk->package, disk->new_version,
				&len);
			// Itself it brings along.
			if (broken && strcmp(name + 1, disk->package) != 0)
				err = graft_error_new(
					GRAFT_ERROR_REFUSED,
					"%s depends on %.*s, which is not so "
					"with %s: both must be upgraded at "
					"once, which one hotpatch cannot do",
					name + 1, (int)len, broken,
					disk->new_version);
		}
		line = end ? end + 1 : NULL;
	}
	return err;
}

/** Get a field of a control file, its lines joined; "" if it has none. */
static struct graft_error *
take_field(const char *control, const char *field, char **ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	const size_t field_len = strlen(field);
	bool taken = false;

	for (const char *line = control; *line;) {
		size_t len = strcspn(line, "\n");
		if (*line != ' ' && *line != '\t')
			taken = strncmp(line, field, field_len) == 0 &&
				line[field_len] == ':';
		if (taken && (*line == ' ' || *line == '\t'))
			graft_text_put_bytes(&text, line, len);
		else if (taken)
			graft_text_put_bytes(&text, line + field_len + 1,
					     len - field_len - 1);
		line += len + (line[len] == '\n');
	}
	return graft_text_take(&text, ret);
}

/** Keep the lines of what is installed, and not only known. */
static struct graft_error *
keep_installed(const char *all, struct graft_text *out)
{
	static const char mark[] = "installed\t";

	for (const char *line = all; *line;) {
		size_t len = strcspn(line, "\n");
		if (strncmp(line, mark, sizeof(mark) - 1) == 0) {
			graft_text_put_bytes(out, line + sizeof(mark) - 1,
					     len - sizeof(mark) + 1);
			graft_text_put(out, "\n");
		}
		line += len + (line[len] == '\n');
	}
	return out->failed ? graft_error_no_memory() : NULL;
}

/** See that what the new version asks for beyond the old one is there. */
static struct graft_error *
check_own(const struct graft_installed *installed, const char *control,
	  const char *root)
{
	static const char format[] =
		"-f${db:Status-Status}\t${Package}\t${Version}\t${Provides}\n";
	static const char *const fields[] = { "Depends", "Pre-Depends" };
	GRAFT_FREE char *old_control = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text there = { 0 };
	GRAFT_FREE char *all = NULL;
	size_t len;

	struct graft_error *err = graft_installed_make_control(installed,
							       &old_control);
	if (!err)
		err = ask_all(root, format, &all);
	if (!err)
		err = keep_installed(all, &there);
	for (size_t i = 0; !err && i < 2; i++) {
		GRAFT_FREE char *old = NULL;
		GRAFT_FREE char *new = NULL;
		err = take_field(old_control, fields[i], &old);
		if (!err)
			err = take_field(control, fields[i], &new);
		const char *missing =
			err ? NULL
			    : graft_relations_find_missing(
				      old, new, graft_text_str(&there), &len);
		if (missing)
			err = graft_error_new(
				GRAFT_ERROR_REFUSED,
				"the new version depends on %.*s, which is "
				"not installed",
				(int)len, missing);
	}
	return err;
}

struct graft_error *
graft_before_relations(const struct graft_disk *disk,
		       const struct graft_installed *installed,
		       const char *root)
{
	GRAFT_FREE uint8_t *controls = NULL;
	size_t off = 0;

	struct graft_error *err = check_others(disk, root);
	if (!err)
		err = graft_rebuild_read_controls(disk, installed, &controls);
	for (size_t i = 0; !err && i < disk->control_count; i++) {
		const struct graft_disk_file *file = &disk->controls[i];
		if (strcmp(file->name, "control") == 0) {
			GRAFT_FREE char *control =
				strndup((char *)controls + off, file->size);
			if (!control)
				return graft_error_no_memory();
			err = check_own(installed, control, root);
		}
		off += file->size;
	}
	return err;
}
