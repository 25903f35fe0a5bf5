// SPDX-License-Identifier: Apache-2.0

#include "agent/hold.h"

#include "agent/holding.h"
#include "base/clock.h"
#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	FILES_MAX = 1024,
	/** The first wait before it is started anew; twice as long each time, and at most. */
	AGAIN_S = 1,
	AGAIN_MAX_S = 300,
	/** What <linux/magic.h> lacks. */
	MAGIC_XFS = 0x58465342,
	MAGIC_ZFS = 0x2fc12fc1,
	MAGIC_BCACHEFS = (int)0xca451a4e,
	MAGIC_EROFS = (int)0xe0f5e1e2,
	MAGIC_F2FS = (int)0xf2f52010,
	MAGIC_BTRFS = (int)0x9123683e,
};

/** A file that is marked; its change tells it from one that had its inode before. */
struct file {
	dev_t dev;
	ino_t inode;
	struct timespec ctime;
	/** The holder knows it. */
	bool marked;
};

struct graft_hold {
	const struct graft_agent_scope *scope;
	const char *tool;
	pid_t pid;
	/** One that has ended and is to be waited for; 0: none. */
	pid_t ended;
	/** -1: it has ended. */
	int fd;
	uint64_t due_us;
	/** Seconds before it is started anew, if it ends. */
	uint64_t again_s;
	struct file *files;
	size_t count;
	size_t room;
};

/** See that the kernel asks before a file is opened: of one that nobody else has. */
GRAFT_MUST_CHECK static struct graft_error *
try_kernel(void)
{
	GRAFT_CLOSE int file = memfd_create("graftd", MFD_CLOEXEC);
	GRAFT_CLOSE int group = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC |
						      FAN_REPORT_TID,
					      O_RDONLY | O_CLOEXEC);

	if (group < 0)
		return graft_error_os(errno, "fanotify_init");
	if (fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN_PERM, file, NULL) < 0)
		return graft_error_os(
			errno,
			"the kernel does not ask before files are opened");
	return NULL;
}

/** Become the holder. Nothing of the worker's stays open. */
_Noreturn static void
be_holder(const struct graft_hold *hold, int fd, pid_t worker)
{
	const struct graft_holder_options options = {
		.scope = hold->scope,
		.tool = hold->tool,
		.fd = STDERR_FILENO + 1,
		.worker = worker,
	};

	if (dup2(fd, options.fd) < 0 ||
	    close_range((unsigned)options.fd + 1, ~0U, 0) != 0)
		_exit(1);
	_exit(graft_holder_run(&options));
}

/** The holder knows no file any more. */
static void
forget_marks(struct graft_hold *hold)
{
	for (size_t i = 0; i < hold->count; i++)
		hold->files[i].marked = false;
}

GRAFT_MUST_CHECK static struct graft_error *
start(struct graft_hold *hold)
{
	pid_t worker = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return graft_error_os(errno, "socketpair");
	pid_t pid = fork();
	if (pid == 0)
		be_holder(hold, ends[1], worker);
	int number = errno;
	(void)close(ends[1]);
	if (pid < 0) {
		(void)close(ends[0]);
		return graft_error_os(number, "fork");
	}
	hold->pid = pid;
	hold->fd = ends[0];
	hold->due_us = UINT64_MAX;
	forget_marks(hold);
	return NULL;
}

struct graft_error *
graft_hold_new(const struct graft_agent_scope *scope, const char *tool,
	       struct graft_hold **ret)
{
	GRAFT_CLEANUP(graft_hold_freep)
	struct graft_hold *hold = calloc(1, sizeof(*hold));

	if (!hold)
		return graft_error_no_memory();
	*hold = (struct graft_hold){
		.scope = scope, .tool = tool, .fd = -1, .again_s = AGAIN_S
	};
	struct graft_error *err = try_kernel();
	if (!err)
		err = start(hold);
	if (err)
		return err;
	*ret = GRAFT_TAKE(hold);
	return NULL;
}

/** Forget a holder, which ends if it has not. */
static void
end(struct graft_hold *hold)
{
	if (hold->fd >= 0)
		(void)close(hold->fd);
	hold->fd = -1;
	if (hold->pid <= 0)
		return;
	(void)kill(hold->pid, SIGKILL);
	hold->ended = hold->pid;
	hold->pid = 0;
}

void
graft_hold_free(struct graft_hold *hold)
{
	if (!hold)
		return;
	end(hold);
	free(hold->files);
	free(hold);
}

int
graft_hold_fd(const struct graft_hold *hold)
{
	return hold->fd;
}

uint64_t
graft_hold_due_us(const struct graft_hold *hold)
{
	return hold->due_us;
}

/**
 * Say whether only root decides about a file: its owner may hold up who opens it
 * (fcntl(2), F_SETLEASE).
 */
static bool
is_of_root(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == 0;
}

