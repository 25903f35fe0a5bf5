// SPDX-License-Identifier: Apache-2.0

#include "persist/installed.h"

#include "base/file.h"
#include "base/text.h"
#include "host/ask.h"
#include "patch/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

enum {
	ASK_LIMIT_US = 30 * 1000 * 1000,
	INFO_MAX = 64 << 20,
};

struct graft_installed {
	char *root;
	int root_fd;
	char *package;
	char *architecture;
	char *version;
	char state[4];
	/** dpkg's list of diversions, NUL-terminated; NULL: there are none. */
	char *diversions;
};

void
graft_installed_free(struct graft_installed *installed)
{
	if (!installed)
		return;
	free(installed->root);
	free(installed->package);
	free(installed->architecture);
	free(installed->version);
	free(installed->diversions);
	if (installed->root_fd >= 0)
		(void)close(installed->root_fd);
	free(installed);
}

/** Read a file of dpkg's. */
static struct graft_error *
read_admin(const char *root, const char *name, char **ret, size_t *len_ret)
{
	GRAFT_FREE char *path = NULL;

	if (asprintf(&path, "%s/var/lib/dpkg/%s", root, name) < 0) {
		path = NULL;
		return graft_error_no_memory();
	}
	return graft_file_read(path, INFO_MAX, (uint8_t **)ret, len_ret);
}

/** Ask dpkg-query of the package; the answer is NULL where there is no dpkg. */
static struct graft_error *
ask(const struct graft_installed *installed, const char *what,
    const char *format, char **ret)
{
	GRAFT_FREE char *admin = NULL;
	GRAFT_FREE char *name = NULL;
	size_t len;

	if (asprintf(&admin, "--admindir=%s/var/lib/dpkg", installed->root) <
	    0) {
		admin = NULL;
		return graft_error_no_memory();
	}
	if (asprintf(&name, "%s:%s", installed->package,
		     installed->architecture) < 0) {
		name = NULL;
		return graft_error_no_memory();
	}
	char *const argv[] = {
		(char *)"dpkg-query", admin,
		(char *)what,         format ? (char *)format : name,
		format ? name : NULL, NULL
	};
	return graft_ask(argv, ASK_LIMIT_US, ret, &len);
}

static struct graft_error *
ask_state(struct graft_installed *installed)
{
	static const char format[] = "-f${db:Status-Abbrev}|${Version}|\n";
	GRAFT_FREE char *text = NULL;

	struct graft_error *err = ask(installed, "-W", format, &text);
	if (err)
		return err;
	if (!text)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "there is no dpkg on this host");
	// "ii |1.0-1|": wanted, state, error; a version may be missing while dpkg works.
	if (strlen(text) < 4 || strchr("nc", text[1]))
		return graft_error_new(
			GRAFT_ERROR_NOT_FOUND, "%s:%s is not installed",
			installed->package, installed->architecture);
	(void)snprintf(installed->state, sizeof(installed->state), "%.3s",
		       text);
	installed->version = strndup(text + 4, strcspn(text + 4, "|\n"));
	return installed->version ? NULL : graft_error_no_memory();
}

struct graft_error *
graft_installed_open(const char *root, const char *package,
		     const char *architecture, struct graft_installed **ret)
{
	GRAFT_CLEANUP(graft_installed_freep)
	struct graft_installed *installed = calloc(1, sizeof(*installed));
	size_t len;

	if (!installed)
		return graft_error_no_memory();
	installed->root_fd = -1;
	installed->root = strdup(root);
	installed->package = strdup(package);
	installed->architecture = strdup(architecture);
	if (!installed->root || !installed->package || !installed->architecture)
		return graft_error_no_memory();
	installed->root_fd = open(*root ? root : "/",
				  O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (installed->root_fd < 0)
		return graft_error_os(errno, "open %s", *root ? root : "/");
	struct graft_error *err = ask_state(installed);
	if (err)
		return err;
	err = read_admin(root, "diversions", &installed->diversions, &len);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		err = NULL;
	}
	if (err)
		return err;
	*ret = GRAFT_TAKE(installed);
	return NULL;
}

const char *
graft_installed_version(const struct graft_installed *installed)
{
	return installed->version;
}

const char *
graft_installed_state(const struct graft_installed *installed)
{
	return installed->state;
}

bool
graft_installed_is_whole(const struct graft_installed *installed)
{
	// Wanted or on hold; installed; no error.
	return strchr("ih", installed->state[0]) &&
	       installed->state[1] == 'i' && installed->state[2] == ' ';
}

