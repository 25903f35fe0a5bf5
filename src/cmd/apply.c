// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "apply/apply.h"
#include "base/clock.h"
#include "base/text.h"
#include "cmd/failure.h"
#include "cmd/hold.h"
#include "cmd/work.h"
#include "ledger/quarantine.h"
#include "patch/file.h"
#include "patch/immediate.h"
#include "plan/concerns.h"
#include "plan/plan.h"
#include "report/quote.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char apply_usage[] =
	"usage: graft apply FILE --all | --pid N [--pid N ...]\n"
	"                   [--wait SECONDS] [--immediate] [--all-or-none]\n"
	"                   [--canary N [--watch SECONDS]] [--dry-run] [--json]\n"
	"\n"
	"Put a hotpatch into running processes.\n"
	"\n"
	"  -a, --all           every process that runs an old build of it\n"
	"  -p, --pid N         this process; may be repeated\n"
	"  -w, --wait SECONDS  how long to wait for threads to leave the functions\n"
	"                      that are replaced (default 10)\n"
	"  -i, --immediate     do not wait for threads that are in the function that\n"
	"                      is replaced: they end their call in the old one;\n"
	"                      refused unless the hotpatch is proven to allow it\n"
	"      --all-or-none   if one process is refused, take it back from all\n"
	"      --canary N      first N processes, then watch them, then the rest;\n"
	"                      if one of them ends or executes another program,\n"
	"                      take it back and stop\n"
	"      --watch SECONDS how long to watch them (default 30)\n"
	"  -n, --dry-run       print the plan only, as `graft plan`\n"
	"      --json          print JSON\n"
	"      --state-dir DIR instead of /var/lib/graft\n";

static const char plan_usage[] =
	"usage: graft plan FILE --all | --pid N [--pid N ...] [--json]\n"
	"\n"
	"Print what `graft apply` would do to each process, or why it would not.\n"
	"Nothing is touched; no process is stopped.\n"
	"\n"
	"  -a, --all    every process that runs an old build of it\n"
	"  -p, --pid N  this process; may be repeated\n"
	"      --json   print JSON\n";

enum {
	/** Looks at a process whose memory changes meanwhile. */
	LOOKS = 5,
	/** Wait between two of them. */
	LOOK_AGAIN_US = 10 * 1000,
	/** Exit statuses of a hotpatch that is for no process at all. */
	STATUS_NOTHING = 3,
	STATUS_BASELINE = 4,
};

/** Make the plan for a process as it is now. */
GRAFT_MUST_CHECK static struct graft_error *
look_once(struct graft_work *work, pid_t pid, struct graft_plan **ret,
	  struct graft_target **target_ret)
{
	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	GRAFT_CLEANUP(graft_plan_freep) struct graft_plan *plan = NULL;
	struct graft_error *err = graft_target_open(pid, &target);

	if (err)
		return err;
	graft_target_set_hints(target, work->limits.hints);
	err = graft_plan_make(target, work->patch, work->builds, &plan);
	// Who carries it out asks for room again, so late that it counts.
	if (!err && !work->prepare)
		err = graft_plan_check_space(plan, target);
	if (!err && !work->prepare)
		err = graft_plan_check_memory(plan, target);
	if (err)
		return err;
	*ret = GRAFT_TAKE(plan);
	*target_ret = GRAFT_TAKE(target);
	return NULL;
}

/**
 * Say of a refusal that the process still starts, or loads a library, if so: what the
 * dynamic linker has not relocated yet is refused by rules that will let it pass.
 *
 * @param[in] err Taken.
 */
GRAFT_MUST_CHECK static struct graft_error *
explain_loading(struct graft_work *work, struct graft_outcome *outcome,
		struct graft_error *err)
{
	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	bool loading = false;

	if (graft_error_code(err) != GRAFT_ERROR_REFUSED)
		return err;
	struct graft_error *more = graft_target_open(outcome->pid, &target);
	if (!more)
		more = graft_target_is_loading(target, &loading);
	graft_error_free(more);
	if (more || !loading)
		return err;
	// Only who changes it waits: there it is tried again.
	outcome->passing = work->prepare != NULL;
	more = graft_error_new(
		GRAFT_ERROR_REFUSED,
		"%s; the dynamic linker is not done with the process",
		graft_error_message(err));
	graft_error_free(err);
	return more;
}

