// SPDX-License-Identifier: Apache-2.0

#include "trust/secrets.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/ui.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum {
	/** Bytes of all lines. */
	BYTES_MAX = 64 * 1024,
	OTHERS = 077,
};

struct graft_secrets {
	/** NULL: the terminal is asked. */
	char *bytes;
	size_t len;
	size_t at;
	/** There is one line only, which serves all. */
	bool single;
};

void
graft_secrets_wipe(char (*secret)[GRAFT_SECRET_LEN])
{
	OPENSSL_cleanse(*secret, sizeof(*secret));
}

void
graft_secrets_close(struct graft_secrets *secrets)
{
	if (!secrets)
		return;
	if (secrets->bytes)
		OPENSSL_cleanse(secrets->bytes, BYTES_MAX + 1);
	free(secrets->bytes);
	free(secrets);
}

struct graft_error *
graft_secrets_open_file(const char *path, int *fd_ret)
{
	struct stat st;
	GRAFT_CLOSE int fd = -1;
	struct graft_error *err = graft_file_open_regular(path, 0, &fd);

	if (err)
		return err;
	if (fstat(fd, &st) < 0)
		return graft_error_os(errno, "stat %s", path);
	if (st.st_mode & OTHERS)
		return graft_error_new(GRAFT_ERROR_NOT_PERMITTED,
				       "%s: others may read or write it (mode "
				       "%04o): chmod 600, and think about who "
				       "did",
				       path, st.st_mode & 07777U);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return graft_error_new(GRAFT_ERROR_NOT_PERMITTED,
				       "%s: it belongs to user %u", path,
				       st.st_uid);
	*fd_ret = fd;
	fd = -1;
	return NULL;
}

/** Read all of a descriptor into the buffer. Not through stdio, which keeps copies. */
GRAFT_MUST_CHECK static struct graft_error *
fill(struct graft_secrets *secrets, int fd)
{
	secrets->bytes = malloc(BYTES_MAX + 1);
	if (!secrets->bytes)
		return graft_error_no_memory();
	while (secrets->len < BYTES_MAX + 1) {
		ssize_t n = read(fd, secrets->bytes + secrets->len,
				 BYTES_MAX + 1 - secrets->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return graft_error_os(errno, "read passphrases");
		if (n == 0)
			break;
		secrets->len += (size_t)n;
	}
	if (secrets->len > BYTES_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %d bytes of passphrases",
				       BYTES_MAX);
	if (memchr(secrets->bytes, '\0', secrets->len))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "a NUL is in no passphrase");
	const char *end = memchr(secrets->bytes, '\n', secrets->len);
	secrets->single = !end || end == secrets->bytes + secrets->len - 1;
	return NULL;
}

/** Make sure that no copy of what this process knows is left on disk or taken. */
GRAFT_MUST_CHECK static struct graft_error *
close_ourselves(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return graft_error_os(errno, "forbid core dumps");
	return NULL;
}

struct graft_error *
graft_secrets_open(const char *file, int fd, struct graft_secrets **ret)
{
	GRAFT_CLOSE int own = -1;
	GRAFT_CLEANUP(graft_secrets_closep)
	struct graft_secrets *secrets = calloc(1, sizeof(*secrets));
	if (!secrets)
		return graft_error_no_memory();

	struct graft_error *err = close_ourselves();
	if (!err && file)
		err = graft_secrets_open_file(file, &own);
	if (!err && (file || fd >= 0))
		err = fill(secrets, file ? own : fd);
	if (err)
		return err;
	*ret = GRAFT_TAKE(secrets);
	return NULL;
}

/** Ask on the terminal, without an echo. */
GRAFT_MUST_CHECK static struct graft_error *
ask(const char *what, char ret[GRAFT_SECRET_LEN])
{
	GRAFT_FREE char *question = NULL;
	// Without this, libcrypto would read standard input.
	GRAFT_CLOSE int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);

	if (terminal < 0)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s: its passphrase is needed, and "
				       "there is no terminal: "
				       "--passphrase-file FILE",
				       what);
	if (asprintf(&question, "Passphrase of %s: ", what) < 0) {
		question = NULL;
		return graft_error_no_memory();
	}
	if (UI_UTIL_read_pw_string(ret, GRAFT_SECRET_LEN - 1, question, 0) != 0)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s: no passphrase was given", what);
	return NULL;
}

struct graft_error *
graft_secrets_next(struct graft_secrets *secrets, const char *what,
		   char ret[GRAFT_SECRET_LEN])
{
	if (!secrets->bytes)
		return ask(what, ret);
	if (secrets->single)
		secrets->at = 0;
	if (secrets->at >= secrets->len)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s: there is no line with its "
				       "passphrase",
				       what);
	const char *line = secrets->bytes + secrets->at;
	const size_t left = secrets->len - secrets->at;
	const char *end = memchr(line, '\n', left);
	const size_t len = end ? (size_t)(end - line) : left;
	if (len >= GRAFT_SECRET_LEN)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s: a passphrase of more than %d bytes",
				       what, GRAFT_SECRET_LEN - 1);
	memcpy(ret, line, len);
	ret[len] = '\0';
	secrets->at += len + 1;
	return NULL;
}
