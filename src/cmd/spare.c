// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "base/env.h"
#include "base/file.h"
#include "base/limits.h"
#include "cmd/options.h"
#include "cmd/sync_held.h"
#include "host/exports.h"
#include "host/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: graft spare SERVICE [--wait SECONDS]\n"
	"\n"
	"Hotpatch the processes of a service and say whether that spares it the restart\n"
	"that an upgrade wants: if all its old code is hotpatched, and nothing but code\n"
	"of it was changed. SERVICE is a unit of systemd; without it, an init script.\n"
	"policy-rc.d asks so (/usr/share/graft/policy-rc.d); whatever is not sure, is\n"
	"restarted.\n"
	"\n"
	"  -w, --wait SECONDS  how long to wait for threads to leave the functions that\n"
	"                      are replaced (default 10)\n"
	"      --state-dir DIR instead of /var/lib/graft\n"
	"\n"
	"Exit status: 0 it needs no restart; 3 it does not run, or nothing of it was\n"
	"hotpatched; 4 it needs a restart.\n";

enum {
	/** How often we look again: each look finds who was forked during the last. */
	LOOKS_MAX = 5,
	/** Exit statuses. */
	STATUS_NOTHING = 3,
	STATUS_RESTART = 4,
};

/** What a look said of a service. */
struct answer {
	/** It needs a restart, and why. Owned. */
	char *why;
	/** Processes were hotpatched now; before. */
	size_t now;
	size_t before;
};

static void
answer_deinit(struct answer *answer)
{
	free(answer->why);
}

/** Take what became of one process and package. */
static void
take_item(const struct graft_sync *sync, const struct graft_sync_item *item,
	  struct answer *answer, struct graft_text *why)
{
	answer->now += item->action == GRAFT_SYNC_DONE;
	answer->before += item->action == GRAFT_SYNC_BEFORE;
	if (why->len || item->action == GRAFT_SYNC_DONE ||
	    item->action == GRAFT_SYNC_BEFORE ||
	    item->action == GRAFT_SYNC_SAME || item->action == GRAFT_SYNC_GONE)
		return;
	const struct graft_old_process *p =
		&sync->code->processes[item->process];
	graft_text_printf(why, "process %d (", (int)p->pid);
	graft_text_put_safe(why, p->comm);
	graft_text_put(why, "): ");
	graft_text_put_safe(why, item->why ? item->why : "not hotpatched");
}

/** Read a file that is mapped, or what stands for it now. */
GRAFT_MUST_CHECK static struct graft_error *
read_file(const struct graft_old_file *file, bool is_new, uint8_t **bytes_ret,
	  size_t *len_ret)
{
	GRAFT_CLOSE int fd = -1;
	struct graft_error *err = graft_old_file_open(file, is_new, &fd);

	return err ? err
		   : graft_file_read_fd(fd, GRAFT_LIMIT_ELF_BYTES, bytes_ret,
					len_ret);
}

/** Say if a file offers more now: a module that is opened later may want that. */
GRAFT_MUST_CHECK static struct graft_error *
take_exports(const struct graft_old_file *file, struct graft_text *why)
{
	GRAFT_FREE uint8_t *was = NULL;
	GRAFT_FREE uint8_t *is = NULL;
	GRAFT_FREE char *name = NULL;
	size_t was_len;
	size_t is_len;
	struct graft_error *err = read_file(file, false, &was, &was_len);

	if (!err)
		err = read_file(file, true, &is, &is_len);
	if (!err)
		err = graft_exports_find_new(was, was_len, is, is_len, &name);
	if (!name)
		return err;
	graft_text_put_safe(why, file->path);
	graft_text_put(why, ": what is opened later may want ");
	graft_text_put_safe(why, name);
	graft_text_put(why, ", which is new");
	return NULL;
}

