// SPDX-License-Identifier: Apache-2.0

#include "proc/pointers.h"

#include "proc/hints.h"
#include "proc/present.h"
#include "proc/scan.h"
#include "proc/vmas.h"

#include <sys/mman.h>

enum {
	/** About a tenth of a second. */
	SEARCH_BYTES_MAX = 256 << 20,
	/** Longest `call`: opcode, modrm, SIB, displacement, and a prefix. */
	CALL_MAX = 8,
};

/** A search. */
struct search {
	struct graft_target *target;
	struct graft_scan *scan;
	struct graft_pointers found;
	/** Of the piece that is looked at. */
	uint64_t addr;
};

/** Say whether a call ends right before an address. */
static bool
is_behind_call(struct graft_target *target, uint64_t addr)
{
	uint8_t before[CALL_MAX];
	struct graft_error *err = graft_target_read(
		target, addr - sizeof(before), before, sizeof(before));
	bool read = !err;

	graft_error_free(err);
	if (!read)
		return false;
	// e8 rel32, or ff /2 with its addressing form: 2 to 7 bytes.
	bool found = before[CALL_MAX - 5] == 0xe8;
	for (size_t len = 2; !found && len <= 7; len++) {
		const uint8_t *at = &before[CALL_MAX - len];
		found = at[0] == 0xff && (at[1] & 0x38) == 0x10;
	}
	return found;
}

static void
mark(void *arg, size_t range)
{
	bool *hit = arg;

	(void)range;
	*hit = true;
}

static void
take_word(void *arg, size_t off, uint64_t word)
{
	struct search *search = arg;
	bool hit = false;

	// A word may have been handed over for another reason.
	graft_scan_find(search->scan, word, true, mark, &hit);
	if (!hit || is_behind_call(search->target, word))
		return;
	if (search->found.count++ == 0) {
		search->found.addr = search->addr + off;
		search->found.value = word;
	}
}

static void
take_piece(void *arg, const struct graft_batch_piece *piece)
{
	struct search *search = arg;

	search->addr = piece->addr;
	graft_scan_words(search->scan, piece->bytes, piece->got, take_word,
			 search);
}

/** Search what was mapped. */
GRAFT_MUST_CHECK static struct graft_error *
add_maps(struct graft_present *present, const struct graft_maps *maps)
{
	const int wanted = PROT_READ | PROT_WRITE;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < maps->count; i++) {
		const struct graft_map *map = &maps->maps[i];
		if ((map->prot & wanted) == wanted && !map->shared)
			err = graft_present_add(present, map->start, map->end);
	}
	return err;
}

/** Search what is mapped. */
GRAFT_MUST_CHECK static struct graft_error *
add_vmas(struct graft_present *present, struct graft_target *target)
{
	struct graft_vmas *vmas;
	struct graft_vma vma = { .end = 0 };
	bool found = true;
	struct graft_error *err = graft_target_vmas(target, &vmas);

	if (!err)
		graft_vmas_renew(vmas, graft_target_pid(target));
	while (!err && found) {
		err = graft_vmas_next_data(vmas, vma.end, &vma, &found);
		if (!err && found && !vma.shared)
			err = graft_present_add(present, vma.start, vma.end);
	}
	return err;
}

struct graft_error *
graft_pointers_find(struct graft_target *target, const struct graft_maps *maps,
		    const struct graft_range *ranges, size_t count,
		    struct graft_pointers *ret)
{
	struct graft_hints *hints = graft_target_hints(target);
	GRAFT_CLEANUP(graft_scan_freep) struct graft_scan *scan = NULL;
	GRAFT_CLEANUP(graft_present_freep) struct graft_present *present = NULL;
	struct search search = { .target = target };
	struct graft_error *err = graft_scan_new(ranges, count, &scan);

	if (!err)
		err = graft_present_new(graft_target_pid(target),
					SEARCH_BYTES_MAX, 0, take_piece,
					&search, hints ? &hints->batch : NULL,
					&present);
	search.scan = scan;
	if (!err)
		err = maps ? add_maps(present, maps)
			   : add_vmas(present, target);
	if (!err)
		err = graft_present_flush(present);
	if (!err)
		*ret = search.found;
	return err;
}
