// SPDX-License-Identifier: Apache-2.0

#include "proc/status.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	/** Longest stat, status or limits file that is looked at. */
	TEXT_MAX = 8192,
	/** PF_KTHREAD of the kernel's sched.h; the same since 2.6.27. */
	FLAG_KERNEL_THREAD = 0x00200000,
	/** PF_IO_WORKER, since Linux 5.12, and PF_USER_WORKER, since 6.4. */
	FLAG_IO_WORKER = 0x00000010,
	FLAG_USER_WORKER = 0x00004000,
	/** Fields of a stat file, as proc(5) counts them. */
	FIELD_PARENT = 4,
	FIELD_SESSION = 6,
	FIELD_FLAGS = 9,
	FIELD_START = 22,
};

ssize_t
graft_proc_slurp(char *buf, size_t size, const char *fmt, ...)
{
	char path[64];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;

	GRAFT_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	size_t len = 0;
	while (len + 1 < size) {
		ssize_t got = read(fd, buf + len, size - 1 - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		len += (size_t)got;
		// The kernel shows such a file whole, if there is room for it: what
		// is shorter has ended.
		if (len + 1 < size)
			break;
	}
	buf[len] = '\0';
	return (ssize_t)len;
}

/**
 * Is this a worker that the kernel made in a process? Its flag says so, and the name that
 * the kernel gave it: older kernels have other meanings for the flag.
 */
static bool
is_worker(const char *text, unsigned flags)
{
	const char *name = strchr(text, '(');

	return name && ((flags & FLAG_IO_WORKER &&
			 strncmp(name, "(iou-", strlen("(iou-")) == 0) ||
			(flags & FLAG_USER_WORKER &&
			 strncmp(name, "(vhost-", strlen("(vhost-")) == 0));
}

/** Take the numbers of a stat file from the one behind the state on. */
static bool
take_fields(const char *at, uint64_t fields[FIELD_START + 1])
{
	for (size_t i = FIELD_PARENT; i <= FIELD_START; i++) {
		char *end;
		at += strspn(at, " ");
		bool negative = *at == '-';
		if (!isdigit((unsigned char)at[negative]))
			return false;
		fields[i] = strtoull(at, &end, 10);
		at = end;
	}
	return true;
}

bool
graft_proc_stat_parse(const char *text, struct graft_proc_status *status)
{
	// The name may itself hold ')': what matters follows the last one.
	const char *at = strrchr(text, ')');
	uint64_t fields[FIELD_START + 1];

	if (!at)
		return false;
	at += 1 + strspn(at + 1, " ");
	char state = *at;
	if (!isascii(state) || !isalpha(state) || !take_fields(at + 1, fields))
		return false;
	status->state = state;
	status->parent = (pid_t)fields[FIELD_PARENT];
	status->session = (pid_t)fields[FIELD_SESSION];
	status->kernel = fields[FIELD_FLAGS] & FLAG_KERNEL_THREAD;
	status->worker = is_worker(text, (unsigned)fields[FIELD_FLAGS]);
	status->start_ticks = fields[FIELD_START];
	return true;
}

/** Take a field that is one number; others are left. */
static void
take_number(const char *name, size_t len, uint64_t number,
	    struct graft_proc_status *status)
{
	static const char *const names[] = {
		"Tgid",   "TracerPid",       "Threads",    "Seccomp",
		"VmSize", "Seccomp_filters", "NoNewPrivs", "VmLck",
	};
	size_t i = 0;

	while (i < sizeof(names) / sizeof(*names) &&
	       (strlen(names[i]) != len || memcmp(names[i], name, len) != 0))
		i++;
	switch (i) {
	case 0:
		status->tgid = (pid_t)number;
		break;
	case 1:
		status->tracer = (pid_t)number;
		break;
	case 2:
		status->threads = number;
		break;
	case 3:
		status->seccomp = (int)number;
		break;
	case 4:
		status->vm_size = number * 1024;
		break;
	case 5:
		status->seccomp_filters = number;
		break;
	case 6:
		status->no_new_privs = number == 1;
		break;
	case 7:
		status->vm_locked = number * 1024;
		break;
	default:
		break;
	}
}

/** Take the name, so that it can be shown. */
static void
take_comm(const char *value, const char *end, struct graft_proc_status *status)
{
	size_t n = 0;

	for (; value < end && n + 1 < sizeof(status->comm); value++)
		status->comm[n++] = iscntrl((unsigned char)*value) ? '?'
								   : *value;
	status->comm[n] = '\0';
}

/** Take one "Name:\tvalue" line of a status file. */
static void
take_line(const char *line, struct graft_proc_status *status)
{
	const char *value = strchr(line, ':');
	if (!value)
		return;
	size_t len = (size_t)(value - line);
	value += 1 + strspn(value + 1, " \t");
	take_number(line, len, strtoull(value, NULL, 10), status);
	unsigned uid;
	if (strncmp(line, "Uid:\t", 5) == 0 &&
	    sscanf(line, "Uid:\t%*u\t%u", &uid) == 1)
		status->uid = uid;
	if (strncmp(line, "State:\t", 7) == 0)
		status->state = *value;
	const char *end = strchrnul(line, '\n');
	if (strncmp(line, "x86_Thread_features:", 20) == 0) {
		const char *hit = strstr(line, "shstk");
		status->shadow_stack = hit && hit < end;
	}
	if (strncmp(line, "Name:\t", 6) == 0)
		take_comm(value, end, status);
}

void
graft_proc_status_parse(const char *text, struct graft_proc_status *status)
{
	while (*text) {
		take_line(text, status);
		const char *end = strchrnul(text, '\n');
		text = *end ? end + 1 : end;
	}
}

/** Find the soft limit in a line of a limits file. */
static uint64_t
soft_limit(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	uint64_t value;
	if (at && sscanf(at + strlen(name), "%" SCNu64, &value) == 1)
		return value;
	return UINT64_MAX;
}

/** Make the error for a file that could not be read. @param[in] len Its result. */
static struct graft_error *
cannot_read(pid_t pid, ssize_t len)
{
	if (len == -ENOENT || len == -ESRCH || len == 0)
		return graft_error_new(GRAFT_ERROR_TARGET_GONE, "no process %d",
				       pid);
	return graft_error_os((int)-len, "read the state of process %d", pid);
}

struct graft_error *
graft_proc_status_glance(pid_t pid, struct graft_proc_status *ret)
{
	struct graft_proc_status status = { .limit_as = UINT64_MAX,
					    .limit_memlock = UINT64_MAX };
	char text[TEXT_MAX];
	ssize_t len = graft_proc_slurp(text, sizeof(text), "/proc/%d/status",
				       pid);

	if (len <= 0)
		return cannot_read(pid, len);
	graft_proc_status_parse(text, &status);
	*ret = status;
	return NULL;
}

/** Read the stat file into a status. */
GRAFT_MUST_CHECK static struct graft_error *
add_stat(pid_t pid, char text[TEXT_MAX], struct graft_proc_status *status)
{
	ssize_t len = graft_proc_slurp(text, TEXT_MAX, "/proc/%d/stat", pid);

	if (len <= 0)
		return cannot_read(pid, len);
	if (!graft_proc_stat_parse(text, status))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "/proc/%d/stat is not understood", pid);
	return NULL;
}

