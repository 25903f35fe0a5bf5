// SPDX-License-Identifier: Apache-2.0

#include "patch/frames.h"

#include "base/cursor.h"
#include "base/vec.h"
#include "patch/check.h"

#include <string.h>

enum {
	/** `pcrel | sdata4`, and the same through a slot. */
	NEAR = 0x1b,
	NEAR_SLOT = 0x9b,
};

/** A CIE that was read. */
struct cie {
	uint64_t off;
	bool has_lsda;
};

/** The list while it is read. */
struct reading {
	const struct graft_patch_module *module;
	const uint8_t *bytes;
	struct cie *cies;
	size_t cie_count;
	size_t cie_cap;
	struct graft_patch_frame *frames;
	size_t count;
	size_t cap;
};

static void
reading_deinit(struct reading *reading)
{
	free(reading->cies);
	free(reading->frames);
}

static struct graft_error *
bad(const struct reading *reading, size_t off, const char *what)
{
	return graft_check_bad(
		"unwind tables at 0x%llx: %s",
		(unsigned long long)(reading->module->frames_addr + off), what);
}

/** Say whether all of a stretch of code is carried. */
static bool
is_carried(const struct graft_patch_module *m, uint64_t addr, uint64_t size)
{
	uint64_t end = addr + size;

	if (size == 0 || end < addr)
		return false;
	for (size_t i = 0; i < m->carried_count && addr < end; i++) {
		const struct graft_carried *piece = &m->carried[i];
		if (addr >= piece->new_addr &&
		    addr - piece->new_addr < piece->size)
			addr = piece->new_addr + piece->size;
	}
	return addr == end;
}

static struct graft_error *
read_cie(struct reading *reading, size_t off, struct graft_cursor c)
{
	uint64_t version = graft_cursor_le(&c, 1);
	const char *letters = (const char *)c.at;

	if (version != 1 || !memchr(letters, '\0', graft_cursor_left(&c)))
		return bad(reading, off, "a CIE of an unknown form");
	(void)graft_cursor_take(&c, strlen(letters) + 1);
	bool plain = strcmp(letters, "zR") == 0 || strcmp(letters, "zRS") == 0;
	bool full = strcmp(letters, "zPLR") == 0 ||
		    strcmp(letters, "zPLRS") == 0;
	(void)graft_cursor_leb(&c);
	(void)graft_cursor_signed_leb(&c);
	(void)graft_cursor_take(&c, 1);
	uint64_t len = graft_cursor_le(&c, 1);
	bool ok = (plain && len == 1) || (full && len == 7);
	if (full) {
		ok = ok && graft_cursor_le(&c, 1) == NEAR_SLOT;
		(void)graft_cursor_take(&c, 4);
		ok = ok && graft_cursor_le(&c, 1) == NEAR;
	}
	ok = ok && graft_cursor_le(&c, 1) == NEAR;
	if (!ok || c.bad)
		return bad(reading, off, "a CIE of an unknown form");
	struct graft_error *err = graft_vec_reserve(
		&reading->cies, &reading->cie_cap, reading->cie_count + 1,
		sizeof(*reading->cies));
	if (!err)
		reading->cies[reading->cie_count++] =
			(struct cie){ .off = off, .has_lsda = full };
	return err;
}

static const struct cie *
find_cie(const struct reading *reading, uint64_t off)
{
	for (size_t i = 0; i < reading->cie_count; i++) {
		if (reading->cies[i].off == off)
			return &reading->cies[i];
	}
	return NULL;
}

/** Take a distance, and make it an address. */
static uint64_t
take_near(const struct reading *reading, struct graft_cursor *c)
{
	uint64_t here = reading->module->frames_addr +
			(uint64_t)(c->at - reading->bytes);
	int32_t distance = (int32_t)graft_cursor_le(c, 4);

	return here + (uint64_t)(int64_t)distance;
}

static struct graft_error *
read_fde(struct reading *reading, size_t off, const struct cie *cie,
	 struct graft_cursor c)
{
	const struct graft_patch_module *m = reading->module;
	struct graft_patch_frame frame = { .fde = m->frames_addr + off };

	frame.new_addr = take_near(reading, &c);
	frame.size = graft_cursor_le(&c, 4);
	uint64_t len = graft_cursor_le(&c, 1);
	if (c.bad || len != (cie->has_lsda ? 4 : 0))
		return bad(reading, off, "an FDE of an unknown form");
	uint64_t lsda = cie->has_lsda ? take_near(reading, &c) : 0;
	if (c.bad || (cie->has_lsda && !graft_patch_module_bytes(m, lsda, 1)))
		return bad(reading, off,
			   "its language-specific data are not carried");
	if (!is_carried(m, frame.new_addr, frame.size))
		return bad(reading, off, "an FDE of what is not carried");
	if (reading->count) {
		const struct graft_patch_frame *last =
			&reading->frames[reading->count - 1];
		if (frame.new_addr < last->new_addr + last->size)
			return bad(reading, off, "FDEs that do not ascend");
	}
	struct graft_error *err =
		graft_vec_reserve(&reading->frames, &reading->cap,
				  reading->count + 1, sizeof(*reading->frames));
	if (!err)
		reading->frames[reading->count++] = frame;
	return err;
}

static struct graft_error *
read_all(struct reading *reading)
{
	struct graft_cursor c = graft_cursor_make(
		reading->bytes, (size_t)reading->module->frames_len);

	for (;;) {
		size_t off = (size_t)(c.at - reading->bytes);
		uint64_t len = graft_cursor_le(&c, 4);
		if (len == 0 && !c.bad && graft_cursor_left(&c) == 0)
			return NULL;
		const uint8_t *body = graft_cursor_take(&c, len);
		struct graft_cursor entry = graft_cursor_make(body,
							      body ? len : 0);
		uint64_t id = graft_cursor_le(&entry, 4);
		if (!body || entry.bad || len % 4)
			return bad(reading, off, "an entry is cut short");
		const struct cie *cie = find_cie(reading, off + 4 - id);
		if (id && !cie)
			return bad(reading, off, "an FDE without its CIE");
		struct graft_error *err = id ? read_fde(reading, off, cie,
							entry)
					     : read_cie(reading, off, entry);
		if (err)
			return err;
	}
}

struct graft_error *
graft_patch_frames_read(const struct graft_patch_module *module,
			struct graft_patch_frame **ret, size_t *count_ret)
{
	GRAFT_CLEANUP(reading_deinit)
	struct reading reading = { .module = module };

	reading.bytes = graft_patch_module_bytes(module, module->frames_addr,
						 module->frames_len);
	if (!reading.bytes || module->frames_addr % 4)
		return bad(&reading, 0, "not inside a run");
	struct graft_error *err = read_all(&reading);
	if (!err && reading.count == 0)
		err = bad(&reading, 0, "they are empty");
	if (err)
		return err;
	*ret = GRAFT_TAKE(reading.frames);
	*count_ret = reading.count;
	return NULL;
}