/**
 * Make the plan for a process, which runs on.
 *
 * The process runs on, so what its mappings promised may be gone when it is
 * read: a program that starts, or one that unloads a library.
 */
GRAFT_MUST_CHECK static struct graft_error *
make_plan(struct graft_work *work, struct graft_outcome *outcome,
	  struct graft_plan **ret, struct graft_target **target_ret)
{
	struct graft_error *err =
		work->quarantine
			? graft_hold_ask_process(work->quarantine, work->patch,
						 outcome->pid)
			: NULL;

	if (err)
		return err;
	err = look_once(work, outcome->pid, ret, target_ret);
	for (int i = 1; err && graft_error_errno(err) == EFAULT && i < LOOKS;
	     i++) {
		graft_error_free(err);
		graft_clock_sleep_us(LOOK_AGAIN_US);
		err = look_once(work, outcome->pid, ret, target_ret);
	}
	if (err)
		return explain_loading(work, outcome, err);
	outcome->functions = graft_plan_functions(*ret);
	_Static_assert(sizeof(outcome->run) == sizeof((*ret)->run), "a run");
	memcpy(outcome->run, (*ret)->run, sizeof(outcome->run));
	return NULL;
}

struct graft_error *
graft_work_plan(struct graft_work *work, struct graft_outcome *outcome)
{
	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	GRAFT_CLEANUP(graft_plan_freep) struct graft_plan *plan = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err = make_plan(work, outcome, &plan, &target);

	if (err)
		return err;
	graft_plan_print(plan, &text);
	return graft_text_take(&text, &outcome->detail);
}

struct graft_error *
graft_work_prepare_apply(struct graft_work *work, struct graft_outcome *outcome,
			 struct graft_job **ret)
{
	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	GRAFT_CLEANUP(graft_plan_freep) struct graft_plan *plan = NULL;
	struct graft_error *err = make_plan(work, outcome, &plan, &target);

	if (err)
		return err;
	plan->immediate = work->options->immediate;
	return graft_apply_prepare(GRAFT_TAKE(plan), GRAFT_TAKE(target),
				   &work->limits, ret);
}

struct graft_error *
graft_work_concerns(struct graft_work *work, pid_t pid, bool *ret)
{
	return graft_concerns_ask(pid, work->patch, &work->concerns, ret);
}

/** Say in JSON that a hotpatch is for no process at all, and why; NULL: nothing is
 * to be done. */
GRAFT_MUST_CHECK static struct graft_error *
print_verdict_json(const struct graft_patch *patch,
		   const struct graft_error *why)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	cJSON *root = cJSON_CreateObject();

	bool ok = root && cJSON_AddStringToObject(root, "id", patch->id) &&
		  cJSON_AddStringToObject(
			  root, "verdict",
			  graft_verdict_name(graft_patch_verdict(patch))) &&
		  cJSON_AddArrayToObject(root, "processes") &&
		  (!why || graft_failure_add(root, why, STATUS_BASELINE));
	struct graft_error *err = graft_report_take_json(root, ok, &text);
	if (!err)
		(void)fputs(graft_text_str(&text), stdout);
	return err;
}

/** Say why a hotpatch is for no process at all. */
GRAFT_MUST_CHECK static struct graft_error *
print_verdict(const struct graft_patch *patch, const char *path, bool json,
	      int *status_ret)
{
	bool identical = graft_patch_verdict(patch) == GRAFT_VERDICT_IDENTICAL;

	(void)fprintf(
		stderr, "graft: %s: %s\n", path,
		identical
			? "identical: the two builds run the same code, there is nothing to do"
			: "baseline: it needs a restart");
	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_patch_module *module = &patch->modules[i];
		for (size_t j = 0; j < module->reason_count; j++) {
			const struct graft_reason *reason = &module->reasons[j];
			(void)fprintf(stderr, "  %s: %s: %s: %s\n",
				      module->path, reason->rule, reason->where,
				      reason->text);
		}
	}
	*status_ret = identical ? STATUS_NOTHING : STATUS_BASELINE;
	if (!json)
		return NULL;
	struct graft_error *why = graft_error_new(
		GRAFT_ERROR_REFUSED, "%s: baseline: it needs a restart", path);
	struct graft_error *err = print_verdict_json(patch,
						     identical ? NULL : why);
	graft_error_free(why);
	return err;
}

