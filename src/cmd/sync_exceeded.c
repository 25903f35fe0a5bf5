// SPDX-License-Identifier: Apache-2.0

// A file of settings (base/settings.h) with one or both of
//
//     processor-seconds = 300
//     memory-bytes = 6442450944
//
// The bound that was exceeded, not what would be enough: nobody knows that.

#include "cmd/sync_exceeded.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/sandbox.h"
#include "base/settings.h"
#include "base/text.h"
#include "cmd/sync_compare.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/** A host that had no memory to give may have some the next day. */
	KEPT_S = 24 * 60 * 60,
	MIB = 1 << 20,
};
static const char cpu_key[] = "processor-seconds";
static const char memory_key[] = "memory-bytes";

/** Make the path of what is remembered of a pair. @return false: too long. */
static bool
make_path(const char *verdict, char path[PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%s.exceeded", verdict);

	return n > 0 && n < PATH_MAX;
}

/** Take a line: a graft_setting_fn. */
static struct graft_error *
take(void *arg, const struct graft_setting *setting)
{
	struct graft_sandbox_bounds *bounds = arg;
	// Up to 18 digits: none of them is too large.
	if (strspn(setting->value, "0123456789") != strlen(setting->value) ||
	    strlen(setting->value) > 18)
		return graft_setting_wrong(setting, "it is no number");
	uint64_t value = strtoull(setting->value, NULL, 10);
	if (strcmp(setting->key, cpu_key) == 0)
		bounds->cpu_s = value;
	else if (strcmp(setting->key, memory_key) == 0)
		bounds->memory = value;
	return NULL;
}

/** Read what is remembered; what cannot be read is nothing. */
static void
read_bounds(const char *path, struct graft_sandbox_bounds *ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = 0;
	struct stat st;
	int64_t age;

	*ret = (struct graft_sandbox_bounds){ 0 };
	if (lstat(path, &st) < 0)
		return;
	age = (int64_t)(graft_clock_now_us() / 1000000) - st.st_mtime;
	if (age < 0 || age >= KEPT_S)
		return;
	struct graft_error *err =
		graft_file_read(path, GRAFT_SETTINGS_BYTES_MAX, &bytes, &len);
	if (!err)
		err = graft_settings_each((const char *)bytes, len, path, take,
					  ret);
	if (err)
		*ret = (struct graft_sandbox_bounds){ 0 };
	graft_error_free(err);
}

struct graft_error *
graft_exceeded_check(const char *verdict)
{
	struct graft_sandbox_bounds known;
	struct graft_sandbox_bounds now;
	char path[PATH_MAX];

	if (!make_path(verdict, path))
		return NULL;
	read_bounds(path, &known);
	graft_sync_compare_bounds(&now);
	if (known.cpu_s >= now.cpu_s)
		return graft_error_new(
			GRAFT_ERROR_LIMIT,
			"comparing takes more than %llu s of processor time, as an earlier run found",
			(unsigned long long)known.cpu_s);
	if (known.memory >= now.memory)
		return graft_error_new(
			GRAFT_ERROR_LIMIT,
			"comparing needs more than %llu MiB of memory, as an earlier run found",
			(unsigned long long)(known.memory / MIB));
	return NULL;
}

void
graft_exceeded_keep(const char *dir, const char *verdict,
		    const struct graft_sandbox_bounds *exceeded)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	char path[PATH_MAX];
	struct graft_error *err;

	if (!make_path(verdict, path))
		return;
	if (!exceeded->cpu_s && !exceeded->memory) {
		(void)unlink(path);
		return;
	}
	if (exceeded->cpu_s)
		graft_text_printf(&text, "%s = %llu\n", cpu_key,
				  (unsigned long long)exceeded->cpu_s);
	if (exceeded->memory)
		graft_text_printf(&text, "%s = %llu\n", memory_key,
				  (unsigned long long)exceeded->memory);
	if (text.failed)
		return;
	err = graft_dir_make(dir, 0700);
	if (!err)
		err = graft_file_write(path, graft_text_str(&text),
				       strlen(graft_text_str(&text)), 0600);
	graft_error_free(err);
}
