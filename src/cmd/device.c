// SPDX-License-Identifier: Apache-2.0

#include "cmd/device.h"

#include "base/cleanup.h"
#include "base/env.h"
#include "base/file.h"
#include "base/settings.h"
#include "base/text.h"
#include "proc/kernel.h"
#include "release/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

enum {
	PATH_LEN = 4096,
	OS_RELEASE_MAX = 64 * 1024,
};

/** Find the value of a name in os-release(5); "" without. */
static void
find_value(const char *text, const char *name, struct graft_fact *ret)
{
	size_t len = strlen(name);
	const char *at = text;

	ret->str[0] = '\0';
	while (at && (strncmp(at, name, len) != 0 || at[len] != '=')) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		return;
	at += len + 1;
	at += strspn(at, "\"'");
	(void)snprintf(ret->str, sizeof(ret->str), "%.*s",
		       (int)strcspn(at, "\"'\n"), at);
}

/** Find out what the distribution is called, and its version. */
static void
find_names(struct graft_fact *id, struct graft_fact *version)
{
	static const char *const paths[] = { "/etc/os-release",
					     "/usr/lib/os-release" };
	*id = (struct graft_fact){ "unknown" };
	*version = (struct graft_fact){ "" };
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		GRAFT_FREE uint8_t *bytes = NULL;
		size_t len;
		struct graft_error *err =
			graft_file_read(paths[i], OS_RELEASE_MAX, &bytes, &len);
		graft_error_free(err);
		if (err)
			continue;
		find_value((const char *)bytes, "ID", id);
		find_value((const char *)bytes, "VERSION_ID", version);
		break;
	}
}

static void
look_at_distribution(struct graft_facts *facts)
{
	struct graft_fact id;
	struct graft_fact version;

	find_names(&id, &version);
	(void)snprintf(facts->distribution.str, sizeof(facts->distribution.str),
		       "%.15s%s%.15s", id.str, *version.str ? "-" : "",
		       version.str);
}

/** See what Graft needs of the kernel. */
static uint32_t
look_at_kernel(void)
{
	struct graft_kernel kernel = graft_kernel_look();

	return (kernel.ptrace ? GRAFT_ABILITY_PTRACE : 0U) |
	       (kernel.memory ? GRAFT_ABILITY_MEMORY : 0U) |
	       (kernel.pidfd ? GRAFT_ABILITY_PIDFD : 0U) |
	       (kernel.kcmp ? GRAFT_ABILITY_KCMP : 0U);
}

/** Call the machine as Debian does. */
static void
look_at_machine(struct graft_facts *facts)
{
	struct utsname name = { 0 };

	(void)uname(&name);
	(void)snprintf(facts->architecture.str, sizeof(facts->architecture.str),
		       "%.31s",
		       strcmp(name.machine, "x86_64") == 0    ? "amd64"
		       : strcmp(name.machine, "aarch64") == 0 ? "arm64"
							      : name.machine);
}

/** Find how much is free where the state directory is, or will be. */
static uint64_t
look_at_space(void)
{
	char path[PATH_LEN];
	struct statvfs vfs;

	(void)snprintf(path, sizeof(path), "%s", graft_env_state_dir());
	while (statvfs(path, &vfs) < 0) {
		char *slash = strrchr(path, '/');
		if (!slash)
			return 0;
		slash[slash == path] = '\0';
		if (slash == path && statvfs(path, &vfs) < 0)
			return 0;
	}
	return (uint64_t)vfs.f_bavail * vfs.f_frsize;
}

/** Keys of device.conf, in the order of #key. */
enum key {
	KEY_EDITION,
	KEY_BASELINE,
	KEY_LEVEL,
	KEY_HELD,
	KEY_COUNT,
};
static const char *const keys[KEY_COUNT] = { "edition", "baseline", "level",
					     "held" };

/** What is being read. */
struct reading {
	struct graft_facts *facts;
	/** Lines in which keys stood; 0: not yet. */
	size_t seen[KEY_COUNT];
};

GRAFT_MUST_CHECK static struct graft_error *
read_level(const struct graft_setting *setting, graft_level *ret)
{
	return graft_level_read(setting->value, ret)
		       ? NULL
		       : graft_setting_wrong(
				 setting,
				 "%s: '%.20s' is no level such as '2026-10'",
				 setting->key, setting->value);
}

