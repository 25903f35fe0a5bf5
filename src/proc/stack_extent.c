// SPDX-License-Identifier: Apache-2.0

#include "proc/stack_extent.h"

#include <sys/mman.h>

bool
graft_stack_extent_is(const struct graft_vma *vma)
{
	int prot = PROT_READ | PROT_WRITE;
	return (vma->prot & prot) == prot;
}

struct graft_error *
graft_stack_extent_find(struct graft_vmas *vmas, uint64_t sp, uint64_t bound,
			uint64_t *start_ret, uint64_t *end_ret)
{
	struct graft_vma vma;
	bool found = false;
	*end_ret = 0;
	*start_ret = sp - GRAFT_STACK_RED_ZONE;
	struct graft_error *err = graft_vmas_next(vmas, sp, &vma, &found);
	if (err || !found || vma.start > sp || !graft_stack_extent_is(&vma))
		return err;
	*end_ret = vma.end;
	while (!(bound > sp && bound <= *end_ret)) {
		err = graft_vmas_next(vmas, *end_ret, &vma, &found);
		if (err)
			return err;
		if (!found || vma.start != *end_ret ||
		    !graft_stack_extent_is(&vma))
			break;
		*end_ret = vma.end;
	}
	if (bound > sp && bound <= *end_ret)
		*end_ret = bound;
	err = graft_vmas_next(vmas, *start_ret, &vma, &found);
	if (err)
		return err;
	// The red zone may reach into a guard page, where nothing can be.
	if (!graft_stack_extent_is(&vma) || vma.start > *start_ret)
		err = graft_vmas_next(vmas, sp, &vma, &found);
	if (!err && vma.start > *start_ret)
		*start_ret = vma.start;
	return err;
}
