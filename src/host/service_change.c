// SPDX-License-Identifier: Apache-2.0

#include "host/service.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "host/before.h"
#include "host/configuration.h"
#include "host/held.h"
#include "proc/started.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	/** Of configuration files: lists of some lines. */
	LIST_MAX = 1 << 20,
};

/** Read a small text; NULL if it is not there. */
GRAFT_MUST_CHECK static struct graft_error *
read_list(const char *path, char **ret)
{
	uint8_t *bytes = NULL;
	size_t len;
	struct graft_error *err = graft_file_read(path, LIST_MAX, &bytes, &len);

	*ret = (char *)bytes;
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return NULL;
	}
	return err;
}

/** Was a file written after a moment? */
static bool
is_newer(const char *path, uint64_t us)
{
	struct stat st;

	return stat(path, &st) == 0 &&
	       (uint64_t)st.st_ctim.tv_sec * 1000000 +
			       (uint64_t)st.st_ctim.tv_nsec / 1000 >
		       us;
}

/** Say that configuration was written. */
static void
put_configuration(const char *path, struct graft_text *why)
{
	graft_text_put_safe(why, path);
	graft_text_put(why, " was written after it was started");
}

/** Look at the configuration files of a package: those that dpkg knows. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_conffiles(const struct graft_package *package, uint64_t start_us,
		  struct graft_text *why)
{
	GRAFT_FREE char *path = NULL;
	GRAFT_FREE char *text = NULL;

	if (asprintf(&path, "/var/lib/dpkg/info/%s.conffiles", package->name) <
	    0)
		return graft_error_no_memory();
	struct graft_error *err = read_list(path, &text);
	for (char *rest = text; !err && rest && !why->len;) {
		const char *line = strsep(&rest, "\n");
		if (line[0] == '/' && is_newer(line, start_us))
			put_configuration(line, why);
	}
	return err;
}

/** Look at those that ucf(1) keeps: "PACKAGE PATH" lines. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_ucf(const struct graft_service *service, struct graft_text *why)
{
	GRAFT_FREE char *text = NULL;
	struct graft_error *err = read_list("/var/lib/ucf/registry", &text);

	for (char *rest = text; !err && rest && !why->len;) {
		char *line = strsep(&rest, "\n");
		const char *package = strsep(&line, " \t");
		const char *path = line ? line + strspn(line, " \t") : "";
		bool ours = false;
		for (size_t i = 0; i < service->packages->count; i++)
			ours |= graft_package_is_named(
				service->packages->packages[i].name, package);
		if (ours && path[0] == '/' && is_newer(path, service->start_us))
			put_configuration(path, why);
	}
	return err;
}

/** Look at what goes by the name of a service or package. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_name(const char *name, uint64_t start_us, struct graft_text *why)
{
	GRAFT_FREE char *plain = strndup(name, strcspn(name, ":"));
	GRAFT_FREE char *path = NULL;

	if (!plain)
		return graft_error_no_memory();
	struct graft_error *err =
		graft_configuration_find_newer_of(plain, start_us, &path);
	if (path)
		put_configuration(path, why);
	return err;
}

/** Look at what an upgrade changed of a package, if there was one. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_package(const struct graft_package *package, const char *before_dir,
		uint64_t start_us, struct graft_text *why)
{
	GRAFT_CLEANUP(graft_before_deinit) struct graft_before before = { 0 };
	uint64_t unpacked_us = graft_before_unpacked_us(package->name);

	if (unpacked_us && unpacked_us <= start_us)
		return NULL;
	struct graft_error *err = graft_before_find(before_dir, package->name,
						    start_us, &before);
	if (!err && !before.known) {
		graft_text_put(why, "it is not known what was changed of ");
		graft_text_put_safe(why, package->name);
	}
	for (size_t i = 0; !err && i < before.count && !why->len; i++) {
		if (graft_held_is_idle(before.paths[i]))
			continue;
		graft_text_put_safe(why, before.paths[i]);
		graft_text_put(why, " is another file now (");
		graft_text_put_safe(why, package->name);
		graft_text_put(why, ")");
	}
	return err;
}

/** Look at the programs of a service. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_programs(const struct graft_service *service, struct graft_text *why)
{
	char program[PATH_MAX];

	for (size_t i = 0; i < service->count && !why->len; i++) {
		struct graft_error *err =
			graft_started_read_program(service->pids[i], program);
		if (err && graft_error_code(err) != GRAFT_ERROR_TARGET_GONE)
			return err;
		bool gone = err;
		graft_error_free(err);
		if (gone || !graft_held_is_interpreter(program))
			continue;
		graft_text_put(why, "it runs what ");
		graft_text_put_safe(why, program);
		graft_text_put(why, " has read, which is not known");
	}
	return NULL;
}

struct graft_error *
graft_service_find_change(const struct graft_service *service,
			  const char *before_dir, char **why_ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text why = { 0 };
	const struct graft_packages *packages = service->packages;
	struct graft_error *err = look_at_programs(service, &why);

	for (size_t i = 0; !err && !why.len && i < packages->count; i++)
		err = look_at_conffiles(&packages->packages[i],
					service->start_us, &why);
	if (!err && !why.len)
		err = look_at_ucf(service, &why);
	if (!err && !why.len)
		err = look_at_name(service->name, service->start_us, &why);
	for (size_t i = 0; !err && !why.len && i < packages->count; i++)
		err = look_at_name(packages->packages[i].name,
				   service->start_us, &why);
	for (size_t i = 0; !err && !why.len && i < packages->count; i++)
		err = look_at_package(&packages->packages[i], before_dir,
				      service->start_us, &why);
	if (err)
		return err;
	*why_ret = NULL;
	return why.len || why.failed ? graft_text_take(&why, why_ret) : NULL;
}
