// SPDX-License-Identifier: Apache-2.0

#include "persist/dpkg.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"
#include "persist/hidden.h"
#include "persist/policy.h"
#include "persist/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum {
	LOOK_AGAIN_US = 200 * 1000,
	NAME_LEN = 64,
};

/** Who holds a lock: its number and name, for people. */
static void
name_holder(pid_t pid, struct graft_text *out)
{
	char path[64];
	GRAFT_FREE uint8_t *name = NULL;
	size_t len;

	if (pid <= 0) {
		graft_text_put(out, "a process of another namespace");
		return;
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	graft_text_printf(out, "process %d", (int)pid);
	struct graft_error *err = graft_file_read(path, NAME_LEN, &name, &len);
	graft_error_free(err);
	if (!name)
		return;
	name[strcspn((char *)name, "\n")] = '\0';
	graft_text_put(out, " (");
	graft_text_put_safe(out, (char *)name);
	graft_text_put(out, ")");
}

/**
 * Take a lock of dpkg's, or see that nobody has it.
 *
 * @param[in] take Take it.
 * @param[out] holder_ret Who has it; -1: nobody.
 */
static struct graft_error *
try_lock(int fd, bool take, pid_t *holder_ret)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	*holder_ret = -1;
	if (take && fcntl(fd, F_SETLK, &lock) == 0)
		return NULL;
	if (take && errno != EACCES && errno != EAGAIN)
		return graft_error_os(errno, "lock dpkg's database");
	if (fcntl(fd, F_GETLK, &lock) < 0)
		return graft_error_os(errno, "lock dpkg's database");
	if (lock.l_type != F_UNLCK)
		*holder_ret = lock.l_pid > 0 ? lock.l_pid : 0;
	else if (take)
		// It was given back meanwhile: the next look gets it.
		*holder_ret = 0;
	return NULL;
}

/** Open a lock file and wait for it. */
static struct graft_error *
wait_for(const char *root, const char *name, bool take, uint64_t end_us,
	 int *fd_ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text who = { 0 };
	GRAFT_FREE char *path = NULL;
	pid_t holder;

	if (asprintf(&path, "%s/var/lib/dpkg/%s", root, name) < 0) {
		path = NULL;
		return graft_error_no_memory();
	}
	GRAFT_CLOSE int fd =
		open(path, O_RDWR | O_CLOEXEC | (take ? O_CREAT : 0), 0640);
	if (fd < 0 && !take && errno == ENOENT)
		return NULL;
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return graft_error_new(GRAFT_ERROR_NOT_PERMITTED,
				       "%s: only root may write to dpkg's "
				       "database (CAP_DAC_OVERRIDE)",
				       path);
	if (fd < 0)
		return graft_error_os(errno, "open %s", path);
	for (;;) {
		struct graft_error *err = try_lock(fd, take, &holder);
		if (err)
			return err;
		if (holder < 0)
			break;
		if (graft_clock_monotonic_us() >= end_us) {
			name_holder(holder, &who);
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"dpkg is locked: %s holds %s; --wait gives it "
				"time to end",
				graft_text_str(&who), path);
		}
		graft_clock_sleep_us(LOOK_AGAIN_US);
	}
	if (fd_ret) {
		*fd_ret = fd;
		fd = -1;
	}
	return NULL;
}

struct graft_error *
graft_dpkg_lock(const char *root, uint64_t wait_us, struct graft_dpkg_lock *ret)
{
	const uint64_t end_us = graft_clock_monotonic_us() + wait_us;
	GRAFT_CLEANUP(graft_dpkg_unlock)
	struct graft_dpkg_lock lock = { .fd = -1 };

	// apt and others hold the first for long, dpkg the second while it works.
	struct graft_error *err = wait_for(root, "lock-frontend", true, end_us,
					   &lock.fd);
	if (!err)
		err = wait_for(root, "lock", false, end_us, NULL);
	if (err)
		return err;
	*ret = lock;
	lock.fd = -1;
	return NULL;
}

void
graft_dpkg_unlock(struct graft_dpkg_lock *lock)
{
	if (lock->fd >= 0)
		(void)close(lock->fd);
	lock->fd = -1;
}