/** Say whether a file system answers an open by itself, without asking a server. */
static bool
is_of_kernel(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	switch ((int)fs.f_type) {
	case EXT4_SUPER_MAGIC:
	case TMPFS_MAGIC:
	case OVERLAYFS_SUPER_MAGIC:
	case SQUASHFS_MAGIC:
	case MAGIC_XFS:
	case MAGIC_ZFS:
	case MAGIC_BCACHEFS:
	case MAGIC_EROFS:
	case MAGIC_F2FS:
	case MAGIC_BTRFS:
		return true;
	default:
		return false;
	}
}

/**
 * Say whether a thread sees mounts that were made with the rights of our user namespace. In
 * others any user may mount: an overlay over a file system of his own is one too.
 */
static bool
has_our_mounts(pid_t tid)
{
	char path[32];
	struct stat ours;
	struct stat theirs;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)tid);
	GRAFT_CLOSE int mounts = open(path, O_RDONLY | O_CLOEXEC);
	GRAFT_CLOSE int owner = mounts < 0 ? -1 : ioctl(mounts, NS_GET_USERNS);
	return owner >= 0 && fstat(owner, &theirs) == 0 &&
	       stat("/proc/self/ns/user", &ours) == 0 &&
	       ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

/** Find a file by what stat(2) says of it, or NULL. */
static struct file *
find_file(struct graft_hold *hold, const struct stat *st)
{
	for (size_t i = 0; i < hold->count; i++) {
		struct file *file = &hold->files[i];
		if (file->dev == st->st_dev && file->inode == st->st_ino &&
		    file->ctime.tv_sec == st->st_ctim.tv_sec &&
		    file->ctime.tv_nsec == st->st_ctim.tv_nsec)
			return file;
	}
	return NULL;
}

/** Tell the holder of a file. What it does not take now it is told again. */
static void
tell(struct graft_hold *hold, struct file *file, int fd)
{
	const struct graft_holding message = { .kind = GRAFT_HOLDING_MARK };

	if (hold->fd >= 0 && !file->marked)
		file->marked = graft_holding_send(hold->fd, &message, fd);
}

struct graft_error *
graft_hold_mark(struct graft_hold *hold, int fd, pid_t tid)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return NULL;
	struct file *file = find_file(hold, &st);
	if (!file && is_of_root(&st) && is_of_kernel(fd) &&
	    has_our_mounts(tid)) {
		// Most are of containers that are gone; the others come again.
		if (hold->count == FILES_MAX) {
			graft_hold_flush(hold);
			hold->count = 0;
		}
		struct graft_error *err = graft_vec_reserve(
			&hold->files, &hold->room, hold->count + 1,
			sizeof(*hold->files));
		if (err)
			return err;
		file = &hold->files[hold->count++];
		*file = (struct file){ .dev = st.st_dev,
				       .inode = st.st_ino,
				       .ctime = st.st_ctim };
	}
	if (file)
		tell(hold, file, fd);
	return NULL;
}

void
graft_hold_mark_again(struct graft_hold *hold, int fd)
{
	struct stat st;
	struct file *file = fstat(fd, &st) < 0 ? NULL : find_file(hold, &st);

	if (file)
		tell(hold, file, fd);
}

void
graft_hold_flush(struct graft_hold *hold)
{
	const struct graft_holding message = { .kind = GRAFT_HOLDING_FLUSH };

	forget_marks(hold);
	// One that does not listen holds nobody if it is no more.
	if (hold->fd >= 0 && !graft_holding_send(hold->fd, &message, -1))
		(void)kill(hold->pid, SIGKILL);
}

void
graft_hold_done(struct graft_hold *hold, pid_t pid)
{
	const struct graft_holding message = { .kind = GRAFT_HOLDING_DONE,
					       .pid = pid };

	if (hold->fd >= 0)
		(void)graft_holding_send(hold->fd, &message, -1);
}

void
graft_hold_take(struct graft_hold *hold, graft_hold_fn *fn, void *arg,
		bool *ended_ret, bool *begun_ret)
{
	struct graft_holding message;
	bool ended = false;
	int file;

	*ended_ret = *begun_ret = false;
	if (hold->ended && waitpid(hold->ended, NULL, WNOHANG) != 0)
		hold->ended = 0;
	while (hold->fd >= 0 && !ended &&
	       graft_holding_take(hold->fd, &message, &file, &ended)) {
		if (file >= 0)
			(void)close(file);
		if (message.kind == GRAFT_HOLDING_LOADS ||
		    message.kind == GRAFT_HOLDING_SLEEPS)
			fn(arg, message.pid,
			   message.kind == GRAFT_HOLDING_SLEEPS);
	}
	if (ended) {
		end(hold);
		hold->due_us = graft_clock_monotonic_us() +
			       hold->again_s * 1000000;
		hold->again_s = hold->again_s * 2 < AGAIN_MAX_S
					? hold->again_s * 2
					: AGAIN_MAX_S;
		*ended_ret = true;
	}
	if (graft_clock_monotonic_us() < hold->due_us)
		return;
	struct graft_error *err = start(hold);
	*begun_ret = !err;
	if (err)
		hold->due_us = graft_clock_monotonic_us() +
			       (uint64_t)AGAIN_MAX_S * 1000000;
	graft_error_free(err);
}
