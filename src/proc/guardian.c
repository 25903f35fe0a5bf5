// SPDX-License-Identifier: Apache-2.0

#include "proc/guardian.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "proc/fuse.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	/** Longest message, and longest text of an error. */
	MESSAGE_MAX = 16 << 20,
	TEXT_MAX = 4096,
	/** Says that there is no error. */
	CODE_NONE = 0xffff,
};

/** What became of a piece; `len` bytes follow: the message, or an error's text. */
struct header {
	uint32_t code;
	uint64_t len;
};

/**
 * Where a guardian writes and its parent reads, when it has ended: memory of both. A
 * pipe would wake the parent for each piece.
 */
struct board {
	/** Pieces of which all is written. */
	_Atomic size_t done;
	/** One after the other, each at a multiple of ALIGN. */
	_Alignas(16) uint8_t bytes[];
};

enum {
	ALIGN = 16,
	HEADER_LEN = (sizeof(struct header) + ALIGN - 1) & -ALIGN,
};

static size_t
align(size_t len)
{
	return (len + ALIGN - 1) & -(size_t)ALIGN;
}

/** Bytes that a piece takes at most. */
static size_t
piece_len(const struct graft_guardian_work *work)
{
	return HEADER_LEN +
	       align(work->size > TEXT_MAX ? work->size : TEXT_MAX);
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

/** Do one piece, and tell of it. @param[in,out] at_io Where, on the board. */
static void
do_piece(const struct graft_guardian_work *work, size_t index,
	 struct board *board, size_t *at_io)
{
	uint8_t *at = board->bytes + *at_io;
	uint8_t *message = at + HEADER_LEN;
	struct header header = { .code = CODE_NONE };
	size_t len = 0;
	struct graft_error *err = graft_fault("guardian-begin");
	if (!err)
		err = work->fn(work->ctx, index, message, work->size, &len);
	assert(len <= work->size);
	// Done, and nobody hears of it.
	struct graft_error *mute = graft_fault("guardian-end");
	if (mute)
		_exit(0);
	header.len = len;
	if (err) {
		header.code = graft_error_code(err);
		header.len = strnlen(graft_error_message(err), TEXT_MAX);
		memcpy(message, graft_error_message(err), header.len);
	}
	memcpy(at, &header, sizeof(header));
	graft_error_free(err);
	*at_io += HEADER_LEN + align(header.len);
	atomic_fetch_add(&board->done, 1);
}

/** The life of the guardian. */
__attribute__((noreturn)) static void
guard(const struct graft_guardian_work *work, size_t first, pid_t owner,
      struct board *board)
{
	size_t at = 0;

	withdraw();
	// What was begun is ended, but for nobody is anything begun.
	for (size_t i = first; i < work->count; i++) {
		if (i > first && getppid() != owner)
			break;
		do_piece(work, i, board, &at);
	}
	// Not exit(3): what our parent registered or buffered is its own.
	_exit(0);
}

/** Take what a guardian wrote. @param[in,out] at_io The first piece not taken. */
static void
take_all(const struct graft_guardian_work *work, const struct board *board,
	 size_t *at_io)
{
	size_t done = atomic_load(&board->done);
	const uint8_t *at = board->bytes;

	for (; done > 0; done--, ++*at_io) {
		struct header header;
		struct graft_error *err = NULL;
		memcpy(&header, at, sizeof(header));
		const uint8_t *message = at + HEADER_LEN;
		if (header.code != CODE_NONE)
			err = graft_error_new(
				(enum graft_error_code)header.code, "%.*s",
				(int)header.len, (const char *)message);
		work->take(work->ctx, *at_io, err, false, message, header.len);
		at = message + align(header.len);
	}
}

/** Make the error of a guardian that said nothing. */
static struct graft_error *
explain_silence(int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == graft_fuse_signal())
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-13: its stacks could not be read within %d s; pages of them "
			"may be made by itself (userfaultfd), which it cannot do while "
			"it stands",
			GRAFT_FUSE_S);
	if (WIFSIGNALED(status))
		return graft_error_new(GRAFT_ERROR_OS,
				       "the guardian was killed by signal %d",
				       WTERMSIG(status));
	return graft_error_new(GRAFT_ERROR_OS,
			       "the guardian ended without a word");
}

/** Start a guardian for the pieces from @p first on, and wait for its end. */
GRAFT_MUST_CHECK static struct graft_error *
run(const struct graft_guardian_work *work, size_t first, struct board *board,
    int *status_ret)
{
	pid_t owner = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return graft_error_os(errno, "start the guardian");
	if (pid == 0)
		guard(work, first, owner, board);
	// From here on it is too late to fail, but not to be killed.
	graft_error_free(graft_fault("guardian-wait"));
	*status_ret = 0;
	while (waitpid(pid, status_ret, 0) < 0 && errno == EINTR)
		continue;
	return NULL;
}

void
graft_guardian_run_all(const struct graft_guardian_work *work)
{
	assert(work->size <= MESSAGE_MAX);

	for (size_t at = 0; at < work->count;) {
		size_t len = sizeof(struct board) +
			     (work->count - at) * piece_len(work);
		int status = 0;
		struct graft_error *err = NULL;
		struct board *board = mmap(NULL, len, PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (board == MAP_FAILED)
			err = graft_error_os(errno, "share memory");
		else
			err = run(work, at, board, &status);
		bool dead = !err;
		if (!err)
			take_all(work, board, &at);
		// Of what it was at it said nothing.
		if (at < work->count)
			work->take(work->ctx, at++,
				   err ? err : explain_silence(status), dead,
				   NULL, 0);
		if (board != MAP_FAILED)
			(void)munmap(board, len);
	}
}

/** The only piece of a work, and what became of it. */
struct only {
	graft_guardian_fn fn;
	void *ctx;
	void *message;
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
	only->err = err;
	only->len = len;
	if (!err)
		memcpy(only->message, message, len);
}

struct graft_error *
graft_guardian_run(graft_guardian_fn fn, void *ctx, void *message, size_t size,
		   size_t *len_ret)
{
	struct only only = { .fn = fn, .ctx = ctx, .message = message };
	struct graft_guardian_work work = {
		.fn = do_only,
		.take = take_only,
		.ctx = &only,
		.count = 1,
		.size = size,
	};

	graft_guardian_run_all(&work);
	if (!only.err)
		*len_ret = only.len;
	return only.err;
}