/** Run dpkg with its output in a file. */
static struct graft_error *
run(char *const *argv, const char *log, int *status_ret)
{
	static const char *const environment[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C.UTF-8",
		"HOME=/root",
		"DEBIAN_FRONTEND=noninteractive",
		"DEBCONF_NONINTERACTIVE_SEEN=true",
		// The lock of frontends is ours.
		"DPKG_FRONTEND_LOCKED=true",
		GRAFT_POLICY_VARIABLE "=1",
		NULL,
	};
	GRAFT_CLOSE int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
				  0600);

	return fd < 0 ? graft_error_os(errno, "open %s", log)
		      : graft_run_to((const char *const *)argv, environment, fd,
				     status_ret);
}

/** What dpkg takes as a pattern, of a path that is to mean itself. */
static void
put_pattern(struct graft_text *out, const char *path)
{
	graft_text_put(out, "--path-exclude=/");
	for (const char *at = path; *at; at++) {
		if (strchr("*?[]\\", *at))
			graft_text_put(out, "\\");
		graft_text_put_bytes(out, at, 1);
	}
}

/** Words of a command line. */
struct words {
	char **items;
	size_t count;
	size_t cap;
};

static void
words_deinit(struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->items[i]);
	free(words->items);
}

/** Add a word; it is taken. The last is followed by NULL. */
static struct graft_error *
take_word(struct words *words, char *word)
{
	GRAFT_FREE char *taken = word;

	if (!taken)
		return graft_error_no_memory();
	struct graft_error *err = graft_vec_reserve(&words->items, &words->cap,
						    words->count + 2,
						    sizeof(*words->items));
	if (err)
		return err;
	words->items[words->count++] = GRAFT_TAKE(taken);
	words->items[words->count] = NULL;
	return NULL;
}

static struct graft_error *
add_word(struct words *words, const char *word)
{
	return take_word(words, strdup(word));
}

/** Add what is to be left out. */
static struct graft_error *
add_hidden(struct words *words, const struct graft_hidden *hidden)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < hidden->count; i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
		char *word = NULL;
		put_pattern(&text, hidden->paths[i]);
		err = graft_text_take(&text, &word);
		if (!err)
			err = take_word(words, word);
	}
	return err;
}

/** Make the command line. */
static struct graft_error *
make_words(const struct graft_dpkg_run *what, struct words *words)
{
	static const char *const fixed[] = {
		"dpkg",
		"--force-confdef",
		"--force-confold",
		"--force-downgrade",
		"--no-debsig",
		"--no-pager",
	};
	struct graft_error *err = NULL;
	char *root = NULL;

	for (size_t i = 0; !err && i < sizeof(fixed) / sizeof(*fixed); i++)
		err = add_word(words, fixed[i]);
	// A new one may break an old one whose turn comes later. That it breaks nobody
	// else was asked before (persist/before.h).
	if (!err && what->several)
		err = add_word(words, "--auto-deconfigure");
	if (!err)
		err = add_hidden(words, what->hidden);
	if (!err && *what->root)
		err = asprintf(&root, "--root=%s", what->root) < 0
			      ? graft_error_no_memory()
			      : take_word(words, root);
	if (!err)
		err = add_word(words, "-i");
	for (size_t i = 0; !err && i < what->count; i++)
		err = add_word(words, what->debs[i]);
	return err;
}

struct graft_error *
graft_dpkg_install(const struct graft_dpkg_run *what)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text why = { 0 };
	GRAFT_CLEANUP(words_deinit) struct words words = { 0 };
	int status = 0;

	struct graft_error *err = make_words(what, &words);
	if (!err)
		err = graft_policy_put(what->root);
	if (!err)
		err = graft_fault("disk-dpkg");
	if (!err)
		err = run(words.items, what->log, &status);
	if (!err)
		err = graft_fault("disk-dpkg-done");
	if (err)
		return err;
	err = graft_policy_remove(what->root);
	if (err)
		return err;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return NULL;
	graft_run_put_tail(what->log, &why);
	return graft_error_new(GRAFT_ERROR_REFUSED,
			       "dpkg ended with status %d: %s",
			       WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status),
			       graft_text_str(&why));
}
