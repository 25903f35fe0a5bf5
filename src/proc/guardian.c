// SPDX-License-Identifier: Apache-2.0

#include "proc/guardian.h"

#include "base/cleanup.h"
#include "base/fault.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	/** Longest message, and longest text of an error. */
	MESSAGE_MAX = 16 << 20,
	TEXT_MAX = 4096,
	/** Says that there is no error. */
	CODE_NONE = 0xffff,
};

static const uint32_t MAGIC = 0x64726167; // "gard"

/** What goes first; `len` bytes follow: the message, or an error's text. */
struct header {
	uint32_t magic;
	uint32_t code;
	uint64_t len;
};

/** Write all, or give up: then nobody listens any more. */
static void
write_all(int fd, const void *bytes, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t got = write(fd, (const char *)bytes + done, len - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return;
		done += (size_t)got;
	}
}

/** Read until @p len bytes or the end. @return how many. */
static size_t
read_all(int fd, void *bytes, size_t len)
{
	size_t done = 0;
	while (done < len) {
		ssize_t got = read(fd, (char *)bytes + done, len - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}

/** Ask the kernel to take somebody else when memory runs out. */
static void
stay_alive(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	// Without the right to it (CAP_SYS_RESOURCE) we stay as likely as before.
	if (fd >= 0) {
		(void)!write(fd, "-1000", 5);
		(void)close(fd);
	}
}

/** The life of the guardian. */
__attribute__((noreturn)) static void
guard(graft_guardian_fn fn, void *ctx, void *message, size_t size, int fd)
{
	// All that would end or stop us, but what cannot be caught and what is
	// our own fault. Real-time signals are the ticks of proc/urgent.h.
	static const int ignored[] = {
		SIGHUP,  SIGINT,  SIGQUIT,   SIGTERM, SIGPIPE, SIGTSTP,
		SIGTTIN, SIGTTOU, SIGUSR1,   SIGUSR2, SIGALRM, SIGVTALRM,
		SIGPROF, SIGIO,   SIGSTKFLT, SIGPWR,  SIGXCPU, SIGXFSZ,
	};
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)setsid();
	stay_alive();

	struct header header = { .magic = MAGIC, .code = CODE_NONE };
	size_t len = 0;
	struct graft_error *err = graft_fault("guardian-begin");
	if (!err)
		err = fn(ctx, message, size, &len);
	assert(len <= size);
	// Done, and nobody hears of it.
	struct graft_error *mute = graft_fault("guardian-end");
	if (mute)
		_exit(0);
	header.len = len;
	if (err) {
		message = (void *)(uintptr_t)graft_error_message(err);
		header.code = graft_error_code(err);
		header.len = strnlen(message, TEXT_MAX);
	}
	write_all(fd, &header, sizeof(header));
	write_all(fd, message, header.len);
	// Not exit(3): what our parent registered or buffered is its own.
	_exit(0);
}

/** Take the guardian's message, or its error. */
static struct graft_error *
take_message(int fd, void *message, size_t size, size_t *len_ret, bool *dead)
{
	struct header header;
	char text[TEXT_MAX + 1];
	*dead = read_all(fd, &header, sizeof(header)) != sizeof(header);
	if (*dead)
		return NULL;
	bool failed = header.code != CODE_NONE;
	if (header.magic != MAGIC || header.len > (failed ? TEXT_MAX : size) ||
	    (failed && header.code >= GRAFT_ERROR_COUNT))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "the guardian's message is malformed");
	*dead = read_all(fd, failed ? text : message, header.len) != header.len;
	if (*dead)
		return NULL;
	if (failed) {
		text[header.len] = '\0';
		return graft_error_new((enum graft_error_code)header.code, "%s",
				       text);
	}
	*len_ret = header.len;
	return NULL;
}

struct graft_error *
graft_guardian_run(graft_guardian_fn fn, void *ctx, void *message, size_t size,
		   size_t *len_ret)
{
	assert(size <= MESSAGE_MAX);

	int fds[2];
	if (pipe2(fds, O_CLOEXEC) != 0)
		return graft_error_os(errno, "make a pipe");
	GRAFT_CLOSE int read_fd = fds[0];
	GRAFT_CLOSE int write_fd = fds[1];
	pid_t pid = fork();
	if (pid < 0)
		return graft_error_os(errno, "start the guardian");
	if (pid == 0) {
		(void)close(read_fd);
		guard(fn, ctx, message, size, write_fd);
	}
	(void)close(write_fd);
	write_fd = -1;
	// From here on it is too late to fail, but not to be killed.
	graft_error_free(graft_fault("guardian-wait"));

	bool dead;
	size_t len = 0;
	struct graft_error *err = take_message(read_fd, message, size, &len,
					       &dead);
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (err)
		return err;
	if (dead && WIFSIGNALED(status))
		return graft_error_new(GRAFT_ERROR_OS,
				       "the guardian was killed by signal %d",
				       WTERMSIG(status));
	if (dead)
		return graft_error_new(GRAFT_ERROR_OS,
				       "the guardian ended without a word");
	*len_ret = len;
	return NULL;
}
