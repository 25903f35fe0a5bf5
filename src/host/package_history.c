// SPDX-License-Identifier: Apache-2.0

#include "host/package.h"

#include "base/cleanup.h"
#include "base/deb_version.h"
#include "base/vec.h"

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/** A log or a changelog. */
	LOG_MAX = 16 << 20,
	/** "CVE-" and four digits, a hyphen and at least four. */
	CVE_LEAST = 13,
	CVE_MOST = 24,
};

static const char *const logs[] = { "/var/log/dpkg.log",
				    "/var/log/dpkg.log.1" };

/** Read a file that may be compressed; NULL if there is none. */
GRAFT_MUST_CHECK static struct graft_error *
read_text(const char *path, char **text_ret, size_t *len_ret)
{
	GRAFT_FREE char *text = malloc(LOG_MAX + 1);
	struct archive *archive = text ? archive_read_new() : NULL;
	struct archive_entry *entry;
	size_t len = 0;

	*text_ret = NULL;
	*len_ret = 0;
	if (!archive)
		return graft_error_no_memory();
	(void)archive_read_support_filter_gzip(archive);
	(void)archive_read_support_format_raw(archive);
	(void)archive_read_support_format_empty(archive);
	bool open = archive_read_open_filename(archive, path, 1 << 16) ==
			    ARCHIVE_OK &&
		    archive_read_next_header(archive, &entry) == ARCHIVE_OK;
	while (open && len < LOG_MAX) {
		ssize_t got = archive_read_data(archive, text + len,
						LOG_MAX - len);
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	(void)archive_read_free(archive);
	if (!open)
		return NULL;
	text[len] = '\0';
	*text_ret = GRAFT_TAKE(text);
	*len_ret = len;
	return NULL;
}

bool
graft_package_is_named(const char *logged, const char *name)
{
	size_t len = strlen(name);

	return strncmp(logged, name, len) == 0 &&
	       (logged[len] == '\0' ||
		(logged[len] == ':' && !strchr(name, ':')));
}

/** A line that says what was upgraded:
 * "2026-11-20 12:00:01 upgrade libssl3:amd64 3.0.11-1 3.0.13-1". */
struct upgrade {
	char package[256];
	char before[256];
	char after[256];
};

/** Take a line. @return false: it is another. */
static bool
take_upgrade(const char *line, size_t len, struct upgrade *ret)
{
	char text[1024];
	char what[16];

	if (len >= sizeof(text))
		return false;
	memcpy(text, line, len);
	text[len] = '\0';
	return sscanf(text, "%*s %*s %15s %255s %255s %255s", what,
		      ret->package, ret->before, ret->after) == 4 &&
	       strcmp(what, "upgrade") == 0;
}

struct graft_error *
graft_package_old_version(const char *log, size_t len, const char *name,
			  const char *version, char **ret)
{
	const char *end = log + len;
	struct upgrade upgrade;
	char found[sizeof(upgrade.before)] = "";

	*ret = NULL;
	for (const char *line = log; line < end;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t n = (size_t)((stop ? stop : end) - line);
		if (take_upgrade(line, n, &upgrade) &&
		    graft_package_is_named(upgrade.package, name) &&
		    strcmp(upgrade.after, version) == 0)
			memcpy(found, upgrade.before, sizeof(found));
		line = stop ? stop + 1 : end;
	}
	if (!found[0])
		return NULL;
	*ret = strdup(found);
	return *ret ? NULL : graft_error_no_memory();
}

struct graft_error *
graft_package_each_upgrade(graft_package_upgrade_fn *fn, void *arg)
{
	struct graft_error *err = NULL;
	struct upgrade upgrade;

	for (size_t i = 0; !err && i < sizeof(logs) / sizeof(*logs); i++) {
		GRAFT_FREE char *text = NULL;
		size_t len;
		err = read_text(logs[i], &text, &len);
		for (const char *line = text; !err && line && *line;) {
			const char *stop = strchrnul(line, '\n');
			if (take_upgrade(line, (size_t)(stop - line), &upgrade))
				err = fn(arg, upgrade.package);
			line = *stop ? stop + 1 : stop;
		}
	}
	return err;
}

/** Add what was fixed, once. */
GRAFT_MUST_CHECK static struct graft_error *
add_cve(struct graft_package *package, const char *at, size_t len)
{
	for (size_t i = 0; i < package->cve_count; i++) {
		if (strlen(package->cves[i]) == len &&
		    memcmp(package->cves[i], at, len) == 0)
			return NULL;
	}
	size_t room = package->cve_count;
	struct graft_error *err = graft_vec_reserve(&package->cves, &room,
						    package->cve_count + 1,
						    sizeof(*package->cves));
	if (err)
		return err;
	package->cves[package->cve_count] = strndup(at, len);
	if (!package->cves[package->cve_count])
		return graft_error_no_memory();
	package->cve_count++;
	return NULL;
}

/** Get how long the name of a vulnerability is here; 0: there is none. */
static size_t
cve_at(const char *at, size_t len)
{
	size_t n = 9;

	if (len < CVE_LEAST || memcmp(at, "CVE-", 4) != 0 || at[8] != '-')
		return 0;
	for (size_t i = 4; i < 8; i++) {
		if (!isdigit((unsigned char)at[i]))
			return 0;
	}
	while (n < len && isdigit((unsigned char)at[n]))
		n++;
	return n >= CVE_LEAST && n <= CVE_MOST ? n : 0;
}

/** Is it the first line of an entry, "source (version) ...", and not newer than a version? */
static bool
begins_entry(const char *line, size_t len, const char *version,
	     bool *is_old_ret)
{
	char text[256];
	const char *open = memchr(line, '(', len);
	const char *close =
		open ? memchr(open, ')', len - (size_t)(open - line)) : NULL;

	if (!len || isspace((unsigned char)*line) || !close)
		return false;
	(void)snprintf(text, sizeof(text), "%.*s", (int)(close - open) - 1,
		       open + 1);
	*is_old_ret = version && graft_deb_version_compare(text, version) <= 0;
	return true;
}

struct graft_error *
graft_package_find_cves(const char *text, size_t len, const char *old_version,
			struct graft_package *package)
{
	struct graft_error *err = NULL;
	size_t entries = 0;

	for (size_t at = 0; !err && at < len;) {
		const char *line = text + at;
		const char *end = memchr(line, '\n', len - at);
		size_t n = end ? (size_t)(end - line) : len - at;
		bool is_old = false;
		// A rebuild of the old version ("1.0-1+b1") has no entry here.
		if (begins_entry(line, n, old_version, &is_old) &&
		    (is_old || (!old_version && entries++)))
			return NULL;
		for (size_t i = 0; !err && i < n; i++) {
			size_t found = cve_at(line + i, n - i);
			if (found)
				err = add_cve(package, line + i, found);
		}
		at += n + 1;
	}
	return err;
}

struct graft_error *
graft_package_read_history(struct graft_package *package)
{
	static const char *const changelogs[] = { "changelog.Debian.gz",
						  "changelog.gz" };
	int len = (int)strcspn(package->name, ":");
	struct graft_error *err = NULL;
	size_t size;

	for (size_t i = 0; !err && !package->old_version && i < 2; i++) {
		GRAFT_FREE char *text = NULL;
		err = read_text(logs[i], &text, &size);
		if (!err && text)
			err = graft_package_old_version(
				text, size, package->name, package->version,
				&package->old_version);
	}
	for (size_t i = 0; !err && i < 2; i++) {
		GRAFT_FREE char *text = NULL;
		char path[512];
		(void)snprintf(path, sizeof(path), "/usr/share/doc/%.*s/%s",
			       len, package->name, changelogs[i]);
		err = read_text(path, &text, &size);
		if (!err && text)
			return graft_package_find_cves(
				text, size, package->old_version, package);
	}
	return err;
}