/** Take a line of device.conf. */
static struct graft_error *
take(void *arg, const struct graft_setting *setting)
{
	struct reading *reading = arg;
	struct graft_facts *facts = reading->facts;
	size_t key = 0;

	while (key < KEY_COUNT && strcmp(keys[key], setting->key) != 0)
		key++;
	if (key == KEY_COUNT)
		return graft_setting_unknown(setting, keys, KEY_COUNT);
	// Of two that contradict each other the last would count: a hold that is none.
	if (reading->seen[key])
		return graft_setting_wrong(setting,
					   "%s stands in line %zu already",
					   setting->key, reading->seen[key]);
	reading->seen[key] = setting->line;
	switch ((enum key)key) {
	case KEY_EDITION:
		if (strlen(setting->value) >= GRAFT_FACT_LEN)
			return graft_setting_wrong(setting,
						   "edition: at most %d bytes",
						   GRAFT_FACT_LEN - 1);
		memcpy(facts->edition.str, setting->value,
		       strlen(setting->value) + 1);
		return NULL;
	case KEY_BASELINE:
		return read_level(setting, &facts->baseline);
	case KEY_LEVEL:
		return read_level(setting, &facts->level);
	default:
		facts->held = strcmp(setting->value, "yes") == 0;
		return facts->held || strcmp(setting->value, "no") == 0
			       ? NULL
			       : graft_setting_wrong(setting,
						     "held: 'yes' or 'no'");
	}
}

void
graft_device_find_vendor(struct graft_fact *ret)
{
	struct graft_fact version;

	find_names(ret, &version);
}

struct graft_error *
graft_device_look(struct graft_facts *ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	char path[PATH_LEN];
	size_t len = 0;

	*ret = (struct graft_facts){ .edition = { "server" } };
	look_at_distribution(ret);
	look_at_machine(ret);
	ret->abilities = look_at_kernel();
	ret->space = look_at_space();
	if (!graft_version_read(GRAFT_VERSION, &ret->agent))
		ret->agent = 0;
	(void)snprintf(path, sizeof(path), "%s/device.conf",
		       graft_env_state_dir());
	struct graft_error *err =
		graft_file_read(path, GRAFT_SETTINGS_BYTES_MAX, &bytes, &len);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return NULL;
	}
	struct reading reading = { .facts = ret };
	if (!err)
		err = graft_settings_each((const char *)bytes, len, path, take,
					  &reading);
	// Nothing comes before its own baseline: one of both is not what is here.
	if (!err && ret->level && ret->baseline > ret->level)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "%s: the baseline %s is later than the "
				      "level %s",
				      path,
				      graft_level_write(ret->baseline).str,
				      graft_level_write(ret->level).str);
	return err;
}

/** Say whether a line sets a key. */
static bool
sets(const char *line, const char *key)
{
	const size_t len = strlen(key);

	line += strspn(line, " \t");
	if (strncmp(line, key, len) != 0)
		return false;
	line += len;
	return line[strspn(line, " \t")] == '=';
}

struct graft_error *
graft_device_raise(graft_level baseline, graft_level level)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_FREE uint8_t *bytes = NULL;
	char path[PATH_LEN];
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "%s/device.conf",
		       graft_env_state_dir());
	struct graft_error *err =
		graft_file_read(path, GRAFT_SETTINGS_BYTES_MAX, &bytes, &len);
	if (err && graft_error_code(err) != GRAFT_ERROR_NOT_FOUND)
		return err;
	graft_error_free(err);
	for (const char *at = (const char *)bytes; at && *at;) {
		const size_t line = strcspn(at, "\n");
		if (!sets(at, "baseline") && !sets(at, "level")) {
			graft_text_put_bytes(&text, at, line);
			graft_text_put(&text, "\n");
		}
		at += line + (at[line] == '\n');
	}
	if (baseline)
		graft_text_printf(&text, "baseline = %s\n",
				  graft_level_write(baseline).str);
	if (level)
		graft_text_printf(&text, "level = %s\n",
				  graft_level_write(level).str);
	if (text.failed)
		return graft_error_no_memory();
	err = graft_dir_make(graft_env_state_dir(), 0700);
	return err ? err
		   : graft_file_write(path, graft_text_str(&text), text.len,
				      0644);
}