/** Say whether any module of a hotpatch can be switched. */
static bool
has_hotpatch(const struct graft_patch *patch)
{
	for (size_t i = 0; i < patch->module_count; i++) {
		if (patch->modules[i].verdict == GRAFT_VERDICT_HOTPATCH)
			return true;
	}
	return false;
}

/** Say that nobody proved that --immediate is harmless. */
GRAFT_MUST_CHECK static struct graft_error *
not_proven(const char *not_immediate)
{
	return graft_error_new(
		GRAFT_ERROR_REFUSED,
		"R-13: --immediate is not for this hotpatch: %s; without it, --wait gives threads the time to leave",
		not_immediate);
}

/** Refuse a hotpatch for all processes. @param[in] why Taken. */
GRAFT_MUST_CHECK static struct graft_error *
refuse_all(const struct graft_work *work, const struct graft_patch *patch,
	   struct graft_error *why, int *status_ret)
{
	struct graft_error *err = NULL;

	graft_failure_say("apply", why);
	if (work->options->json)
		err = print_verdict_json(patch, why);
	graft_error_free(why);
	*status_ret = STATUS_BASELINE;
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
run(struct graft_work *work, graft_work_fn fn, int *status_ret)
{
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	GRAFT_CLEANUP(graft_builds_freep) struct graft_builds *builds = NULL;
	GRAFT_CLEANUP(graft_quarantine_freep)
	struct graft_quarantine *quarantine = NULL;
	struct graft_error *err = graft_patch_read_file(work->options->subject,
							&patch);

	if (err)
		return err;
	if (!has_hotpatch(patch))
		return print_verdict(patch, work->options->subject,
				     work->options->json, status_ret);
	const char *not_immediate = graft_patch_not_immediate(patch);
	if (work->options->immediate && not_immediate)
		return refuse_all(work, patch, not_proven(not_immediate),
				  status_ret);
	err = work->changes ? graft_hold_ask(patch, false, &quarantine) : NULL;
	if (err && graft_error_code(err) == GRAFT_ERROR_REFUSED)
		return refuse_all(work, patch, err, status_ret);
	if (err)
		return err;
	err = graft_builds_new(&builds);
	if (err)
		return err;
	work->id = patch->id;
	work->patch = patch;
	work->builds = builds;
	work->quarantine = quarantine;
	return graft_work_run(work, graft_work_concerns, fn, status_ret);
}

struct graft_error *
graft_verb_plan(int argc, char **argv, int *status_ret)
{
	GRAFT_CLEANUP(graft_options_deinit)
	struct graft_options options = { 0 };
	struct graft_work work = {
		.verb = "plan",
		.done = "can be applied",
		.options = &options,
	};

	if (!graft_options_parse(
		    argc, argv, plan_usage,
		    GRAFT_OPTION_ALL | GRAFT_OPTION_PID | GRAFT_OPTION_JSON |
			    GRAFT_OPTION_SUBJECT | GRAFT_OPTION_WHO,
		    &options, status_ret))
		return NULL;
	return run(&work, graft_work_plan, status_ret);
}

struct graft_error *
graft_verb_apply(int argc, char **argv, int *status_ret)
{
	GRAFT_CLEANUP(graft_options_deinit)
	struct graft_options options = { 0 };

	if (!graft_options_parse(
		    argc, argv, apply_usage,
		    GRAFT_OPTION_ALL | GRAFT_OPTION_PID | GRAFT_OPTION_WAIT |
			    GRAFT_OPTION_JSON | GRAFT_OPTION_DRY_RUN |
			    GRAFT_OPTION_ROLLOUT | GRAFT_OPTION_SUBJECT |
			    GRAFT_OPTION_WHO | GRAFT_OPTION_IMMEDIATE,
		    &options, status_ret))
		return NULL;
	if (options.dry_run) {
		options.canaries = 0;
		options.all_or_none = false;
	}
	struct graft_work work = {
		.verb = "apply",
		.done = options.dry_run ? "can be applied" : "applied",
		.changes = !options.dry_run,
		.prepare = options.dry_run ? NULL : graft_work_prepare_apply,
		.undo = graft_work_revert,
		.options = &options,
	};
	return run(&work,
		   options.dry_run ? graft_work_plan : graft_work_prepared,
		   status_ret);
}
