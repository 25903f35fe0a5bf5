// SPDX-License-Identifier: Apache-2.0

#include "proc/live.h"

#include "proc/batch.h"
#include "proc/stack_extent.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

enum {
	/** From rsp, rip and flags to cs in a sigcontext. */
	FRAME_WORDS_BYTES = 3 * 8,
	/** A control block this near above a stack pointer is tried without a
	 * look at the mappings: a read that does not fail met no gap. */
	NEAR_BYTES = 64 * 1024,
	/** The first words of a control block, its own address among them. */
	CONTROL_BYTES = 24,
	/** Longest live part. A stack of unlimited size may be deeper; then
	 * the stop would be too long. */
	PART_BYTES_MAX = 256 << 20,
	/** Longest ordinary stack of a thread that is away from it. */
	AWAY_BYTES_MAX = 64 << 20,
	/** What the live parts of a thread take, mostly. */
	EXPECTED_BYTES = 32 * 1024,
	/** Most interrupted contexts to be followed in a run. */
	FRAMES_MAX = 4096,
};

/** What is known of a thread. */
struct state {
	bool away;
	/** Its fs base points to a thread control block. */
	bool has_control;
	bool control_tried;
	/** One more than the index of its last part; 0: it has none. */
	size_t last;
};

struct graft_live {
	const struct graft_scan *scan;
	struct graft_batch *batch;
	/** Where it goes afterwards; NULL: nowhere. */
	struct graft_batch **keep;
	struct graft_live_part *parts;
	size_t part_count;
	size_t part_capacity;
	struct state *states;
	size_t state_capacity;

	/** The current run. */
	const struct graft_live_view *view;
	graft_live_word_fn fn;
	void *arg;
	size_t frames;
	struct graft_error *err;
};

static struct graft_error *
reserve(struct graft_live *live, size_t parts, size_t states)
{
	if (parts > live->part_capacity) {
		size_t capacity = parts * 2;
		struct graft_live_part *grown = reallocarray(
			live->parts, capacity, sizeof(*live->parts));
		if (!grown)
			return graft_error_new(GRAFT_ERROR_NO_MEMORY, "stacks");
		live->parts = grown;
		live->part_capacity = capacity;
	}
	if (states > live->state_capacity) {
		struct state *grown = reallocarray(live->states, states,
						   sizeof(*live->states));
		if (!grown)
			return graft_error_new(GRAFT_ERROR_NO_MEMORY, "stacks");
		live->states = grown;
		live->state_capacity = states;
	}
	return NULL;
}

struct graft_error *
graft_live_new(const struct graft_scan *scan, size_t thread_count,
	       struct graft_batch **keep, struct graft_live **ret)
{
	size_t expected = thread_count * EXPECTED_BYTES;
	struct graft_error *err = NULL;
	GRAFT_CLEANUP(graft_live_freep)
	struct graft_live *live = calloc(1, sizeof(*live));
	if (!live)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "stacks");
	live->scan = scan;
	live->keep = keep;
	err = graft_batch_take(keep, expected, &live->batch);
	if (err)
		return err;
	// Room for threads that are born until the stop, and for signals.
	size_t room = thread_count + 64;
	err = reserve(live, room, room);
	if (err)
		return err;
	*ret = GRAFT_TAKE(live);
	return NULL;
}

static const struct graft_thread *
thread_at(const struct graft_live *live, size_t index)
{
	return &live->view->threads[index];
}

static struct graft_error *
push_part(struct graft_live *live, struct graft_live_part part)
{
	struct graft_error *err = reserve(live, live->part_count + 1, 0);
	if (err)
		return err;
	struct state *state = &live->states[part.thread];
	part.at = part.start;
	part.before = state->last;
	live->parts[live->part_count++] = part;
	state->last = live->part_count;
	return NULL;
}

// glibc and musl keep the control block's own address in its first word.
static bool
has_control(struct graft_live *live, size_t index)
{
	struct state *state = &live->states[index];
	if (state->control_tried)
		return state->has_control;
	const struct graft_thread *thread = thread_at(live, index);
	uint64_t fs = thread->regs.fs_base;
	uint64_t word = 0;
	struct iovec local = { .iov_base = &word, .iov_len = sizeof(word) };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)fs,
				.iov_len = sizeof(word) };
	state->control_tried = true;
	state->has_control = fs != 0 &&
			     process_vm_readv(thread->tid, &local, 1, &remote,
					      1, 0) == (ssize_t)sizeof(word) &&
			     word == fs;
	return state->has_control;
}

