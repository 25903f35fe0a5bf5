// SPDX-License-Identifier: Apache-2.0

// Reports of several hosts: collected inside, verified and counted outside.

#include "cmd/compliance.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "cmd/print.h"
#include "compliance/bundle.h"
#include "compliance/firsts.h"
#include "compliance/hosts.h"
#include "compliance/stand.h"
#include "trust/json.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	DAY_S = 24 * 3600,
	/** Parts whose refusal is told one by one: whoever made a bundle chooses how many there are. */
	TOLD_MAX = 256,
	/** Bytes of a table that are printed at once. */
	PRINT_AT = 256 * 1024,
	STATUS_NONE = 4,
	STATUS_SOME = 5,
};

/** Say on standard error why something is left out. @param[in] err Names it. Taken. */
static void
say_left_out(struct graft_error *err)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_text_put_safe(&text, graft_error_message(err));
	(void)fprintf(stderr, "graft compliance: %s\n", graft_text_str(&text));
	graft_error_free(err);
}

/** Compute the exit status where some were good and others not. */
static int
status_of(size_t good, size_t bad)
{
	if (!bad)
		return 0;
	return good ? STATUS_SOME : STATUS_NONE;
}

/** What is being collected. */
struct collecting {
	struct graft_compliance_items items;
	size_t left_out;
};

static void
collecting_deinit(struct collecting *collecting)
{
	graft_compliance_items_deinit(&collecting->items);
}

/** Collect a file. What is no report is said and left out. */
GRAFT_MUST_CHECK static struct graft_error *
collect_file(struct collecting *collecting, const char *path)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = 0;

	struct graft_error *err =
		graft_file_read(path, GRAFT_COMPLIANCE_BYTES_MAX, &bytes, &len);
	if (!err) {
		err = graft_compliance_items_add(&collecting->items, bytes,
						 len);
		err = err ? graft_error_prefix(err, "%s", path) : NULL;
	}
	if (!err || graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
		return err;
	say_left_out(err);
	collecting->left_out++;
	return NULL;
}

/** Collect the files of a folder that end in .json. */
GRAFT_MUST_CHECK static struct graft_error *
collect_folder(struct collecting *collecting, const char *folder)
{
	struct dirent **list = NULL;
	struct graft_error *err = NULL;
	const int count = scandir(folder, &list, NULL, alphasort);

	if (count < 0)
		return graft_error_os(errno, "open %s", folder);
	for (int i = 0; i < count; i++) {
		const char *name = list[i]->d_name;
		const size_t len = strlen(name);
		GRAFT_FREE char *path = NULL;
		if (!err && name[0] != '.' && len > strlen(".json") &&
		    strcmp(name + len - strlen(".json"), ".json") == 0) {
			if (asprintf(&path, "%s/%s", folder, name) < 0) {
				path = NULL;
				err = graft_error_no_memory();
			} else {
				err = collect_file(collecting, path);
			}
		}
		free(list[i]);
	}
	free(list);
	return err;
}

struct graft_error *
graft_compliance_action_collect(const struct graft_compliance_options *options,
				int *status_ret)
{
	GRAFT_CLEANUP(collecting_deinit) struct collecting collecting = { 0 };
	size_t count = 0;
	struct stat st;
	struct graft_error *err = NULL;

	for (size_t i = 1; !err && i < options->word_count; i++) {
		const char *path = options->words[i];
		err = stat(path, &st) == 0 && S_ISDIR(st.st_mode)
			      ? collect_folder(&collecting, path)
			      : collect_file(&collecting, path);
	}
	if (!err && !collecting.items.count)
		err = graft_error_new(GRAFT_ERROR_NOT_FOUND,
				      "there is no report among them");
	if (!err)
		err = graft_compliance_bundle_write(&collecting.items,
						    options->words[0], &count);
	if (err)
		return err;
	(void)printf("%zu report%s\n", count, count == 1 ? "" : "s");
	*status_ret = status_of(count, collecting.left_out);
	return NULL;
}

struct graft_error *
graft_compliance_action_enroll(const struct graft_compliance_options *options,
			       int *status_ret)
{
	GRAFT_CLEANUP(graft_compliance_hosts_closep)
	struct graft_compliance_hosts *hosts = NULL;

	(void)status_ret;
	struct graft_error *err = graft_compliance_hosts_open(options->words[0],
							      true, &hosts);
	for (size_t i = 1; !err && i < options->word_count; i++) {
		GRAFT_FREE uint8_t *bytes = NULL;
		char host[GRAFT_COMPLIANCE_HOST_LEN];
		size_t len = 0;
		const char *path = options->words[i];
		err = graft_file_read(path, GRAFT_COMPLIANCE_KEY_BYTES_MAX,
				      &bytes, &len);
		if (err)
			return err;
		err = graft_compliance_hosts_enroll(hosts, bytes, len,
						    options->replace, host);
		if (err)
			return graft_error_prefix(err, "%s", path);
		(void)printf("%s\n", host);
	}
	return err;
}

