// SPDX-License-Identifier: Apache-2.0

// The page of a hook, little-endian:
//
//       0  magic "GRAFTUNW"          8  address of what is asked next
//      16  number of frames u32     20  distance from here to the first s32
//      24  bytes from there to the end of the last u32      28  zero u32
//      32  code                    146  int3
//     148  callers: distance from the function s32, 0 behind the last; 7 of them
//     176  slot, function, unbound: u64 each          200  zero u64
//     208  frames: distance from here to the code s32, its bytes u32, distance
//          from here to the FDE s32

#include "plan/hook.h"

#include "patch/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	PAGE = 4096,
	MAGIC_SIZE = 8,
	CALLERS_OFF = 148,
	UNWINDER_OFF = 176,
	TABLE_OFF = 208,
	FRAME_SIZE = 12,
	/** Shorter FDEs there are none. */
	FDE_MIN = 20,
	/** Hooks of one process. */
	CHAIN_MAX = 256,
	INT3 = 0xcc,
};

static const char magic[] = "GRAFTUNW";

/**
 * const fde *find(void *pc (rdi), struct { void *tbase, *dbase, *func; } *(rsi))
 *
 * It uses registers only that a call may change.
 */
static const uint8_t code[] = {
	0xf3, 0x0f, 0x1e, 0xfa,                   // endbr64
	0x48, 0x8d, 0x05, 0xd5, 0xff, 0xff, 0xff, // lea page(%rip), %rax
	0x48, 0x63, 0x0d, 0xe2, 0xff, 0xff, 0xff, // movslq 20(page), %rcx
	0x48, 0x8d, 0x0c, 0x08,                   // lea (%rax,%rcx), %rcx
	0x49, 0x89, 0xf8,                         // mov %rdi, %r8
	0x49, 0x29, 0xc8,                         // sub %rcx, %r8
	0x8b, 0x0d, 0xd6, 0xff, 0xff, 0xff,       // mov 24(page), %ecx
	0x49, 0x39, 0xc8,                         // cmp %rcx, %r8
	0x73, 0x2a,                               // jae miss
	0x8b, 0x0d, 0xc3, 0xff, 0xff, 0xff,       // mov 16(page), %ecx
	0x48, 0x8d, 0x15, 0x7c, 0x00, 0x00, 0x00, // lea 208(page), %rdx
	// again:
	0x4c, 0x63, 0x02,       // movslq (%rdx), %r8
	0x49, 0x01, 0xc0,       // add %rax, %r8
	0x49, 0x89, 0xf9,       // mov %rdi, %r9
	0x4d, 0x29, 0xc1,       // sub %r8, %r9
	0x44, 0x8b, 0x52, 0x04, // mov 4(%rdx), %r10d
	0x4d, 0x39, 0xd1,       // cmp %r10, %r9
	0x72, 0x0e,             // jb found
	0x48, 0x83, 0xc2, 0x0c, // add $12, %rdx
	0xff, 0xc9,             // dec %ecx
	0x75, 0xe3,             // jnz again
	// miss:
	0xff, 0x25, 0x91, 0xff, 0xff, 0xff, // jmp *8(page)
	// found:
	0x48, 0xc7, 0x06, 0x00, 0x00, 0x00, 0x00,       // movq $0, (%rsi)
	0x48, 0xc7, 0x46, 0x08, 0x00, 0x00, 0x00, 0x00, // movq $0, 8(%rsi)
	0x4c, 0x89, 0x46, 0x10,                         // mov %r8, 16(%rsi)
	0x48, 0x63, 0x52, 0x08,                         // movslq 8(%rdx), %rdx
	0x48, 0x01, 0xd0,                               // add %rdx, %rax
	0xc3,                                           // ret
};

_Static_assert(GRAFT_HOOK_ENTRY_OFF + sizeof(code) <= CALLERS_OFF,
	       "the code has room");

