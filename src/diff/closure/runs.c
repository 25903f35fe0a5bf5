// SPDX-License-Identifier: Apache-2.0

#include "diff/closure/runs.h"

#include "base/vec.h"
#include "diff/unwind/frames.h"

#include <string.h>

enum { PAGE = 4096 };

/** A stretch of NEW that is carried. */
struct stretch {
	uint64_t start;
	uint64_t end;
	uint32_t flags;
};

static int
by_start(const void *x, const void *y)
{
	const struct stretch *a = x;
	const struct stretch *b = y;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->end > b->end) - (a->end < b->end);
}

/** Collect functions and pieces, sorted, overlapping ones merged. */
static struct graft_error *
collect(const struct graft_diff *diff, struct stretch **ret, size_t *count_ret)
{
	size_t count = 0;
	GRAFT_FREE struct stretch *all = calloc(
		diff->carried_count + diff->piece_count + 2, sizeof(*all));
	if (!all)
		return graft_error_no_memory();

	for (size_t i = 0; i < diff->carried_count; i++) {
		const struct graft_func *f =
			&diff->new_code->funcs[diff->carried[i]];
		all[count++] = (struct stretch){ f->addr, f->addr + f->size,
						 GRAFT_RUN_READ |
							 GRAFT_RUN_EXEC };
	}
	for (size_t i = 0; i < diff->piece_count; i++) {
		const struct graft_piece *p = &diff->pieces[i];
		uint32_t flags = GRAFT_RUN_READ;
		if (p->writable)
			flags |= GRAFT_RUN_WRITE;
		if (p->thing == GRAFT_THING_PLT)
			flags |= GRAFT_RUN_EXEC;
		all[count++] = (struct stretch){ p->addr, p->addr + p->size,
						 flags };
	}
	const struct graft_frames *frames = diff->frames;
	if (frames && frames->bytes)
		all[count++] = (struct stretch){ frames->addr,
						 frames->addr + frames->len,
						 GRAFT_RUN_READ };
	if (count)
		qsort(all, count, sizeof(*all), by_start);
	*ret = GRAFT_TAKE(all);
	*count_ret = count;
	return NULL;
}

/** Give all stretches that share a page the union of their protections. */
static struct graft_error *
share_pages(struct stretch *all, size_t count)
{
	for (size_t i = 0, end; i < count; i = end) {
		uint64_t last = (all[i].end - 1) / PAGE;
		uint32_t flags = all[i].flags;
		for (end = i + 1; end < count && all[end].start / PAGE <= last;
		     end++) {
			flags |= all[end].flags;
			if ((all[end].end - 1) / PAGE > last)
				last = (all[end].end - 1) / PAGE;
		}
		if ((flags & GRAFT_RUN_WRITE) && (flags & GRAFT_RUN_EXEC))
			return graft_error_new(
				GRAFT_ERROR_UNSUPPORTED,
				"code and writable data share the page at "
				"0x%llx",
				(unsigned long long)(all[i].start / PAGE *
						     PAGE));
		for (size_t k = i; k < end; k++)
			all[k].flags = flags;
	}
	return NULL;
}

static struct graft_error *
add_run(const struct graft_diff *diff, struct graft_patch_module *module,
	size_t *cap, struct stretch s)
{
	struct graft_error *err = graft_vec_reserve(&module->runs, cap,
						    module->run_count + 1,
						    sizeof(*module->runs));
	if (err)
		return err;

	struct graft_run run = { .new_addr = s.start,
				 .mem_len = s.end - s.start,
				 .flags = s.flags };
	// A run lies in one section; without contents it is .bss.
	const struct graft_frames *frames = diff->frames;
	const uint8_t *bytes = graft_image_bytes(diff->new_image, s.start,
						 run.mem_len);
	// Unwind tables are not NEW's, but made for what is carried.
	if (frames && frames->bytes && s.start == frames->addr)
		bytes = frames->bytes;
	if (bytes) {
		run.file_len = run.mem_len;
		run.bytes = malloc(run.file_len);
		if (!run.bytes)
			return graft_error_no_memory();
		memcpy(run.bytes, bytes, run.file_len);
	}
	module->runs[module->run_count++] = run;
	module->carried_bytes += run.mem_len;
	return NULL;
}

static const struct graft_section *
section_of(const struct graft_diff *diff, const struct stretch *s)
{
	return graft_image_section_at(diff->new_image, s->start);
}

struct graft_error *
graft_runs_make(const struct graft_diff *diff,
		struct graft_patch_module *module)
{
	GRAFT_FREE struct stretch *all = NULL;
	size_t count = 0;
	size_t cap = 0;
	struct graft_error *err = collect(diff, &all, &count);

	if (!err)
		err = share_pages(all, count);
	for (size_t i = 0, end; !err && i < count; i = end) {
		struct stretch s = all[i];
		for (end = i + 1;
		     end < count && all[end].start <= s.end &&
		     section_of(diff, &all[end]) == section_of(diff, &s);
		     end++) {
			if (all[end].end > s.end)
				s.end = all[end].end;
		}
		err = add_run(diff, module, &cap, s);
	}
	return err;
}
