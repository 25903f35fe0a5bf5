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

/** Write all. @return false if nobody listens any more. */
static bool
write_all(int fd, const void *bytes, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t got = write(fd, (const char *)bytes + done, len - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
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

/** Be out of reach of whatever would end or stop us. */
static void
withdraw(void)
{
	// All but what cannot be caught and what is our own fault. Real-time
	// signals are the ticks of proc/urgent.h.
	static const int ignored[] = {
		SIGHUP,  SIGINT,  SIGQUIT,   SIGTERM, SIGPIPE, SIGTSTP,
		SIGTTIN, SIGTTOU, SIGUSR1,   SIGUSR2, SIGALRM, SIGVTALRM,
		SIGPROF, SIGIO,   SIGSTKFLT, SIGPWR,  SIGXCPU, SIGXFSZ,
	};
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)setsid();
	stay_alive();
}

/** Do one piece, and tell of it. @return false if nobody listens any more. */
static bool
do_piece(const struct graft_guardian_work *work, size_t index, int fd)
{
	struct header header = { .magic = MAGIC, .code = CODE_NONE };
	const void *message = work->message;
	size_t len = 0;
	struct graft_error *err = graft_fault("guardian-begin");
	if (!err)
		err = work->fn(work->ctx, index, work->message, work->size,
			       &len);
	assert(len <= work->size);
	// Done, and nobody hears of it.
	struct graft_error *mute = graft_fault("guardian-end");
	if (mute)
		_exit(0);
	header.len = len;
	if (err) {
		message = graft_error_message(err);
		header.code = graft_error_code(err);
		header.len = strnlen(message, TEXT_MAX);
	}
	bool heard = write_all(fd, &header, sizeof(header)) &&
		     write_all(fd, message, header.len);
	graft_error_free(err);
	return heard;
}

/** The life of the guardian. */
__attribute__((noreturn)) static void
guard(const struct graft_guardian_work *work, size_t first, pid_t owner, int fd)
{
	withdraw();
	// What was begun is ended, but for nobody is anything begun.
	for (size_t i = first; i < work->count; i++) {
		if ((i > first && getppid() != owner) || !do_piece(work, i, fd))
			break;
	}
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
	    (failed && header.code >= GRAFT_ERROR_COUNT)) {
		// Where its next one begins is not known.
		*dead = true;
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "the guardian's message is malformed");
	}
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

/** Make the error of a guardian that said nothing. */
static struct graft_error *
explain_silence(int status)
{
	if (WIFSIGNALED(status))
		return graft_error_new(GRAFT_ERROR_OS,
				       "the guardian was killed by signal %d",
				       WTERMSIG(status));
	return graft_error_new(GRAFT_ERROR_OS,
			       "the guardian ended without a word");
}

/**
 * Listen to a guardian until it said all, or ends.
 *
 * @param[in,out] at_io The first piece that is not taken.
 * @param[out] dead_ret It says nothing of the piece at @p at_io.
 * @return Why, if it is known by now.
 */
static struct graft_error *
listen_to(const struct graft_guardian_work *work, int fd, size_t *at_io,
	  bool *dead_ret)
{
	*dead_ret = false;
	while (*at_io < work->count) {
		size_t len = 0;
		struct graft_error *err = take_message(
			fd, work->message, work->size, &len, dead_ret);
		if (*dead_ret)
			return err;
		work->take(work->ctx, *at_io, err, false, work->message, len);
		++*at_io;
	}
	return NULL;
}

/** Start a guardian for the pieces from @p first on. @param[out] fd_ret Its words. */
static struct graft_error *
start(const struct graft_guardian_work *work, size_t first, pid_t *pid_ret,
      int *fd_ret)
{
	int fds[2];
	pid_t owner = getpid();

	if (pipe2(fds, O_CLOEXEC) != 0)
		return graft_error_os(errno, "make a pipe");
	GRAFT_CLOSE int read_fd = fds[0];
	GRAFT_CLOSE int write_fd = fds[1];
	pid_t pid = fork();
	if (pid < 0)
		return graft_error_os(errno, "start the guardian");
	if (pid == 0) {
		(void)close(read_fd);
		guard(work, first, owner, write_fd);
	}
	*pid_ret = pid;
	*fd_ret = read_fd;
	read_fd = -1;
	return NULL;
}

void
graft_guardian_run_all(const struct graft_guardian_work *work)
{
	assert(work->size <= MESSAGE_MAX);

	for (size_t at = 0; at < work->count;) {
		pid_t pid;
		bool dead;
		int fd;
		struct graft_error *err = start(work, at, &pid, &fd);
		if (err) {
			work->take(work->ctx, at++, err, false, NULL, 0);
			continue;
		}
		// From here on it is too late to fail, but not to be killed.
		graft_error_free(graft_fault("guardian-wait"));
		err = listen_to(work, fd, &at, &dead);
		// What it still says, nobody takes.
		(void)close(fd);
		int status = 0;
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
		if (dead)
			work->take(work->ctx, at++,
				   err ? err : explain_silence(status), true,
				   NULL, 0);
	}
}

/** The only piece of a work, and what became of it. */
struct only {
	graft_guardian_fn fn;
	void *ctx;
	struct graft_error *err;
	size_t len;
};

static struct graft_error *
do_only(void *ctx, size_t index, void *message, size_t size, size_t *len_ret)
{
	const struct only *only = ctx;

	(void)index;
	return only->fn(only->ctx, message, size, len_ret);
}

static void
take_only(void *ctx, size_t index, struct graft_error *err, bool dead,
	  const void *message, size_t len)
{
	struct only *only = ctx;

	(void)index;
	(void)dead;
	(void)message;
	only->err = err;
	only->len = len;
}

struct graft_error *
graft_guardian_run(graft_guardian_fn fn, void *ctx, void *message, size_t size,
		   size_t *len_ret)
{
	struct only only = { .fn = fn, .ctx = ctx };
	struct graft_guardian_work work = {
		.fn = do_only,
		.take = take_only,
		.ctx = &only,
		.count = 1,
		.message = message,
		.size = size,
	};

	graft_guardian_run_all(&work);
	if (!only.err)
		*len_ret = only.len;
	return only.err;
}