struct graft_error *
graft_compliance_action_remove(const struct graft_compliance_options *options,
			       int *status_ret)
{
	GRAFT_CLEANUP(graft_compliance_hosts_closep)
	struct graft_compliance_hosts *hosts = NULL;

	(void)status_ret;
	struct graft_error *err = graft_compliance_hosts_open(options->words[0],
							      false, &hosts);
	return err ? err
		   : graft_compliance_hosts_remove(hosts, options->words[1]);
}

/** What is being imported. */
struct importing {
	struct graft_compliance_hosts *hosts;
	int64_t now;
	/** NULL: only hosts that have a key. */
	struct graft_compliance_firsts *firsts;
	size_t new;
	size_t known;
	size_t refused;
	/** Of those that were refused, as elements of an array. */
	struct graft_text json;
};

static void
importing_deinit(struct importing *importing)
{
	graft_compliance_hosts_close(importing->hosts);
	graft_text_deinit(&importing->json);
}

/** Note that a part was refused. @param[in] err Names it; told of, if not too many were. Taken. */
static void
refuse(struct importing *importing, const char *name, struct graft_error *err)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text safe = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text why = { 0 };

	if (++importing->refused > TOLD_MAX) {
		graft_error_free(err);
		return;
	}
	graft_text_put_safe(&safe, name);
	graft_text_put_safe(&why, graft_error_message(err));
	graft_text_put(&importing->json,
		       importing->refused > 1 ? ",{\"name\":" : "{\"name\":");
	graft_json_put_string(&importing->json, graft_text_str(&safe),
			      safe.len);
	graft_text_printf(&importing->json, ",\"code\":\"%s\",\"message\":",
			  graft_error_wire(graft_error_code(err)));
	graft_json_put_string(&importing->json, graft_text_str(&why), why.len);
	graft_text_put(&importing->json, "}");
	say_left_out(err);
}

/** Say whether an error is of this host, and not of what was brought. */
static bool
is_ours(const struct graft_error *err)
{
	switch (graft_error_code(err)) {
	case GRAFT_ERROR_NO_MEMORY:
	case GRAFT_ERROR_OS:
	case GRAFT_ERROR_FAULT_POINT:
		return true;
	default:
		return false;
	}
}

/** Take a part of a bundle. */
static struct graft_error *
take_part(void *arg, const char *name, const uint8_t *bytes, size_t len,
	  struct graft_error *err)
{
	struct importing *importing = arg;
	enum graft_compliance_news news = GRAFT_COMPLIANCE_KNOWN;

	if (!err)
		err = graft_compliance_hosts_take(importing->hosts, name, bytes,
						  len, importing->firsts,
						  importing->now, &news);
	if (err && is_ours(err))
		return err;
	if (err)
		refuse(importing, name, graft_error_prefix(err, "%s", name));
	else if (news == GRAFT_COMPLIANCE_NEW)
		importing->new ++;
	else
		importing->known++;
	return NULL;
}

/** Say whether a file is JSON: one report. A pipe is neither: what is looked at there is gone. */
GRAFT_MUST_CHECK static struct graft_error *
is_report(const char *path, bool *ret)
{
	GRAFT_CLOSE int fd = -1;
	char first = '\0';
	struct graft_error *err = graft_file_open_regular(path, 0, &fd);

	*ret = !err && read(fd, &first, 1) == 1 && first == '{';
	return err;
}

/** Look at a part of a bundle: whose key it brings. What is wrong with it is told when it is taken. */
static struct graft_error *
look_at_part(void *arg, const char *name, const uint8_t *bytes, size_t len,
	     struct graft_error *err)
{
	struct importing *importing = arg;

	(void)name;
	if (!err)
		return graft_compliance_firsts_add(importing->firsts, bytes,
						   len);
	graft_error_free(err);
	return NULL;
}

