// SPDX-License-Identifier: Apache-2.0

#include "host/service.h"

#include "base/cleanup.h"
#include "base/vec.h"
#include "host/unit.h"
#include "proc/cgroup.h"
#include "proc/list.h"
#include "proc/started.h"
#include "proc/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Where descriptions of units are, the one that counts first; systemd.unit(5). */
static const char *const unit_dirs[] = { "/etc/systemd/system",
					 "/run/systemd/system",
					 "/usr/lib/systemd/system",
					 "/lib/systemd/system" };

void
graft_service_deinit(struct graft_service *service)
{
	free(service->pids);
	graft_packages_free(service->packages);
	*service = (struct graft_service){ 0 };
}

bool
graft_service_is_named(const char *unit, const char *name)
{
	size_t len = strlen(name);

	return unit && strncmp(unit, name, len) == 0 &&
	       (unit[len] == '\0' ||
		(!strchr(name, '.') && strcmp(unit + len, ".service") == 0));
}

/** Make the path of an init script. @return false: no memory. */
static bool
make_script_path(const char *name, char **ret)
{
	static const char ending[] = ".service";
	size_t len = strlen(name);

	if (len > strlen(ending) &&
	    strcmp(name + len - strlen(ending), ending) == 0)
		len -= strlen(ending);
	return asprintf(ret, "/etc/init.d/%.*s", (int)len, name) >= 0;
}

/** One process of the host. */
struct process {
	pid_t pid;
	pid_t parent;
	pid_t session;
	uint64_t start_ticks;
	char *program;
	bool is_in;
};

/** All of them. */
struct host {
	struct process *list;
	size_t count;
};

static void
host_deinit(struct host *host)
{
	for (size_t i = 0; i < host->count; i++)
		free(host->list[i].program);
	free(host->list);
}

/** Does it say that a process has ended, or is not ours to look at? */
static bool
is_skipped(const struct graft_error *err)
{
	return graft_error_code(err) == GRAFT_ERROR_TARGET_GONE ||
	       graft_error_code(err) == GRAFT_ERROR_NOT_PERMITTED;
}

/** Read what is to be known of a process; what has no program is left out. */
GRAFT_MUST_CHECK static struct graft_error *
read_process(pid_t pid, struct host *host)
{
	struct graft_proc_status status = { 0 };
	char program[PATH_MAX];
	struct graft_error *err = graft_proc_stat_read(pid, &status);

	if (!err && status.kernel)
		return NULL;
	if (!err)
		err = graft_started_read_program(pid, program);
	if (err && is_skipped(err)) {
		graft_error_free(err);
		return NULL;
	}
	if (err)
		return err;
	struct process process = {
		.pid = pid,
		.parent = status.parent,
		.session = status.session,
		.start_ticks = status.start_ticks,
		.program = strdup(program),
	};
	if (!process.program)
		return graft_error_no_memory();
	host->list[host->count++] = process;
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_host(struct host *host)
{
	GRAFT_FREE pid_t *pids = NULL;
	size_t count;
	struct graft_error *err = graft_proc_list(&pids, &count);

	if (err)
		return err;
	host->list = calloc(count + 1, sizeof(*host->list));
	if (!host->list)
		return graft_error_no_memory();
	for (size_t i = 0; !err && i < count; i++) {
		if (pids[i] != getpid())
			err = read_process(pids[i], host);
	}
	return err;
}

/** Find who is in the control group of a unit. @return How many. */
GRAFT_MUST_CHECK static struct graft_error *
mark_unit(struct host *host, const char *name, size_t *ret)
{
	struct graft_error *err = NULL;

	*ret = 0;
	for (size_t i = 0; !err && i < host->count; i++) {
		GRAFT_FREE char *cgroup = NULL;
		GRAFT_CLEANUP(graft_unit_deinit) struct graft_unit unit = { 0 };
		err = graft_cgroup_read(host->list[i].pid, &cgroup);
		if (!err)
			err = graft_unit_parse(cgroup, &unit);
		if (err && is_skipped(err)) {
			graft_error_free(err);
			err = NULL;
		}
		host->list[i].is_in = unit.kind == GRAFT_UNIT_SYSTEM &&
				      graft_service_is_named(unit.name, name);
		*ret += host->list[i].is_in;
	}
	return err;
}

/** Find who was started by one that is in, and by those; not who logged in by it. */
static void
mark_children(struct host *host)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < host->count; i++) {
			struct process *child = &host->list[i];
			for (size_t k = 0; !child->is_in && k < host->count;
			     k++) {
				const struct process *p = &host->list[k];
				child->is_in = p->is_in &&
					       p->pid == child->parent &&
					       p->session == child->session;
				more |= child->is_in;
			}
		}
	}
}

