// SPDX-License-Identifier: Apache-2.0

#include "agent/marks.h"

#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MARKS_MAX = 4096,
	EVENTS = 64,
};

struct file {
	dev_t dev;
	ino_t inode;
};

struct graft_marks {
	int fd;
	struct file *files;
	size_t count;
	size_t room;
};

struct graft_error *
graft_marks_open(struct graft_marks **ret)
{
	GRAFT_CLEANUP(graft_marks_freep)
	struct graft_marks *marks = calloc(1, sizeof(*marks));

	if (!marks)
		return graft_error_no_memory();
	// Who has a lease on a file (fcntl(2)) must not keep us waiting.
	marks->fd = fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | FAN_CLASS_NOTIF,
				  O_RDONLY | O_NONBLOCK | O_CLOEXEC |
					  O_LARGEFILE);
	if (marks->fd < 0)
		return graft_error_os(errno, "fanotify_init");
	*ret = GRAFT_TAKE(marks);
	return NULL;
}

void
graft_marks_free(struct graft_marks *marks)
{
	if (!marks)
		return;
	if (marks->fd >= 0)
		(void)close(marks->fd);
	free(marks->files);
	free(marks);
}

int
graft_marks_fd(const struct graft_marks *marks)
{
	return marks->fd;
}

size_t
graft_marks_count(const struct graft_marks *marks)
{
	return marks->count;
}

struct graft_error *
graft_marks_add(struct graft_marks *marks, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return NULL;
	for (size_t i = 0; i < marks->count; i++) {
		if (marks->files[i].dev == st.st_dev &&
		    marks->files[i].inode == st.st_ino)
			return NULL;
	}
	struct graft_error *err = graft_vec_reserve(&marks->files, &marks->room,
						    marks->count + 1,
						    sizeof(*marks->files));
	if (err)
		return err;
	// Most are of containers that are gone; the others come again with a look at all,
	// which finds what we are not told of.
	if (marks->count == MARKS_MAX) {
		(void)fanotify_mark(marks->fd, FAN_MARK_FLUSH, 0, AT_FDCWD,
				    NULL);
		marks->count = 0;
	}
	if (fanotify_mark(marks->fd, FAN_MARK_ADD, FAN_OPEN, fd, NULL) == 0)
		marks->files[marks->count++] =
			(struct file){ .dev = st.st_dev, .inode = st.st_ino };
	return NULL;
}

struct graft_error *
graft_marks_take(struct graft_marks *marks, graft_marks_fn *fn, void *arg,
		 bool *lost_ret)
{
	struct fanotify_event_metadata events[EVENTS];

	*lost_ret = false;
	for (;;) {
		ssize_t len = read(marks->fd, events, sizeof(events));
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return NULL;
		if (len < 0)
			return graft_error_os(errno, "read events of files");
		const struct fanotify_event_metadata *at = events;
		for (; FAN_EVENT_OK(at, len); at = FAN_EVENT_NEXT(at, len)) {
			if (at->vers != FANOTIFY_METADATA_VERSION)
				return graft_error_new(
					GRAFT_ERROR_UNSUPPORTED,
					"events of files in another format");
			*lost_ret |= (at->mask & FAN_Q_OVERFLOW) != 0;
			if (at->pid > 0 && at->pid != getpid() && at->fd >= 0)
				fn(arg, at->pid, at->fd);
			if (at->fd >= 0)
				(void)close(at->fd);
		}
	}
}
