// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "apply/inspect.h"
#include "apply/revert.h"
#include "cmd/work.h"
#include "patch/file.h"

#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: graft revert FILE|ID --all | --pid N [--pid N ...]\n"
	"                    [--completely] [--wait SECONDS] [--json]\n"
	"\n"
	"Take a hotpatch out of running processes. Its file is not needed: the id\n"
	"that `graft status` prints is enough. Where it took the place of another one,\n"
	"that one comes back.\n"
	"\n"
	"  -a, --all           every process that holds it\n"
	"  -p, --pid N         this process; may be repeated\n"
	"  -c, --completely    back to the build that was started, not to the\n"
	"                      hotpatch before\n"
	"  -w, --wait SECONDS  how long to wait for threads to leave the carried\n"
	"                      functions (default 10)\n"
	"      --json          print JSON\n"
	"      --state-dir DIR instead of /var/lib/graft\n";

/** Find the hotpatch in a process that holds it; NULL: it does not. */
static const struct graft_header *
find(const struct graft_inspection *inspection, const char *id)
{
	for (size_t i = 0; i < inspection->count; i++) {
		const struct graft_inspected *item = &inspection->items[i];
		if (strcmp(item->header->id, id) == 0 &&
		    item->live != GRAFT_LIVE_OLD &&
		    strcmp(item->state, "reverted") != 0 &&
		    strcmp(item->state, "replaced") != 0)
			return item->header;
	}
	return NULL;
}

struct graft_error *
graft_work_holds(struct graft_work *work, pid_t pid, bool *ret)
{
	GRAFT_CLEANUP(graft_inspection_freep)
	struct graft_inspection *inspection = NULL;

	*ret = graft_hold_is_here(&work->hold, pid, work->id);
	if (*ret)
		return NULL;
	struct graft_error *err =
		graft_inspect_listed(pid, GRAFT_INSPECT_STATES, &inspection);
	if (err || !inspection)
		return err;
	const struct graft_header *header = find(inspection, work->id);
	if (header)
		graft_hold_remember(&work->hold, header);
	*ret = header != NULL;
	return NULL;
}

struct graft_error *
graft_work_prepare_revert(struct graft_work *work,
			  struct graft_outcome *outcome, struct graft_job **ret)
{
	struct graft_error *err = graft_revert_prepare(
		outcome->pid, work->id, work->options->completely,
		&work->limits, ret);

	for (size_t i = 0; !err && i < (*ret)->header_count; i++)
		outcome->functions += (*ret)->headers[i]->redirect_count;
	return err;
}

/** Say whether a subject is an id and no file. */
static bool
is_id(const char *subject)
{
	return strlen(subject) == GRAFT_PATCH_ID_LEN &&
	       strspn(subject, "0123456789abcdef") == GRAFT_PATCH_ID_LEN &&
	       access(subject, F_OK) != 0;
}

struct graft_error *
graft_verb_revert(int argc, char **argv, int *status_ret)
{
	GRAFT_CLEANUP(graft_options_deinit)
	struct graft_options options = { 0 };
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	struct graft_work work = {
		.verb = "revert",
		.done = "reverted",
		.changes = true,
		.prepare = graft_work_prepare_revert,
		.options = &options,
	};

	if (!graft_options_parse(
		    argc, argv, usage,
		    GRAFT_OPTION_ALL | GRAFT_OPTION_PID | GRAFT_OPTION_WAIT |
			    GRAFT_OPTION_JSON | GRAFT_OPTION_SUBJECT |
			    GRAFT_OPTION_COMPLETELY | GRAFT_OPTION_WHO,
		    &options, status_ret))
		return NULL;
	work.id = options.subject;
	if (!is_id(options.subject)) {
		struct graft_error *err = graft_patch_read_file(options.subject,
								&patch);
		if (err)
			return err;
		work.id = patch->id;
	}
	return graft_work_run(&work, graft_work_holds, graft_work_revert,
			      status_ret);
}
