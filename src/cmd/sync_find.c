// SPDX-License-Identifier: Apache-2.0

#include "cmd/sync_state.h"

#include "base/env.h"
#include "cmd/options.h"
#include "cmd/progress.h"
#include "cmd/sync_held.h"
#include "cmd/sync_verdict.h"
#include "host/service.h"
#include "proc/cgroup.h"
#include "proc/list.h"
#include "proc/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Is a control group another one, or below it? */
static bool
is_below(const char *cgroup, const char *root)
{
	size_t len = strlen(root);

	while (len > 0 && root[len - 1] == '/')
		len--;
	return strncmp(cgroup, root, len) == 0 &&
	       (cgroup[len] == '\0' || cgroup[len] == '/');
}

/** Is a process meant? Who ends meanwhile is not. */
GRAFT_MUST_CHECK static struct graft_error *
is_meant(const struct graft_options *options, pid_t pid, bool *ret)
{
	GRAFT_FREE char *cgroup = NULL;
	GRAFT_CLEANUP(graft_unit_deinit) struct graft_unit unit = { 0 };

	*ret = pid != getpid();
	if (!*ret || (!options->unit && !options->cgroup))
		return NULL;
	struct graft_error *err = graft_cgroup_read(pid, &cgroup);
	if (err && graft_error_code(err) == GRAFT_ERROR_TARGET_GONE) {
		graft_error_free(err);
		*ret = false;
		return NULL;
	}
	if (!err)
		err = graft_unit_parse(cgroup, &unit);
	if (err)
		return err;
	*ret = (!options->unit ||
		graft_service_is_named(unit.name, options->unit)) &&
	       (!options->cgroup || is_below(cgroup, options->cgroup));
	return NULL;
}

/** Find the processes that are meant. */
GRAFT_MUST_CHECK static struct graft_error *
find_processes(const struct graft_options *options, pid_t **ret,
	       size_t *count_ret)
{
	GRAFT_FREE pid_t *pids = NULL;
	size_t all = options->pid_count;
	size_t count = 0;
	struct graft_error *err = NULL;

	if (options->pid_count) {
		pids = calloc(all, sizeof(*pids));
		if (!pids)
			return graft_error_no_memory();
		memcpy(pids, options->pids, all * sizeof(*pids));
	} else {
		err = graft_proc_list(&pids, &all);
	}
	for (size_t i = 0; !err && i < all; i++) {
		struct graft_proc_status status;
		bool meant = false;
		// Who is named must be there.
		if (options->pid_count)
			err = graft_proc_stat_read(pids[i], &status);
		if (err && options->unattended &&
		    graft_error_code(err) == GRAFT_ERROR_TARGET_GONE) {
			graft_error_free(err);
			err = NULL;
			continue;
		}
		if (!err)
			err = is_meant(options, pids[i], &meant);
		if (meant)
			pids[count++] = pids[i];
	}
	if (!err && !count && (options->unit || options->cgroup))
		err = graft_error_new(
			GRAFT_ERROR_NOT_FOUND, "no process is in %s %s",
			options->unit ? "the unit" : "the control group",
			options->unit ? options->unit : options->cgroup);
	if (err)
		return err;
	*ret = GRAFT_TAKE(pids);
	*count_ret = count;
	return NULL;
}

struct graft_error *
graft_sync_find_unit(pid_t pid, struct graft_unit *ret)
{
	GRAFT_FREE char *cgroup = NULL;
	struct graft_error *err = graft_cgroup_read(pid, &cgroup);

	if (!err)
		err = graft_unit_parse(cgroup, ret);
	if (err && graft_error_code(err) != GRAFT_ERROR_TARGET_GONE)
		return err;
	graft_error_free(err);
	return NULL;
}

/** Find which unit each process belongs to. */
GRAFT_MUST_CHECK static struct graft_error *
find_units(struct graft_sync *sync)
{
	sync->units = calloc(sync->code->process_count + 1,
			     sizeof(*sync->units));
	if (!sync->units)
		return graft_error_no_memory();
	for (size_t i = 0; i < sync->code->process_count; i++) {
		struct graft_error *err = graft_sync_find_unit(
			sync->code->processes[i].pid, &sync->units[i]);
		if (err)
			return err;
	}
	return NULL;
}

/** Get the path by which a file is asked for; what another root calls so has no package
 * here. */
static const char *
asked_path(const struct graft_old_file *file)
{
	return file->ours ? file->path : "/";
}

/** Find a file by the path by which it is asked for, or SIZE_MAX. */
static size_t
find_asked(const struct graft_old_code *code, const char *path)
{
	for (size_t i = 0; i < code->file_count; i++) {
		if (strcmp(asked_path(&code->files[i]), path) == 0)
			return i;
	}
	return SIZE_MAX;
}

/** Take over the packages of an earlier look. @return graft_sync::packages is NULL if it was
 * about other files. */
GRAFT_MUST_CHECK static struct graft_error *
take_packages(struct graft_sync *sync, const struct graft_sync *earlier)
{
	const struct graft_old_code *code = sync->code;
	GRAFT_CLEANUP(graft_packages_freep)
	struct graft_packages *packages = NULL;

	if (!earlier->packages)
		return NULL;
	struct graft_error *err = graft_packages_copy(
		earlier->packages, code->file_count, &packages);
	for (size_t i = 0; !err && i < code->file_count; i++) {
		size_t at = find_asked(earlier->code,
				       asked_path(&code->files[i]));
		if (at == SIZE_MAX)
			return NULL;
		packages->of[i] = earlier->packages->of[at];
	}
	if (err)
		return err;
	sync->packages = GRAFT_TAKE(packages);
	sync->no_packages = earlier->no_packages;
	return NULL;
}

