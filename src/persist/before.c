// SPDX-License-Identifier: Apache-2.0

#include "persist/before.h"

#include "base/capability.h"
#include "base/env.h"
#include "patch/disk.h"
#include "persist/installed.h"
#include "persist/rebuild.h"
#include "persist/scripts.h"
#include "persist/set.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
	/** Header and padding of a path in an archive, or its block on disk. */
	PER_PATH = 4096,
	/** For dpkg's own files and for what maintainer scripts write. */
	SPARE = 8 << 20,
	/** A script's name, with its package and version. */
	NAME_LEN = 1024,
};

struct graft_error *
graft_before_permission(const char *root, bool memory)
{
	static const struct {
		int number;
		const char *name;
	} needed[] = {
		{ CAP_CHOWN, "CAP_CHOWN" },
		{ CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE" },
		{ CAP_FOWNER, "CAP_FOWNER" },
		{ CAP_FSETID, "CAP_FSETID" },
		{ CAP_SYS_CHROOT, "CAP_SYS_CHROOT" },
		{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE" },
	};
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text missing = { 0 };
	struct statvfs fs;

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if ((needed[i].number == CAP_SYS_CHROOT && !*root) ||
		    (needed[i].number == CAP_SYS_PTRACE && !memory))
			continue;
		if (!graft_capability_has(needed[i].number))
			graft_text_printf(&missing, "%s%s",
					  missing.len ? ", " : "",
					  needed[i].name);
	}
	if (missing.len || geteuid() != 0)
		return graft_error_new(
			GRAFT_ERROR_NOT_PERMITTED,
			"packages are installed by root only%s%s",
			missing.len ? "; missing: " : "",
			graft_text_str(&missing));
	if (statvfs(*root ? root : "/usr", &fs) < 0)
		return graft_error_os(errno, "statvfs %s",
				      *root ? root : "/usr");
	if (fs.f_flag & ST_RDONLY)
		return graft_error_os(EROFS, "%s: nothing can be installed",
				      *root ? root : "/usr");
	return NULL;
}

/** What a state of dpkg's means, and what to do. */
static const char *
explain(const char *state)
{
	switch (state[1]) {
	case 'U':
		return "it is unpacked but not configured: run `dpkg --configure -a` first";
	case 'F':
		return "it is half configured: run `dpkg --configure -a` first";
	case 'H':
		return "it is half installed: reinstall it first (`apt-get install --reinstall`)";
	case 'W':
	case 't':
		return "its triggers have not run: run `dpkg --configure -a` first";
	default:
		return "it is to be removed, or needs to be installed again";
	}
}

struct graft_error *
graft_before_state(const struct graft_disk *disk,
		   const struct graft_installed *installed)
{
	const char *version = graft_installed_version(installed);

	if (!graft_installed_is_whole(installed))
		return graft_error_new(
			GRAFT_ERROR_REFUSED, "%s %s: dpkg says \"%s\": %s",
			disk->package, version,
			graft_installed_state(installed),
			explain(graft_installed_state(installed)));
	if (strcmp(version, disk->old_version) != 0)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s %s is installed; this hotpatch is "
				       "for %s",
				       disk->package, version,
				       disk->old_version);
	if (graft_installed_state(installed)[0] == 'h')
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s:%s is on hold; `apt-mark unhold "
				       "%s:%s` lets it be upgraded",
				       disk->package, disk->architecture,
				       disk->package, disk->architecture);
	return NULL;
}

static struct graft_error *
need(const char *path, uint64_t bytes, const struct statvfs *fs)
{
	const uint64_t there = (uint64_t)fs->f_bavail * fs->f_frsize;

	if (there >= bytes)
		return NULL;
	return graft_error_os(ENOSPC, "%s: %llu KiB are needed, %llu are there",
			      path, (unsigned long long)(bytes >> 10),
			      (unsigned long long)(there >> 10));
}

struct graft_error *
graft_before_space(const struct graft_set *set, const char *root)
{
	const char *state = graft_env_state_dir();
	const char *usr = *root ? root : "/usr";
	uint64_t unpacked = SPARE;
	struct statvfs state_fs;
	struct statvfs usr_fs;

	for (size_t i = 0; i < set->changing_count; i++) {
		const struct graft_disk *disk = set->changing[i]->disk;
		for (size_t k = 0; k < disk->entry_count; k++)
			unpacked += disk->entries[k].size + PER_PATH;
	}
	// The new packages, the old ones, and one twice while it is put together.
	const uint64_t staged = 3 * unpacked;
	if (statvfs(state, &state_fs) < 0)
		return graft_error_os(errno, "statvfs %s", state);
	if (statvfs(usr, &usr_fs) < 0)
		return graft_error_os(errno, "statvfs %s", usr);
	if (state_fs.f_flag & ST_RDONLY)
		return graft_error_os(EROFS, "%s: nothing can be kept", state);
	if (state_fs.f_fsid == usr_fs.f_fsid)
		return need(state, staged + unpacked, &state_fs);
	struct graft_error *err = need(state, staged, &state_fs);
	return err ? err : need(usr, unpacked, &usr_fs);
}

/** Say whether a file of a control part is run when a package is replaced. */
static bool
is_script(const char *name)
{
	static const char *const names[] = { "preinst", "postinst", "prerm",
					     "postrm", "config" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/** Scan those of the installed version. */
static struct graft_error *
scan_old(const struct graft_set_member *member, struct graft_text *out,
	 size_t *count_ret)
{
	const struct graft_disk *disk = member->disk;

	for (size_t i = 0; i < disk->old_control_count; i++) {
		const char *name = disk->old_controls[i].name;
		GRAFT_FREE uint8_t *bytes = NULL;
		char what[NAME_LEN];
		size_t len;
		if (!is_script(name))
			continue;
		(void)snprintf(what, sizeof(what), "%s of %s %s", name,
			       disk->package, disk->old_version);
		struct graft_error *err = graft_installed_read_info(
			member->installed, name, &bytes, &len);
		if (!err)
			err = graft_scripts_scan(what, (char *)bytes, len, out,
						 count_ret);
		if (err)
			return err;
	}
	return NULL;
}

static struct graft_error *
scan_new(const struct graft_set_member *member, struct graft_text *out,
	 size_t *count_ret)
{
	const struct graft_disk *disk = member->disk;
	GRAFT_FREE uint8_t *controls = NULL;
	size_t off = 0;

	struct graft_error *err =
		graft_rebuild_read_controls(disk, member->installed, &controls);
	for (size_t i = 0; !err && i < disk->control_count; i++) {
		const struct graft_disk_file *file = &disk->controls[i];
		char what[NAME_LEN];
		(void)snprintf(what, sizeof(what), "%s of %s %s", file->name,
			       disk->package, disk->new_version);
		if (is_script(file->name))
			err = graft_scripts_scan(what, (char *)controls + off,
						 file->size, out, count_ret);
		off += file->size;
	}
	return err;
}

struct graft_error *
graft_before_scripts(const struct graft_set *set, struct graft_text *out,
		     size_t *count_ret)
{
	struct graft_error *err = NULL;

	*count_ret = 0;
	for (size_t i = 0; !err && i < set->changing_count; i++) {
		err = scan_old(set->changing[i], out, count_ret);
		if (!err)
			err = scan_new(set->changing[i], out, count_ret);
	}
	return err;
}