// Push the live part above a stack pointer. With must set, not having a stack
// there is an error.
static struct graft_error *
push_extent(struct graft_live *live, size_t index, uint64_t sp, bool must)
{
	const struct graft_thread *thread = thread_at(live, index);
	uint64_t bound = 0;
	if (thread->tid != live->view->pid && has_control(live, index))
		bound = thread->regs.fs_base;
	uint64_t start = 0;
	uint64_t end = 0;
	struct graft_error *err = graft_stack_extent_find(live->view->vmas, sp,
							  bound, &start, &end);
	if (err)
		return err;
	if (end == 0 && !must)
		return NULL;
	if (end == 0)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "R-13: thread %d has no stack at 0x%lx",
				       thread->tid, (unsigned long)sp);
	if (end - start > PART_BYTES_MAX)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-13: the stack of thread %d is longer than %d bytes",
			thread->tid, PART_BYTES_MAX);
	return push_part(live, (struct graft_live_part){ .thread = index,
							 .start = start,
							 .end = end });
}

static struct graft_error *
push_thread(struct graft_live *live, size_t index)
{
	const struct graft_thread *thread = thread_at(live, index);
	uint64_t sp = thread->regs.rsp;
	uint64_t fs = thread->regs.fs_base;
	live->states[index] = (struct state){ .away = false };
	// Words are read in steps of eight from the stack pointer's own
	// alignment; if that is odd, the usual one is read as well.
	if (sp & 7) {
		struct graft_error *err = push_extent(live, index, sp & -8ULL,
						      true);
		if (err)
			return err;
		return push_extent(live, index, sp, true);
	}
	if (thread->tid != live->view->pid && fs > sp && fs - sp <= NEAR_BYTES)
		return push_part(live,
				 (struct graft_live_part){
					 .thread = index,
					 .start = sp - GRAFT_STACK_RED_ZONE,
					 .end = fs + CONTROL_BYTES,
					 .guessed = true,
				 });
	return push_extent(live, index, sp, true);
}

// Of each thread only its own parts are gone over: with thousands of threads, all
// of them for each would be a good part of the stop.
static bool
covers(const struct graft_live *live, size_t index, uint64_t addr)
{
	for (size_t i = live->states[index].last; i > 0;) {
		const struct graft_live_part *part = &live->parts[i - 1];
		if (!part->dead && part->start <= addr && addr < part->end)
			return true;
		i = part->before;
	}
	return false;
}

/** A piece in which words are looked at. */
struct piece_walk {
	struct graft_live *live;
	const struct graft_batch_piece *piece;
	size_t thread;
};

// The registers that a signal interrupted, if that is what they are: stale ones
// make us read more than needed, which is harmless.
static void
follow_frame(const struct piece_walk *walk, size_t off)
{
	struct graft_live *live = walk->live;
	uint64_t saved[2];
	if (live->err || off < FRAME_WORDS_BYTES)
		return;
	off -= FRAME_WORDS_BYTES;
	memcpy(saved, walk->piece->bytes + off, sizeof(saved));
	live->fn(live->arg, walk->thread, walk->piece->addr + off + 8, saved[1],
		 true);
	if (covers(live, walk->thread, saved[0]))
		return;
	if (live->frames++ == FRAMES_MAX) {
		live->err = graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-13: thread %d: too many signal frames",
			thread_at(live, walk->thread)->tid);
		return;
	}
	live->err = push_extent(live, walk->thread, saved[0], false);
}

static void
take_word(void *arg, size_t off, uint64_t word)
{
	const struct piece_walk *walk = arg;
	struct graft_live *live = walk->live;
	if (graft_scan_is_frame(word))
		follow_frame(walk, off);
	else
		live->fn(live->arg, walk->thread, walk->piece->addr + off, word,
			 false);
}

// Whether a part that was guessed to end at a control block does.
static bool
guess_holds(const struct graft_live *live,
	    const struct graft_batch_piece *piece, size_t thread)
{
	uint64_t word = 0;
	if (piece->got != piece->len)
		return false;
	memcpy(&word, piece->bytes + piece->len - CONTROL_BYTES, sizeof(word));
	return word == thread_at(live, thread)->regs.fs_base;
}

