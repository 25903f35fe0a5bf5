// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "cmd/work.h"
#include "patch/file.h"
#include "plan/perf_map.h"
#include "proc/status.h"
#include "proc/user_file.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
	"usage: graft perf-map FILE --all | --pid N [--pid N ...] [--json]\n"
	"\n"
	"Write the names of carried code where perf(1) looks for them: in\n"
	"/tmp/perf-N.map of the process, as its user. Names of other hotpatches that\n"
	"are in it stay; those that are gone are taken out, so that to call it again\n"
	"after a revert removes the file. A file that the process itself writes is left\n"
	"alone. As root, `perf report --force` reads files of other users.\n"
	"\n"
	"  -a, --all    every process that holds the hotpatch\n"
	"  -p, --pid N  this process; may be repeated\n"
	"      --json   print JSON\n";

GRAFT_MUST_CHECK static struct graft_error *
find_headers(pid_t pid, struct graft_headers **ret)
{
	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	struct graft_error *err = graft_target_open(pid, &target);

	if (!err)
		err = graft_maps_read(pid, &maps);
	return err ? err : graft_headers_find(target, maps, ret);
}

/** Say whether a hotpatch is among those of a process. */
static bool
holds(const struct graft_headers *headers, const char *id)
{
	for (size_t i = 0; i < headers->count; i++) {
		if (strcmp(headers->headers[i]->id, id) == 0)
			return true;
	}
	return false;
}

static struct graft_error *
concerns(struct graft_work *work, pid_t pid, bool *ret)
{
	GRAFT_CLEANUP(graft_headers_freep) struct graft_headers *headers = NULL;
	struct graft_error *err = find_headers(pid, &headers);

	if (!err)
		*ret = holds(headers, work->id);
	return err;
}

static struct graft_error *
write_map(struct graft_work *work, struct graft_outcome *outcome)
{
	GRAFT_CLEANUP(graft_headers_freep) struct graft_headers *headers = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_CLEANUP(graft_user_dir_close)
	struct graft_user_dir dir = { .fd = -1 };
	GRAFT_FREE char *earlier = NULL;
	size_t len;
	char name[32];
	struct graft_error *err = find_headers(outcome->pid, &headers);

	if (!err)
		err = graft_user_dir_open(graft_proc_live_tid(outcome->pid),
					  "/tmp", &dir);
	if (err)
		return err;
	(void)snprintf(name, sizeof(name), "perf-%d.map", (int)dir.inner_pid);
	err = graft_user_file_read(&dir, name, &earlier, &len);
	if (!err)
		err = graft_perf_map_make(work->patch, headers, earlier, len,
					  &text, &outcome->functions);
	if (!err && text.failed)
		err = graft_error_no_memory();
	if (!err && (text.len || earlier))
		err = graft_user_file_replace(&dir, name, text.str, text.len);
	if (err)
		return graft_error_prefix(err, "/tmp/%s", name);
	return holds(headers, work->id)
		       ? NULL
		       : graft_error_new(GRAFT_ERROR_NOT_APPLIED,
					 "the hotpatch is not in the process");
}

struct graft_error *
graft_verb_perf_map(int argc, char **argv, int *status_ret)
{
	GRAFT_CLEANUP(graft_options_deinit)
	struct graft_options options = { 0 };
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	struct graft_work work = {
		.verb = "perf-map",
		.done = "named",
		.options = &options,
	};

	if (!graft_options_parse(
		    argc, argv, usage,
		    GRAFT_OPTION_ALL | GRAFT_OPTION_PID | GRAFT_OPTION_JSON |
			    GRAFT_OPTION_SUBJECT | GRAFT_OPTION_WHO,
		    &options, status_ret))
		return NULL;
	struct graft_error *err = graft_patch_read_file(options.subject,
							&patch);
	if (err)
		return err;
	work.id = patch->id;
	work.patch = patch;
	return graft_work_run(&work, concerns, write_map, status_ret);
}