/** Find which package each file of our own root belongs to. */
GRAFT_MUST_CHECK static struct graft_error *
find_packages(struct graft_sync *sync, const struct graft_options *options,
	      const struct graft_sync *earlier)
{
	const struct graft_old_code *code = sync->code;
	GRAFT_FREE const char **paths = calloc(code->file_count + 1,
					       sizeof(*paths));
	struct graft_error *err = take_packages(sync, earlier);

	if (err || sync->packages)
		return err;
	if (!paths)
		return graft_error_no_memory();
	for (size_t i = 0; i < code->file_count; i++)
		paths[i] = asked_path(&code->files[i]);
	err = graft_packages_find(paths, code->file_count, &sync->packages);
	// They are for people, but where one is asked for.
	if (!err || options->package ||
	    graft_error_code(err) != GRAFT_ERROR_LIMIT)
		return err;
	graft_error_free(err);
	sync->no_packages = true;
	return graft_packages_new_none(code->file_count, &sync->packages);
}

bool
graft_sync_is_named(const struct graft_package *package, const char *name)
{
	return package &&
	       (graft_package_is_named(package->name, name) ||
		(package->source && strcmp(package->source, name) == 0));
}

/** Is a file of a package, or of a source package? */
static bool
is_of_package(const struct graft_sync *sync, size_t file, const char *name)
{
	size_t at = sync->packages->of[file];

	return at != SIZE_MAX &&
	       graft_sync_is_named(&sync->packages->packages[at], name);
}

/** Forget the old files of other packages, and who has only such. */
static void
narrow_to_package(struct graft_sync *sync, const char *name)
{
	struct graft_old_code *code = sync->code;
	size_t left = 0;

	for (size_t i = 0; i < code->process_count; i++) {
		struct graft_old_process *p = &code->processes[i];
		size_t count = 0;
		for (size_t k = 0; k < p->file_count; k++) {
			if (is_of_package(sync, p->files[k], name))
				p->files[count++] = p->files[k];
		}
		p->file_count = count;
		if (!count) {
			free(p->files);
			continue;
		}
		code->processes[left++] = *p;
	}
	code->process_count = left;
}

/** Say of each file whether any process has it, after all that was narrowed.
 * @param[out] ret New; the caller frees it. */
GRAFT_MUST_CHECK static struct graft_error *
find_wanted(const struct graft_old_code *code, bool **ret)
{
	bool *wanted = calloc(code->file_count + 1, sizeof(*wanted));

	if (!wanted)
		return graft_error_no_memory();
	for (size_t i = 0; i < code->process_count; i++) {
		const struct graft_old_process *p = &code->processes[i];
		for (size_t k = 0; k < p->file_count; k++)
			wanted[p->files[k]] = true;
	}
	*ret = wanted;
	return NULL;
}

/** Ask for the verdict of a file, by any process that maps it: they come and go. */
GRAFT_MUST_CHECK static struct graft_error *
get_verdict(struct graft_verdict_cache *cache,
	    const struct graft_old_code *code, struct graft_old_file *file,
	    struct graft_patch **ret)
{
	struct graft_error *err = graft_verdict_get(cache, file, ret);
	size_t next = 0;

	while (err && (graft_error_code(err) == GRAFT_ERROR_TARGET_GONE ||
		       graft_error_code(err) == GRAFT_ERROR_NOT_FOUND)) {
		bool more = false;
		struct graft_error *failed = graft_old_file_renew(code, file,
								  &next, &more);
		if (!failed && !more)
			return err;
		graft_error_free(err);
		err = failed ? failed : graft_verdict_get(cache, file, ret);
	}
	return err;
}

/** Ask for the verdict of each file. One that cannot be compared says why. */
GRAFT_MUST_CHECK static struct graft_error *
find_verdicts(struct graft_sync *sync)
{
	GRAFT_FREE char *dir = NULL;
	GRAFT_FREE bool *wanted = NULL;
	struct graft_old_code *code = sync->code;
	struct graft_error *err = find_wanted(code, &wanted);

	if (err)
		return err;
	if (asprintf(&dir, "%s/verdicts", graft_env_state_dir()) < 0)
		return graft_error_no_memory();
	struct graft_verdict_cache cache = { .dir = dir };
	GRAFT_CLEANUP(graft_progress_end)
	struct graft_progress progress = graft_progress_begin(code->file_count);
	for (size_t i = 0; !err && i < code->file_count; i++) {
		struct graft_old_file *file = &code->files[i];
		struct graft_patch *verdict = NULL;
		if (!file->new_path || file->why || !wanted[i])
			continue;
		graft_progress_step(&progress, i, file->path);
		err = get_verdict(&cache, code, file, &verdict);
		if (!err) {
			err = graft_sync_take_verdict(sync, i, verdict);
		} else if (graft_error_code(err) != GRAFT_ERROR_NO_MEMORY) {
			file->why = strdup(graft_error_message(err));
			graft_error_free(err);
			err = file->why ? NULL : graft_error_no_memory();
		}
	}
	return err;
}

struct graft_error *
graft_sync_find(struct graft_sync *sync, const struct graft_options *options,
		const struct graft_sync *earlier)
{
	struct graft_error *err = find_processes(options, &sync->pids,
						 &sync->pid_count);

	if (!err)
		err = graft_old_code_find(sync->pids, sync->pid_count,
					  &sync->code);
	if (err || !sync->code->process_count)
		return err;
	err = find_packages(sync, options, earlier);
	if (err)
		return err;
	if (options->package)
		narrow_to_package(sync, options->package);
	err = find_units(sync);
	if (!err)
		err = graft_sync_make_groups(sync);
	if (!err)
		err = find_verdicts(sync);
	return err ? err : graft_sync_decide(sync);
}