/** Take a bundle. */
GRAFT_MUST_CHECK static struct graft_error *
import_bundle(struct importing *importing, const char *path)
{
	struct graft_error *err = NULL;

	if (importing->firsts) {
		err = graft_compliance_bundle_read(path, look_at_part,
						   importing);
		struct graft_error *other =
			graft_compliance_firsts_close(importing->firsts);
		if (other) {
			graft_error_free(err);
			return other;
		}
	}
	// One that was cut off ends in the same way when it is taken.
	if (err && (is_ours(err) || graft_error_code(err) == GRAFT_ERROR_LIMIT))
		return err;
	graft_error_free(err);
	return graft_compliance_bundle_read(path, take_part, importing);
}

/** Take a bundle or a report. */
GRAFT_MUST_CHECK static struct graft_error *
import(struct importing *importing, const char *path)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = 0;
	bool alone = false;

	struct graft_error *err = is_report(path, &alone);
	if (!err && !alone)
		return import_bundle(importing, path);
	enum graft_compliance_news news = GRAFT_COMPLIANCE_KNOWN;
	if (!err)
		err = graft_file_read(path, GRAFT_COMPLIANCE_BYTES_MAX, &bytes,
				      &len);
	if (!err && importing->firsts) {
		err = graft_compliance_firsts_add(importing->firsts, bytes,
						  len);
		if (!err)
			err = graft_compliance_firsts_close(importing->firsts);
	}
	if (err)
		return err;
	err = graft_compliance_hosts_take(importing->hosts, NULL, bytes, len,
					  importing->firsts, importing->now,
					  &news);
	importing->new += !err &&news == GRAFT_COMPLIANCE_NEW;
	importing->known += !err && news == GRAFT_COMPLIANCE_KNOWN;
	return err ? graft_error_prefix(err, "%s", path) : NULL;
}

struct graft_error *
graft_compliance_action_import(const struct graft_compliance_options *options,
			       int *status_ret)
{
	GRAFT_CLEANUP(graft_compliance_firsts_deinit)
	struct graft_compliance_firsts firsts = { 0 };
	GRAFT_CLEANUP(importing_deinit)
	struct importing importing = {
		.now = (int64_t)time(NULL),
		.firsts = options->first_use ? &firsts : NULL,
	};

	struct graft_error *err = graft_compliance_hosts_open(
		options->words[1], options->first_use, &importing.hosts);
	if (!err)
		err = import(&importing, options->words[0]);
	// What came before its end is kept, and what it ended with is said.
	if (err && is_ours(err))
		return err;
	if (err)
		refuse(&importing, options->words[0], err);
	if (importing.json.failed)
		return graft_error_no_memory();
	if (importing.refused > TOLD_MAX)
		(void)fprintf(stderr,
			      "graft compliance: %zu more parts are refused\n",
			      importing.refused - TOLD_MAX);
	if (options->json)
		(void)printf(
			"{\"new\":%zu,\"known\":%zu,\"refused\":[%s],\"not_told\":%zu}\n",
			importing.new, importing.known,
			graft_text_str(&importing.json),
			importing.refused > TOLD_MAX
				? importing.refused - TOLD_MAX
				: (size_t)0);
	else
		(void)printf("%zu new, %zu known, %zu refused\n", importing.new,
			     importing.known, importing.refused);
	*status_ret = status_of(importing.new + importing.known,
				importing.refused);
	return NULL;
}

/** Add a host to a table, and print what there is of it by and by: reports of a fleet are large. */
static struct graft_error *
show_host(void *arg, const struct graft_compliance_host *host)
{
	struct graft_compliance_table *table = arg;

	struct graft_error *err = graft_compliance_table_add(table, host);
	if (err || table->text.len < PRINT_AT)
		return err;
	err = graft_print_text(&table->text);
	graft_text_deinit(&table->text);
	return err;
}

struct graft_error *
graft_compliance_action_status(const struct graft_compliance_options *options,
			       int *status_ret)
{
	GRAFT_CLEANUP(graft_compliance_hosts_closep)
	struct graft_compliance_hosts *hosts = NULL;
	GRAFT_CLEANUP(graft_compliance_table_deinit)
	struct graft_compliance_table table = {
		.now = (int64_t)time(NULL),
		.late_s = (int64_t)options->late_days * DAY_S,
		.json = options->json,
		.facts = options->facts,
	};

	struct graft_error *err = graft_compliance_hosts_open(options->words[0],
							      false, &hosts);
	if (err)
		return err;
	graft_compliance_table_begin(&table);
	err = graft_compliance_hosts_each(hosts, show_host, &table);
	if (!err)
		err = graft_compliance_table_end(&table);
	if (!err)
		err = graft_print_text(&table.text);
	if (err || options->facts)
		return err;
	*status_ret = status_of(table.fine, table.count - table.fine);
	return NULL;
}