struct graft_error *
graft_proc_stat_read(pid_t pid, struct graft_proc_status *ret)
{
	struct graft_proc_status status = { .limit_as = UINT64_MAX,
					    .limit_memlock = UINT64_MAX };
	char text[TEXT_MAX];
	struct graft_error *err = add_stat(pid, text, &status);

	if (err)
		return err;
	// The name may itself hold both.
	const char *first = strchr(text, '(');
	const char *last = strrchr(text, ')');
	if (first && first < last)
		take_comm(first + 1, last, &status);
	*ret = status;
	return NULL;
}

struct graft_error *
graft_proc_status_read(pid_t pid, struct graft_proc_status *ret)
{
	struct graft_proc_status status;
	char text[TEXT_MAX];
	struct graft_error *err = graft_proc_status_glance(pid, &status);

	if (!err)
		err = add_stat(pid, text, &status);
	if (!err)
		*ret = status;
	return err;
}

void
graft_proc_limits_read(pid_t pid, struct graft_proc_status *status)
{
	struct rlimit as;
	struct rlimit memlock;
	char text[TEXT_MAX];

	// Of somebody else's process only the file may be read.
	if (prlimit(pid, RLIMIT_AS, NULL, &as) == 0 &&
	    prlimit(pid, RLIMIT_MEMLOCK, NULL, &memlock) == 0) {
		status->has_limits = true;
		status->limit_as = as.rlim_cur;
		status->limit_memlock = memlock.rlim_cur;
		return;
	}
	status->has_limits = graft_proc_slurp(text, sizeof(text),
					      "/proc/%d/limits", pid) > 0;
	if (!status->has_limits)
		return;
	status->limit_as = soft_limit(text, "Max address space ");
	status->limit_memlock = soft_limit(text, "Max locked memory ");
}

/** Does this thread run, that is, not only wait to be reaped? */
static bool
is_live(pid_t pid, pid_t tid)
{
	char text[1024];
	struct graft_proc_status status;
	ssize_t len = tid == pid ? graft_proc_slurp(text, sizeof(text),
						    "/proc/%d/stat", pid)
				 : graft_proc_slurp(text, sizeof(text),
						    "/proc/%d/task/%d/stat",
						    pid, tid);
	return len > 0 && graft_proc_stat_parse(text, &status) &&
	       status.state != 'Z' && status.state != 'X';
}

static void
close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

pid_t
graft_proc_live_tid(pid_t pid)
{
	if (is_live(pid, pid))
		return pid;
	char path[32];
	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	GRAFT_CLEANUP(close_dir) DIR *dir = opendir(path);
	if (!dir)
		return 0;
	for (struct dirent *entry; (entry = readdir(dir));) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (tid > 0 && is_live(pid, tid))
			return tid;
	}
	return 0;
}
