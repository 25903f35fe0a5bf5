// SPDX-License-Identifier: Apache-2.0

#include "agent/named.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

bool
graft_named_add(struct graft_named *named, const struct graft_root *root)
{
	for (size_t i = 0; i < named->count; i++) {
		if (graft_root_is_same(&named->roots[i], root))
			return false;
	}
	if (named->count == GRAFT_NAMED_ROOTS)
		named->count = 0;
	named->roots[named->count++] = *root;
	return true;
}

/** Open one file. What is not there is none. */
GRAFT_MUST_CHECK static struct graft_error *
open_one(pid_t tid, const char *path, graft_named_fn *fn, void *arg)
{
	GRAFT_CLOSE int fd = -1;
	struct graft_error *err = graft_root_open_file(tid, path, &fd);

	if (err && graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
		return err;
	graft_error_free(err);
	return fd < 0 ? NULL : fn(arg, fd);
}

/** Look for what a module stands for. */
GRAFT_MUST_CHECK static struct graft_error *
look_for(const struct graft_answer_module *module, pid_t tid,
	 graft_named_fn *fn, void *arg)
{
	const char *path = module->path + strspn(module->path, "/");
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash + 1 - path) : 0;
	GRAFT_FREE char *whole = NULL;
	GRAFT_FREE char *needed = NULL;

	if (asprintf(&whole, "/%s", path) < 0) {
		whole = NULL;
		return graft_error_no_memory();
	}
	struct graft_error *err = open_one(tid, whole, fn, arg);
	// The name of a library may have its version, and so be another in OLD.
	if (err || !module->soname || strchr(module->soname, '/') ||
	    strcmp(path + folder, module->soname) == 0)
		return err;
	if (asprintf(&needed, "/%.*s%s", folder, path, module->soname) < 0) {
		needed = NULL;
		return graft_error_no_memory();
	}
	return open_one(tid, needed, fn, arg);
}

struct graft_error *
graft_named_each(const struct graft_kept *kept, pid_t tid, graft_named_fn *fn,
		 void *arg)
{
	size_t count = 0;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < kept->count; i++) {
		const struct graft_kept_patch *patch = &kept->patches[i];
		if (patch->here || patch->held || patch->withheld)
			continue;
		for (size_t k = 0; !err && k < patch->what.count; k++) {
			if (count++ == GRAFT_NAMED_FILES)
				return NULL;
			err = look_for(&patch->what.modules[k], tid, fn, arg);
		}
	}
	return err;
}