static void
take_piece(void *arg, const struct graft_batch_piece *piece)
{
	struct graft_live *live = arg;
	struct graft_live_part *part = &live->parts[piece->tag];
	size_t thread = part->thread;
	if (live->err)
		return;
	if (part->guessed) {
		part->guessed = false;
		part->dead = !guess_holds(live, piece, thread);
		if (part->dead) {
			live->err = push_extent(
				live, thread, thread_at(live, thread)->regs.rsp,
				true);
			return;
		}
		live->states[thread].control_tried = true;
		live->states[thread].has_control = true;
	}
	if (piece->got != piece->len) {
		live->err = graft_error_os(
			EFAULT, "read the stack of thread %d at 0x%lx",
			thread_at(live, thread)->tid,
			(unsigned long)(piece->addr + piece->got));
		return;
	}
	struct piece_walk walk = { .live = live,
				   .piece = piece,
				   .thread = thread };
	graft_scan_words(live->scan, piece->bytes, piece->len, take_word,
			 &walk);
}

static struct graft_error *
flush(struct graft_live *live)
{
	struct graft_error *err = graft_batch_read(
		live->batch, thread_at(live, 0)->tid, take_piece, live);
	if (err) {
		graft_error_free(live->err);
		live->err = NULL;
		return err;
	}
	return GRAFT_TAKE(live->err);
}

// Read the parts from a number on, and those that they lead to.
static struct graft_error *
read_parts(struct graft_live *live, size_t next)
{
	bool pending = false;
	while (next < live->part_count || pending) {
		if (next < live->part_count) {
			struct graft_live_part *part = &live->parts[next];
			// A signal frame may lie across two pieces.
			uint64_t from = part->at == part->start
						? part->at
						: part->at - FRAME_WORDS_BYTES;
			uint64_t len = part->end - from;
			if (len > GRAFT_BATCH_PIECE_MAX)
				len = GRAFT_BATCH_PIECE_MAX;
			if (graft_batch_add(live->batch, from, len, next)) {
				pending = true;
				part->at = from + len;
				if (part->at >= part->end)
					next++;
				continue;
			}
		}
		struct graft_error *err = flush(live);
		if (err)
			return err;
		pending = false;
	}
	return NULL;
}

// One past the last byte of the thread's ordinary stack, or 0.
static uint64_t
ordinary_end(struct graft_live *live, size_t index)
{
	if (thread_at(live, index)->tid == live->view->pid)
		return live->view->main_end;
	return has_control(live, index) ? thread_at(live, index)->regs.fs_base
					: 0;
}

static struct graft_error *
push_if_away(struct graft_live *live, size_t index)
{
	uint64_t end = ordinary_end(live, index);
	if (end == 0 || covers(live, index, end - 8))
		return NULL;
	struct graft_vma vma;
	bool found = false;
	struct graft_error *err = graft_vmas_next(live->view->vmas, end - 8,
						  &vma, &found);
	if (err || !found || vma.start > end - 8 ||
	    !graft_stack_extent_is(&vma))
		return err;
	live->states[index].away = true;
	if (end - vma.start > AWAY_BYTES_MAX)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-13: thread %d is away from its stack, which is "
			"longer than %d bytes",
			thread_at(live, index)->tid, AWAY_BYTES_MAX);
	return push_part(live, (struct graft_live_part){ .thread = index,
							 .start = vma.start,
							 .end = end });
}

struct graft_error *
graft_live_run(struct graft_live *live, const struct graft_live_view *view,
	       graft_live_word_fn fn, void *arg)
{
	live->view = view;
	live->fn = fn;
	live->arg = arg;
	live->frames = 0;
	live->part_count = 0;
	struct graft_error *err = reserve(live, 0, view->thread_count);
	for (size_t i = 0; !err && i < view->thread_count; i++)
		err = push_thread(live, i);
	if (!err)
		err = read_parts(live, 0);
	size_t ordinary = live->part_count;
	for (size_t i = 0; !err && i < view->thread_count; i++)
		err = push_if_away(live, i);
	if (!err)
		err = read_parts(live, ordinary);
	return err;
}

bool
graft_live_is_away(const struct graft_live *live, size_t thread)
{
	return live->states[thread].away;
}

const struct graft_live_part *
graft_live_parts(const struct graft_live *live, size_t *count_ret)
{
	*count_ret = live->part_count;
	return live->parts;
}

void
graft_live_free(struct graft_live *live)
{
	if (!live)
		return;
	if (live->batch && live->keep && !*live->keep) {
		graft_batch_clear(live->batch);
		*live->keep = GRAFT_TAKE(live->batch);
	}
	graft_batch_free(live->batch);
	free(live->parts);
	free(live->states);
	free(live);
}