/** Get the source of the package of a file that was asked for, or NULL. */
static const char *
source_of(const struct graft_packages *packages, size_t at)
{
	return packages->of[at] == SIZE_MAX
		       ? NULL
		       : packages->packages[packages->of[at]].source;
}

/** Find who runs programs of the source package of an init script. */
GRAFT_MUST_CHECK static struct graft_error *
mark_init_script(struct host *host, const char *name)
{
	GRAFT_FREE char *script = NULL;
	GRAFT_CLEANUP(graft_packages_freep)
	struct graft_packages *packages = NULL;
	GRAFT_FREE const char **paths = calloc(host->count + 1, sizeof(*paths));

	if (!paths || !make_script_path(name, &script))
		return graft_error_no_memory();
	for (size_t i = 0; i < host->count; i++)
		paths[i] = host->list[i].program;
	paths[host->count] = script;
	struct graft_error *err =
		graft_packages_find_plain(paths, host->count + 1, &packages);
	if (err)
		return err;
	const char *source = source_of(packages, host->count);
	for (size_t i = 0; source && i < host->count; i++) {
		const char *of = source_of(packages, i);
		host->list[i].is_in = of && strcmp(of, source) == 0;
	}
	mark_children(host);
	return NULL;
}

struct graft_error *
graft_service_find_unit_file(const char *name, char **ret)
{
	char path[PATH_MAX];
	const char *at = strchr(name, '@');
	const char *ending = strrchr(name, '.');
	// Of an instance, "getty@tty1.service", it is that of the template.
	int len = at ? (int)(at - name) + 1 : (int)strlen(name);

	*ret = NULL;
	if (!ending || strcmp(ending, ".sh") == 0)
		ending = ".service";
	else if (!at)
		ending = "";
	for (size_t i = 0; i < sizeof(unit_dirs) / sizeof(*unit_dirs); i++) {
		int n = snprintf(path, sizeof(path), "%s/%.*s%s", unit_dirs[i],
				 len, name, ending);
		if (n > 0 && (size_t)n < sizeof(path) &&
		    access(path, F_OK) == 0) {
			*ret = strdup(path);
			return *ret ? NULL : graft_error_no_memory();
		}
	}
	return NULL;
}

/** Find the packages that a service consists of. */
GRAFT_MUST_CHECK static struct graft_error *
find_packages(const struct host *host, struct graft_service *service)
{
	GRAFT_FREE char *script = NULL;
	GRAFT_FREE char *description = NULL;
	size_t count = 0;
	GRAFT_FREE const char **paths = calloc(host->count + 3, sizeof(*paths));

	if (!paths || !make_script_path(service->name, &script))
		return graft_error_no_memory();
	struct graft_error *err = graft_service_find_unit_file(service->name,
							       &description);
	if (err)
		return err;
	for (size_t i = 0; i < host->count; i++) {
		if (host->list[i].is_in)
			paths[count++] = host->list[i].program;
	}
	paths[count++] = script;
	if (description)
		paths[count++] = description;
	err = graft_packages_find_plain(paths, count, &service->packages);
	return err ? err : graft_packages_add_siblings(service->packages);
}

struct graft_error *
graft_service_find(const char *name, struct graft_service *ret)
{
	GRAFT_CLEANUP(host_deinit) struct host host = { 0 };
	GRAFT_CLEANUP(graft_service_deinit)
	struct graft_service service = { .name = name, .start_us = UINT64_MAX };
	size_t count = 0;
	struct graft_error *err = read_host(&host);

	if (!err)
		err = mark_unit(&host, name, &count);
	if (!err && !count && access("/run/systemd/system", F_OK) < 0)
		err = mark_init_script(&host, name);
	if (err)
		return err;
	service.pids = calloc(host.count + 1, sizeof(*service.pids));
	if (!service.pids)
		return graft_error_no_memory();
	for (size_t i = 0; i < host.count; i++) {
		const struct process *process = &host.list[i];
		uint64_t start_us = graft_started_us(process->start_ticks);
		if (!process->is_in)
			continue;
		service.pids[service.count++] = process->pid;
		service.start_us = start_us < service.start_us
					   ? start_us
					   : service.start_us;
	}
	if (service.count)
		err = find_packages(&host, &service);
	if (err)
		return err;
	*ret = service;
	service = (struct graft_service){ 0 };
	return NULL;
}
