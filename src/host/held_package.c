// SPDX-License-Identifier: Apache-2.0

#include "host/held_package.h"

#include "base/cleanup.h"
#include "host/ask.h"
#include "host/before.h"
#include "proc/cgroup.h"
#include "proc/started.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	/** It answers in milliseconds, if at all. */
	SYSTEMD_LIMIT_US = 5 * 1000 * 1000,
};

/** Ask for the packages of all files. */
GRAFT_MUST_CHECK static struct graft_error *
ask(struct graft_held *held)
{
	size_t count = 0;
	size_t at = 0;

	for (size_t i = 0; i < held->count; i++)
		count += held->processes[i].count;
	GRAFT_FREE const char **paths = calloc(count + 1, sizeof(*paths));
	if (!paths)
		return graft_error_no_memory();
	for (size_t i = 0; i < held->count; i++) {
		for (size_t k = 0; k < held->processes[i].count; k++)
			paths[at++] = held->processes[i].files[k].path;
	}
	struct graft_error *err = count ? graft_packages_find(paths, count,
							      &held->packages)
					: NULL;
	at = 0;
	for (size_t i = 0; !err && i < held->count; i++) {
		for (size_t k = 0; k < held->processes[i].count; k++)
			held->processes[i].files[k].package =
				held->packages->of[at++];
	}
	return err;
}

/** Was a file written when its package was unpacked, or later? Configuration that the
 * administrator wrote before that stayed as it was; dpkg(1), --force-confold. */
static bool
is_of_upgrade(const char *path, uint64_t unpacked_us)
{
	struct stat st;

	if (strncmp(path, "/etc/", 5) != 0 || stat(path, &st) < 0)
		return true;
	return (uint64_t)st.st_ctim.tv_sec * 1000000 + GRAFT_HELD_SLACK_US >=
	       unpacked_us;
}

/** Find which files of the package of a script are others now. @param[out] ret The script
 * needs them, or is one of them. */
GRAFT_MUST_CHECK static struct graft_error *
look_beside(const struct graft_package *package, const char *before_dir,
	    uint64_t start_us, struct graft_held_file *file, bool *ret)
{
	GRAFT_CLEANUP(graft_before_deinit) struct graft_before before = { 0 };
	struct graft_error *err = graft_before_find(before_dir, package->name,
						    start_us, &before);
	const char *first = NULL;
	size_t count = 0;

	if (err)
		return err;
	// The same version again, by a dpkg that nobody hooked.
	*ret = !before.known &&
	       (!package->old_version || !package->version ||
		strcmp(package->old_version, package->version) != 0);
	for (size_t i = 0; i < before.count; i++) {
		const char *path = before.paths[i];
		if (strcmp(path, file->path) == 0) {
			*ret = true;
			return NULL;
		}
		if (!file->script || graft_held_is_idle(path))
			continue;
		first = first ? first : path;
		count++;
	}
	if (!first)
		return NULL;
	*ret = true;
	file->more = count - 1;
	file->beside = strdup(first);
	return file->beside ? NULL : graft_error_no_memory();
}

struct graft_error *
graft_held_read_unit(pid_t pid, struct graft_unit *ret)
{
	GRAFT_FREE char *cgroup = NULL;
	struct graft_error *err = graft_cgroup_read(pid, &cgroup);

	return err ? err : graft_unit_parse(cgroup, ret);
}

/** Ask systemd whether the file of a unit is newer than what it has read. */
GRAFT_MUST_CHECK static struct graft_error *
ask_systemd(pid_t pid, bool *ret)
{
	GRAFT_CLEANUP(graft_unit_deinit) struct graft_unit unit = { 0 };
	GRAFT_FREE char *text = NULL;
	size_t len;
	struct graft_error *err = graft_held_read_unit(pid, &unit);
	char *const words[] = { (char *)"systemctl",
				(char *)"show",
				(char *)"--property=NeedDaemonReload",
				(char *)"--value",
				(char *)"--",
				unit.name,
				NULL };

	*ret = false;
	if (!err && unit.name)
		err = graft_ask(words, SYSTEMD_LIMIT_US, &text, &len);
	if (err && graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
		return err;
	// Where it does not answer, nothing is known.
	graft_error_free(err);
	*ret = text && strcmp(text, "yes\n") == 0;
	return NULL;
}

/** Is the file that describes a unit another one than when it was started? */
GRAFT_MUST_CHECK static struct graft_error *
is_other_unit(const struct graft_package *package, const char *before_dir,
	      const struct graft_held_process *process, const char *path,
	      bool *ret)
{
	GRAFT_CLEANUP(graft_before_deinit) struct graft_before before = { 0 };
	struct graft_error *err =
		package ? graft_before_find(
				  before_dir, package->name,
				  graft_started_us(process->start_ticks),
				  &before)
			: NULL;

	if (err || !before.known)
		return err ? err : ask_systemd(process->pid, ret);
	*ret = false;
	for (size_t i = 0; i < before.count; i++) {
		// dpkg knows /lib as it was before that was merged into /usr.
		const char *changed = before.paths[i];
		*ret |= strcmp(changed, path) == 0 ||
			(strncmp(path, "/usr", 4) == 0 &&
			 strcmp(changed, path + 4) == 0);
	}
	return NULL;
}

/** Did an upgrade replace a file after a process had started? */
GRAFT_MUST_CHECK static struct graft_error *
is_replaced(const struct graft_held *held, const char *before_dir,
	    const struct graft_held_process *process,
	    struct graft_held_file *file, bool *ret)
{
	uint64_t start_us = graft_started_us(process->start_ticks);
	const struct graft_package *package =
		file->package == SIZE_MAX
			? NULL
			: &held->packages->packages[file->package];

	if (file->how == GRAFT_HELD_UNIT)
		return is_other_unit(package, before_dir, process, file->path,
				     ret);
	// Who but dpkg takes files away there? It has forgotten whose they were.
	*ret = !package && file->gone && strncmp(file->path, "/etc/", 5) != 0 &&
	       strncmp(file->path, "/opt/", 5) != 0;
	if (!package)
		return NULL;
	uint64_t unpacked_us = graft_before_unpacked_us(package->name);
	*ret = unpacked_us > start_us + GRAFT_HELD_SLACK_US &&
	       (file->gone || is_of_upgrade(file->path, unpacked_us));
	// Of what is mapped or open the contents were compared; sums of configuration
	// are not among those that are put aside.
	if (!*ret || file->how != GRAFT_HELD_STARTED_WITH ||
	    strncmp(file->path, "/etc/", 5) == 0)
		return NULL;
	return look_beside(package, before_dir, start_us, file, ret);
}

struct graft_error *
graft_held_ask_packages(struct graft_held *held, const char *before_dir)
{
	struct graft_error *err = ask(held);
	size_t left = 0;

	for (size_t i = 0; !err && i < held->count; i++) {
		struct graft_held_process *p = &held->processes[i];
		size_t files = 0;
		for (size_t k = 0; k < p->count; k++) {
			bool replaced = false;
			if (!err)
				err = is_replaced(held, before_dir, p,
						  &p->files[k], &replaced);
			if (replaced || err)
				p->files[files++] = p->files[k];
			else
				graft_held_file_deinit(&p->files[k]);
		}
		p->count = files;
	}
	if (err)
		return err;
	for (size_t i = 0; i < held->count; i++) {
		if (held->processes[i].count)
			held->processes[left++] = held->processes[i];
		else
			free(held->processes[i].files);
	}
	held->count = left;
	return NULL;
}