static void
store_le(uint8_t *at, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t
load_le(const uint8_t *at)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

uint64_t
graft_hook_room(const struct graft_patch_module *module)
{
	if (!module->frames_len)
		return 0;
	uint64_t most = module->frames_len / FDE_MIN;

	return (TABLE_OFF + most * FRAME_SIZE + PAGE - 1) &
	       ~(uint64_t)(PAGE - 1);
}

/** Put all but the frames. */
static void
put_front(uint8_t *bytes, const struct graft_hook *hook)
{
	const struct graft_unwinder *u = &hook->unwinder;

	memcpy(bytes, magic, MAGIC_SIZE);
	store_le(bytes + GRAFT_HOOK_NEXT_OFF, hook->next, 8);
	memset(bytes + GRAFT_HOOK_ENTRY_OFF, INT3,
	       UNWINDER_OFF - GRAFT_HOOK_ENTRY_OFF);
	memcpy(bytes + GRAFT_HOOK_ENTRY_OFF, code, sizeof(code));
	store_le(bytes + UNWINDER_OFF, u->slot, 8);
	store_le(bytes + UNWINDER_OFF + 8, u->function, 8);
	store_le(bytes + UNWINDER_OFF + 16, u->unbound, 8);
	for (size_t i = 0; i < GRAFT_HOOK_CALLERS_MAX; i++)
		store_le(bytes + CALLERS_OFF + 4 * i,
			 i < u->caller_count ? u->callers[i] - u->function : 0,
			 4);
}

/** Put a distance from the page; false if it does not fit. */
static bool
put_near(uint8_t *at, uint64_t page, uint64_t target)
{
	int64_t distance = (int64_t)(target - page);

	store_le(at, (uint64_t)distance, 4);
	return distance >= INT32_MIN && distance <= INT32_MAX;
}

/** Put the frames, which ascend. */
static bool
put_frames(uint8_t *bytes, uint64_t page, uint64_t shadow_base,
	   const struct graft_patch_frame *frames, size_t count)
{
	const struct graft_patch_frame *last = &frames[count - 1];
	uint64_t span = last->new_addr + last->size - frames[0].new_addr;
	bool fits = span <= UINT32_MAX &&
		    put_near(bytes + 20, page,
			     shadow_base + frames[0].new_addr);

	store_le(bytes + 16, count, 4);
	store_le(bytes + 24, span, 4);
	for (size_t i = 0; fits && i < count; i++) {
		uint8_t *at = bytes + TABLE_OFF + i * FRAME_SIZE;
		fits = put_near(at, page, shadow_base + frames[i].new_addr) &&
		       put_near(at + 8, page, shadow_base + frames[i].fde);
		store_le(at + 4, frames[i].size, 4);
	}
	return fits;
}

struct graft_error *
graft_hook_make(const struct graft_patch_module *module, uint64_t shadow_base,
		const struct graft_hook *hook, struct graft_shadow_piece *ret)
{
	GRAFT_FREE struct graft_patch_frame *frames = NULL;
	size_t count = 0;
	struct graft_error *err = graft_patch_frames_read(module, &frames,
							  &count);
	if (err)
		return err;
	uint64_t len = TABLE_OFF + count * FRAME_SIZE;
	GRAFT_FREE uint8_t *bytes = calloc(1, len);
	if (!bytes)
		return graft_error_no_memory();
	put_front(bytes, hook);
	if (len > graft_hook_room(module) ||
	    !put_frames(bytes, hook->addr, shadow_base, frames, count))
		return graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"the unwind tables are too far from their code");
	*ret = (struct graft_shadow_piece){
		.addr = hook->addr,
		.bytes = GRAFT_TAKE(bytes),
		.len = len,
		.prot = PROT_READ | PROT_EXEC,
	};
	return NULL;
}

bool
graft_hook_begins(const uint8_t *bytes, size_t len)
{
	return len >= TABLE_OFF && memcmp(bytes, magic, MAGIC_SIZE) == 0 &&
	       memcmp(bytes + GRAFT_HOOK_ENTRY_OFF, code, sizeof(code)) == 0;
}

/** Read a hook where there may be one. */
GRAFT_MUST_CHECK static struct graft_error *
read_hook(struct graft_target *target, uint64_t addr, struct graft_hook *ret,
	  bool *there_ret)
{
	uint8_t bytes[TABLE_OFF];
	struct graft_error *err;

	*there_ret = false;
	if (addr % PAGE)
		return NULL;
	err = graft_target_read(target, addr, bytes, sizeof(bytes));
	if (err && graft_error_errno(err) == EFAULT) {
		graft_error_free(err);
		return NULL;
	}
	if (err || !graft_hook_begins(bytes, sizeof(bytes)))
		return err;
	*ret = (struct graft_hook){
		.addr = addr,
		.next = load_le(bytes + GRAFT_HOOK_NEXT_OFF),
		.unwinder = {
			.slot = load_le(bytes + UNWINDER_OFF),
			.function = load_le(bytes + UNWINDER_OFF + 8),
			.unbound = load_le(bytes + UNWINDER_OFF + 16),
		},
	};
	for (size_t i = 0; i < GRAFT_HOOK_CALLERS_MAX; i++) {
		int32_t distance;
		memcpy(&distance, bytes + CALLERS_OFF + 4 * i, 4);
		if (!distance)
			break;
		ret->unwinder.callers[ret->unwinder.caller_count++] =
			ret->unwinder.function + (uint64_t)(int64_t)distance;
	}
	*there_ret = true;
	return NULL;
}

struct graft_error *
graft_hook_find(struct graft_target *target, const struct graft_header *header,
		struct graft_hook *ret, bool *there_ret)
{
	struct graft_error *err = NULL;

	// It has the last mapping of the shadow for itself.
	*there_ret = false;
	if (header->region_count == 0)
		return NULL;
	const struct graft_header_region *region =
		&header->regions[header->region_count - 1];
	if (region->prot == (PROT_READ | PROT_EXEC))
		err = read_hook(target, region->addr, ret, there_ret);
	return err;
}

struct graft_error *
graft_hook_follow(struct graft_target *target, const struct graft_hook *hook,
		  struct graft_hook_chain *ret)
{
	uint8_t value[8];
	struct graft_error *err = graft_target_read(target, hook->unwinder.slot,
						    value, sizeof(value));

	if (err)
		return err;
	*ret = (struct graft_hook_chain){ .first = load_le(value),
					  .last = load_le(value) };
	for (int i = 0; i < CHAIN_MAX; i++) {
		struct graft_hook at;
		bool there;
		err = read_hook(target, ret->last - GRAFT_HOOK_ENTRY_OFF, &at,
				&there);
		if (err || !there)
			return err;
		ret->linked |= at.addr == hook->addr;
		ret->last = at.next;
	}
	return NULL;
}

struct graft_error *
graft_hook_is_linked(struct graft_target *target,
		     const struct graft_header *header, bool *ret)
{
	struct graft_hook hook;
	struct graft_hook_chain chain;
	bool there;
	struct graft_error *err = graft_hook_find(target, header, &hook,
						  &there);

	*ret = false;
	if (err || !there)
		return err;
	err = graft_hook_follow(target, &hook, &chain);
	// Where libgcc_s is gone, nobody asks.
	if (err && graft_error_errno(err) == EFAULT) {
		graft_error_free(err);
		return NULL;
	}
	if (!err)
		*ret = chain.linked;
	return err;
}