struct graft_error *
graft_installed_read_info(const struct graft_installed *installed,
			  const char *name, uint8_t **ret, size_t *len_ret)
{
	char file[1024];

	// Of packages of which several architectures may be there.
	(void)snprintf(file, sizeof(file), "info/%s:%s.%s", installed->package,
		       installed->architecture, name);
	struct graft_error *err = read_admin(installed->root, file,
					     (char **)ret, len_ret);
	if (!err || graft_error_code(err) != GRAFT_ERROR_NOT_FOUND)
		return err;
	graft_error_free(err);
	(void)snprintf(file, sizeof(file), "info/%s.%s", installed->package,
		       name);
	return read_admin(installed->root, file, (char **)ret, len_ret);
}

struct graft_error *
graft_installed_make_control(const struct graft_installed *installed,
			     char **ret)
{
	static const char *const dropped[] = {
		"Status:", "Conffiles:", "Config-Version:", "Triggers-Pending:",
		"Triggers-Awaited:"
	};
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	GRAFT_FREE char *text = NULL;
	bool drop = false;

	struct graft_error *err = ask(installed, "-s", NULL, &text);
	if (err)
		return err;
	for (char *line = text; line && *line && *line != '\n';) {
		size_t len = strcspn(line, "\n");
		// What goes on with a space belongs to the field before it.
		if (*line != ' ') {
			drop = false;
			for (size_t i = 0;
			     i < sizeof(dropped) / sizeof(*dropped); i++)
				drop |= strncmp(line, dropped[i],
						strlen(dropped[i])) == 0;
		}
		if (!drop) {
			graft_text_put_bytes(&out, line, len);
			graft_text_put(&out, "\n");
		}
		line += len + (line[len] == '\n');
	}
	if (out.len == 0)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "dpkg knows nothing of %s",
				       installed->package);
	return graft_text_take(&out, ret);
}

/**
 * Find where a path of the package lies: another package may have had it diverted.
 *
 * @param[out] len_ret Length of the result.
 * @return Borrowed, absolute; NULL: where it is said to be.
 */
static const char *
diverted(const struct graft_installed *installed, const char *path,
	 size_t *len_ret)
{
	const size_t path_len = strlen(path);
	const size_t package_len = strlen(installed->package);

	// Three lines each: from, to, and the package that did it.
	for (const char *from = installed->diversions; from && *from;) {
		const char *to = strchr(from, '\n');
		const char *by = to ? strchr(to + 1, '\n') : NULL;
		const char *end = by ? strchr(by + 1, '\n') : NULL;
		if (!end)
			return NULL;
		bool ours = (size_t)(end - by - 1) == package_len &&
			    strncmp(by + 1, installed->package, package_len) ==
				    0;
		if (!ours && from[0] == '/' &&
		    (size_t)(to - from - 1) == path_len &&
		    strncmp(from + 1, path, path_len) == 0) {
			*len_ret = (size_t)(by - to - 1);
			return to + 1;
		}
		from = end + 1;
	}
	return NULL;
}

struct graft_error *
graft_installed_find(const struct graft_installed *installed, const char *path,
		     int *fd_ret, struct stat *st_ret)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT,
	};
	GRAFT_FREE char *elsewhere = NULL;
	size_t len;
	const char *to = diverted(installed, path, &len);

	if (to) {
		elsewhere = strndup(to, len);
		if (!elsewhere)
			return graft_error_no_memory();
		path = elsewhere;
	}
	GRAFT_CLOSE int fd = (int)syscall(SYS_openat2, installed->root_fd, path,
					  &how, sizeof(how));
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s: no such file", path);
	if (fd < 0 || fstat(fd, st_ret) < 0)
		return graft_error_os(errno, "open %s", path);
	*fd_ret = fd;
	fd = -1;
	return NULL;
}

struct graft_error *
graft_installed_read(const struct graft_installed *installed, const char *path,
		     uint8_t **ret, size_t *len_ret)
{
	GRAFT_CLOSE int path_fd = -1;
	GRAFT_CLOSE int fd = -1;
	struct stat st;

	struct graft_error *err = graft_installed_find(installed, path,
						       &path_fd, &st);
	if (err)
		return err;
	err = graft_file_open_plain(path_fd, &fd);
	if (!err)
		err = graft_file_read_fd(fd, GRAFT_PATCH_DISK_FILE_MAX, ret,
					 len_ret);
	return err ? graft_error_prefix(err, "%s", path) : NULL;
}
