// SPDX-License-Identifier: Apache-2.0

// graft_target_code_maps(): the mappings of a target, without reading all again.

#include "proc/maps.h"
#include "proc/target.h"
#include "proc/tracee.h"
#include "proc/vmas.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	/** Executable mappings without a file that may have come: shadows. */
	FRESH_MAX = 64,
};

/** A look at what became of mappings that were read before. */
struct renewal {
	struct graft_vmas *vmas;
	const struct graft_maps *before;
	/** Those that came, by ascending address. */
	struct graft_vma fresh[FRESH_MAX];
	size_t fresh_count;
};

/** Say whether the kernel shows a mapping as one of the process's own. */
static bool
is_code(const struct graft_map *map)
{
	return map->prot & PROT_EXEC && strcmp(map->path, "[vsyscall]") != 0;
}

static bool
is_same(const struct graft_map *map, const struct graft_vma *vma)
{
	return map->start == vma->start && map->end == vma->end &&
	       map->prot == vma->prot && map->shared == vma->shared &&
	       map->off == vma->off && map->dev == vma->dev &&
	       map->inode == vma->inode;
}

/** Say whether nothing was where something came. */
static bool
was_free(const struct graft_maps *maps, const struct graft_vma *vma)
{
	for (size_t i = 0; i < maps->count; i++) {
		if (maps->maps[i].start < vma->end &&
		    maps->maps[i].end > vma->start)
			return false;
	}
	return true;
}

/** Keep one that was not there before. @return false if all must be read. */
static bool
take_fresh(struct renewal *renewal, const struct graft_vma *vma)
{
	if (vma->inode || vma->shared || renewal->fresh_count == FRESH_MAX ||
	    !was_free(renewal->before, vma))
		return false;
	renewal->fresh[renewal->fresh_count++] = *vma;
	return true;
}

/** Go over all that is executable now. @param[out] ret It can be told what there is. */
GRAFT_MUST_CHECK static struct graft_error *
compare(struct renewal *renewal, bool *ret)
{
	const struct graft_maps *before = renewal->before;
	size_t at = 0;
	uint64_t addr = 0;

	*ret = false;
	for (;;) {
		struct graft_vma vma;
		bool found;
		struct graft_error *err =
			graft_vmas_next_code(renewal->vmas, addr, &vma, &found);
		if (err)
			return err;
		while (at < before->count && !is_code(&before->maps[at]))
			at++;
		bool known = found && at < before->count &&
			     is_same(&before->maps[at], &vma);
		if (!found) {
			*ret = at == before->count;
			return NULL;
		}
		if (!known && !take_fresh(renewal, &vma))
			return NULL;
		at += known;
		addr = vma.end;
	}
}

/** Put together what was there and what came. The paths stay those of what was there. */
GRAFT_MUST_CHECK static struct graft_error *
merge(const struct renewal *renewal, struct graft_maps **ret)
{
	const struct graft_maps *before = renewal->before;
	GRAFT_CLEANUP(graft_maps_freep)
	struct graft_maps *maps = calloc(1, sizeof(*maps));
	if (!maps)
		return graft_error_no_memory();
	maps->maps = calloc(before->count + renewal->fresh_count + 1,
			    sizeof(*maps->maps));
	if (!maps->maps)
		return graft_error_no_memory();
	for (size_t i = 0, k = 0;
	     i < before->count || k < renewal->fresh_count;) {
		const struct graft_vma *vma = &renewal->fresh[k];
		bool old = k == renewal->fresh_count ||
			   (i < before->count &&
			    before->maps[i].start < vma->start);
		maps->maps[maps->count++] =
			old ? before->maps[i]
			    : (struct graft_map){ .start = vma->start,
						  .end = vma->end,
						  .prot = vma->prot,
						  .path = "" };
		i += old;
		k += !old;
	}
	*ret = GRAFT_TAKE(maps);
	return NULL;
}

struct graft_error *
graft_target_code_maps(struct graft_target *target, struct graft_maps **ret,
		       bool *same_ret)
{
	struct renewal renewal = { .before = target->maps };
	bool can = false;
	struct graft_error *err = graft_target_vmas(target, &renewal.vmas);

	if (!err && renewal.before && graft_vmas_has_queries(renewal.vmas))
		err = compare(&renewal, &can);
	if (err)
		return err;
	*same_ret = can;
	return can ? merge(&renewal, ret) : graft_maps_read(target->pid, ret);
}
