// SPDX-License-Identifier: Apache-2.0

#include "proc/stack.h"

#include "proc/contexts.h"
#include "proc/fuse.h"
#include "proc/hints.h"
#include "proc/live.h"
#include "proc/scan.h"
#include "proc/unwind.h"
#include "proc/vmas.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

/** A hit, and what may become of it. */
struct hit {
	struct graft_stack_hit hit;
	/** Index of its thread; SIZE_MAX for none. */
	size_t thread;
	bool dropped;
};

struct graft_stack_check {
	struct graft_target *target;
	struct graft_scan *scan;
	/** The target's; asked for when it stands. */
	struct graft_vmas *vmas;
	struct graft_live *live;
	/** NULL: the tables are not open. */
	struct graft_unwind *unwind;
	const struct graft_maps *maps;
	uint64_t main_end;
	bool contexts;
	/** Of the last run. */
	bool unsure;

	/** The current run. */
	const struct graft_thread *threads;
	size_t thread_count;
	struct hit *hits;
	size_t hit_count;
	size_t hit_capacity;
	struct graft_stack_hit *results;
	size_t result_capacity;
	struct graft_error *err;
};

enum { HITS_AT_FIRST = 1024 };

// How many threads there are, only to make room for them.
static size_t
guess_threads(const struct graft_target *target)
{
	char path[64];
	size_t seized = graft_target_thread_count(target);
	if (seized)
		return seized;
	(void)snprintf(path, sizeof(path), "/proc/%d/task",
		       graft_target_pid(target));
	DIR *dir = opendir(path);
	size_t count = 0;
	if (!dir)
		return 0;
	while (readdir(dir))
		count++;
	(void)closedir(dir);
	return count;
}

static uint64_t
find_main_end(const struct graft_maps *maps)
{
	for (size_t i = 0; i < maps->count; i++)
		if (maps->maps[i].path &&
		    strcmp(maps->maps[i].path, "[stack]") == 0)
			return maps->maps[i].end;
	return 0;
}

struct graft_error *
graft_stack_check_new(struct graft_target *target,
		      const struct graft_maps *maps,
		      const struct graft_range *ranges, size_t count,
		      struct graft_stack_check **ret)
{
	struct graft_hints *hints = graft_target_hints(target);
	GRAFT_CLEANUP(graft_stack_check_freep)
	struct graft_stack_check *check = calloc(1, sizeof(*check));
	if (!check)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "stack check");
	check->target = target;
	check->maps = maps;
	check->main_end = find_main_end(maps);
	check->hits = calloc(HITS_AT_FIRST, sizeof(*check->hits));
	if (!check->hits)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "stack check");
	check->hit_capacity = HITS_AT_FIRST;
	struct graft_error *err = graft_scan_new(ranges, count, &check->scan);
	// Opened here, it is there in the stop.
	if (!err && graft_target_is_attached(target))
		err = graft_target_vmas(target, &check->vmas);
	if (!err)
		err = graft_live_new(check->scan, guess_threads(target),
				     hints ? &hints->batch : NULL,
				     &check->live);
	if (err)
		return err;
	*ret = GRAFT_TAKE(check);
	return NULL;
}

struct graft_error *
graft_stack_check_open_tables(struct graft_stack_check *check)
{
	struct graft_hints *hints = graft_target_hints(check->target);

	if (check->unwind)
		return NULL;
	return graft_unwind_new(graft_target_pid(check->target), check->maps,
				hints ? hints->tables : NULL, &check->unwind);
}

void
graft_stack_check_set_contexts(struct graft_stack_check *check, bool contexts)
{
	check->contexts = contexts;
}

/** A word that points into a range. */
struct found {
	struct graft_stack_check *check;
	size_t thread;
	uint64_t pc;
	uint64_t addr;
	bool certain;
};

static struct hit *
find_hit(const struct graft_stack_check *check, size_t thread, size_t range)
{
	// The same word again is likely the last one: recursion.
	for (size_t i = check->hit_count; i > 0; i--) {
		struct hit *hit = &check->hits[i - 1];
		if (hit->thread == thread && hit->hit.range == range)
			return hit;
	}
	return NULL;
}

static void
add_hit(void *arg, size_t range)
{
	const struct found *found = arg;
	struct graft_stack_check *check = found->check;
	struct hit *hit = find_hit(check, found->thread, range);
	if (check->err || (hit && (hit->hit.certain || !found->certain)))
		return;
	if (!hit && check->hit_count == check->hit_capacity) {
		struct hit *grown = reallocarray(
			check->hits, check->hit_capacity * 2, sizeof(*grown));
		if (!grown) {
			check->err = graft_error_new(GRAFT_ERROR_NO_MEMORY,
						     "stack check");
			return;
		}
		check->hits = grown;
		check->hit_capacity *= 2;
	}
	if (!hit)
		hit = &check->hits[check->hit_count++];
	bool in_thread = found->thread != SIZE_MAX;
	*hit = (struct hit){
		.hit = { .tid = in_thread ? check->threads[found->thread].tid
					  : 0,
			 .range = range,
			 .pc = found->pc,
			 .addr = found->addr,
			 .certain = found->certain },
		.thread = found->thread,
	};
}

static void
add_live_word(void *arg, size_t thread, uint64_t addr, uint64_t word,
	      bool exact)
{
	struct graft_stack_check *check = arg;
	struct found found = {
		.check = check, .thread = thread, .pc = word, .addr = addr
	};
	graft_scan_find(check->scan, word, exact, add_hit, &found);
}