/** Take what a look found. @param[in,out] answer Zeroed. */
GRAFT_MUST_CHECK static struct graft_error *
take_sync(const struct graft_sync *sync, struct answer *answer)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text why = { 0 };

	if (sync->code->unseen)
		graft_text_put(&why, "not all of it could be looked at");
	for (size_t i = 0; i < sync->item_count; i++)
		take_item(sync, &sync->items[i], answer, &why);
	if (!why.len && sync->held->count)
		graft_sync_put_held_why(sync, 0, &why);
	for (size_t i = 0; !why.len && i < sync->code->file_count; i++) {
		struct graft_error *err = take_exports(&sync->code->files[i],
						       &why);
		if (err)
			return err;
	}
	return why.len || why.failed ? graft_text_take(&why, &answer->why)
				     : NULL;
}

/** Look at a service once. */
GRAFT_MUST_CHECK static struct graft_error *
look(const struct graft_service *service, uint64_t wait_us, bool dry_run,
     struct answer *ret)
{
	GRAFT_CLEANUP(graft_sync_deinit) struct graft_sync sync = { 0 };
	GRAFT_CLEANUP(answer_deinit) struct answer answer = { 0 };
	const struct graft_options options = {
		.pids = service->pids,
		.pid_count = service->count,
		.wait_us = wait_us,
		.dry_run = dry_run,
		.unattended = true,
	};
	struct graft_error *err = graft_sync_run(&options, &sync);

	if (!err)
		err = graft_sync_find_held(&sync, &options);
	if (!err && sync.no_packages)
		err = graft_error_new(GRAFT_ERROR_LIMIT,
				      "dpkg-query does not answer");
	if (!err)
		err = take_sync(&sync, &answer);
	if (err)
		return err;
	*ret = answer;
	answer = (struct answer){ 0 };
	return NULL;
}

/** Say why a service is not spared. @return The exit status. */
static int
say_restart(const char *service, const char *why)
{
	printf("%s needs a restart: %s\n", service, why);
	return STATUS_RESTART;
}

/** Look whether anything but code was changed. @param[out] status_ret Left alone if not. */
GRAFT_MUST_CHECK static struct graft_error *
look_beside(const struct graft_service *service, int *status_ret)
{
	GRAFT_FREE char *dir = NULL;
	GRAFT_FREE char *why = NULL;

	if (asprintf(&dir, "%s/before", graft_env_state_dir()) < 0)
		return graft_error_no_memory();
	struct graft_error *err = graft_service_find_change(service, dir, &why);
	if (!err && why)
		*status_ret = say_restart(service->name, why);
	return err;
}

/** Hotpatch a service, and see that it stays so. */
GRAFT_MUST_CHECK static struct graft_error *
spare(const char *name, uint64_t wait_us, int *status_ret)
{
	for (int i = 0; i < LOOKS_MAX; i++) {
		GRAFT_CLEANUP(graft_service_deinit)
		struct graft_service service = { 0 };
		GRAFT_CLEANUP(answer_deinit) struct answer answer = { 0 };
		struct graft_error *err = graft_service_find(name, &service);
		*status_ret = -1;
		if (!err && !service.count) {
			printf("no process of %s runs\n", name);
			*status_ret = STATUS_NOTHING;
			return NULL;
		}
		if (!err)
			err = look_beside(&service, status_ret);
		// Who must be restarted anyway is not touched before.
		if (!err && *status_ret < 0)
			err = look(&service, wait_us, i == 0, &answer);
		if (err || *status_ret >= 0)
			return err;
		if (answer.why) {
			*status_ret = say_restart(name, answer.why);
			return NULL;
		}
		if (!answer.now && !answer.before) {
			printf("nothing of %s was hotpatched\n", name);
			*status_ret = STATUS_NOTHING;
			return NULL;
		}
		if (answer.now)
			continue;
		printf("%s needs no restart: all its old code is hotpatched\n",
		       name);
		*status_ret = 0;
		return NULL;
	}
	*status_ret = say_restart(name, "it starts new processes all the time");
	return NULL;
}

struct graft_error *
graft_verb_spare(int argc, char **argv, int *status_ret)
{
	GRAFT_CLEANUP(graft_options_deinit)
	struct graft_options options = { 0 };

	if (!graft_options_parse(argc, argv, usage,
				 GRAFT_OPTION_SERVICE | GRAFT_OPTION_WAIT,
				 &options, status_ret))
		return NULL;
	return spare(options.subject, options.wait_us, status_ret);
}