static void
add_context_word(void *arg, uint64_t addr, uint64_t word)
{
	add_live_word(arg, SIZE_MAX, addr, word, false);
}

static void
check_registers(struct graft_stack_check *check, size_t thread)
{
	const struct user_regs_struct *regs = &check->threads[thread].regs;
	const uint64_t words[] = { regs->rax, regs->rbx, regs->rcx, regs->rdx,
				   regs->rsi, regs->rdi, regs->rbp, regs->rsp,
				   regs->r8,  regs->r9,  regs->r10, regs->r11,
				   regs->r12, regs->r13, regs->r14, regs->r15 };
	struct found in_code = { .check = check,
				 .thread = thread,
				 .pc = regs->rip,
				 .certain = true };
	graft_scan_find(check->scan, regs->rip, true, add_hit, &in_code);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		add_live_word(check, thread, 0, words[i], false);
}

static bool
take_frame(void *arg, const struct graft_unwind_frame *frame)
{
	struct found *found = arg;
	found->pc = frame->pc;
	found->addr = frame->addr;
	graft_scan_find(found->check->scan, frame->pc, frame->exact, add_hit,
			found);
	return !found->check->err;
}

// Drop the hits of a thread that its call chain proves to be left over. A
// thread that is away from its stack has another chain there, unseen.
static void
dismiss(struct graft_stack_check *check, size_t thread)
{
	struct found found = { .check = check,
			       .thread = thread,
			       .certain = true };
	enum graft_unwind_end end =
		graft_unwind_run(check->unwind, &check->threads[thread].regs,
				 take_frame, &found);
	if (end != GRAFT_UNWIND_ROOT || graft_live_is_away(check->live, thread))
		return;
	for (size_t i = 0; i < check->hit_count; i++)
		if (check->hits[i].thread == thread &&
		    !check->hits[i].hit.certain)
			check->hits[i].dropped = true;
}

static bool
has_hits(const struct graft_stack_check *check, size_t thread)
{
	for (size_t i = 0; i < check->hit_count; i++)
		if (check->hits[i].thread == thread &&
		    !check->hits[i].hit.certain)
			return true;
	return false;
}

static struct graft_error *
find_all(struct graft_stack_check *check)
{
	struct graft_live_view view = {
		.threads = check->threads,
		.thread_count = check->thread_count,
		.pid = graft_target_pid(check->target),
		.vmas = check->vmas,
		.main_end = check->main_end,
	};
	for (size_t i = 0; i < check->thread_count; i++)
		check_registers(check, i);
	struct graft_error *err = graft_live_run(check->live, &view,
						 add_live_word, check);
	if (err)
		return err;
	size_t doubtful = check->hit_count;
	for (size_t i = 0; doubtful && i < check->thread_count; i++) {
		if (!has_hits(check, i))
			continue;
		check->unsure |= !check->unwind;
		if (check->unwind)
			dismiss(check, i);
	}
	if (check->contexts && !check->unsure)
		err = graft_contexts_search(&view, check->live, check->scan,
					    add_context_word, check);
	return err;
}

static struct graft_error *
collect(struct graft_stack_check *check, const struct graft_stack_hit **ret,
	size_t *count_ret)
{
	if (check->hit_count > check->result_capacity) {
		struct graft_stack_hit *grown =
			reallocarray(check->results, check->hit_count,
				     sizeof(*check->results));
		if (!grown)
			return graft_error_new(GRAFT_ERROR_NO_MEMORY,
					       "stack check");
		check->results = grown;
		check->result_capacity = check->hit_count;
	}
	size_t count = 0;
	for (size_t i = 0; i < check->hit_count; i++)
		if (!check->hits[i].dropped)
			check->results[count++] = check->hits[i].hit;
	*ret = check->results;
	*count_ret = count;
	return NULL;
}

struct graft_error *
graft_stack_check_run(struct graft_stack_check *check,
		      const struct graft_stack_hit **hits_ret,
		      size_t *count_ret)
{
	check->threads = graft_target_threads(check->target,
					      &check->thread_count);
	check->hit_count = 0;
	check->unsure = false;
	if (check->thread_count == 0)
		return graft_error_new(GRAFT_ERROR_TARGET_GONE,
				       "no thread is left");
	pid_t tid = check->threads[0].tid;
	struct graft_error *err = graft_target_vmas(check->target,
						    &check->vmas);
	if (err)
		return err;
	graft_vmas_renew(check->vmas, tid);
	if (check->unwind)
		graft_unwind_begin(check->unwind, tid, check->vmas);
	struct graft_fuse fuse;
	graft_fuse_begin(&fuse);
	err = find_all(check);
	graft_fuse_end(&fuse);
	if (err) {
		graft_error_free(check->err);
		check->err = NULL;
		return err;
	}
	if (check->err)
		return GRAFT_TAKE(check->err);
	return collect(check, hits_ret, count_ret);
}

bool
graft_stack_check_is_unsure(const struct graft_stack_check *check)
{
	return check->unsure;
}

void
graft_stack_check_free(struct graft_stack_check *check)
{
	if (!check)
		return;
	graft_unwind_free(check->unwind);
	graft_live_free(check->live);
	graft_scan_free(check->scan);
	free(check->hits);
	free(check->results);
	free(check);
}
