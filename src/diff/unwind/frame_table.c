// SPDX-License-Identifier: Apache-2.0

// Layout as in the Linux Standard Base, "Exception Frames"; elf/extents.c reads
// what this writes.

#include "diff/unwind/frame_table.h"

#include "base/cursor.h"
#include "base/vec.h"

#include <dwarf.h>
#include <stdio.h>
#include <string.h>

enum {
	ALIGN = 8,
	/** `pcrel | sdata4`, and the same through a slot. */
	NEAR = DW_EH_PE_pcrel | DW_EH_PE_sdata4,
	NEAR_SLOT = DW_EH_PE_indirect | NEAR,
};

/** A CIE that was written. */
struct cie {
	/** An extent that it was written for. */
	const struct graft_extent *extent;
	uint64_t off;
};

/** The table while it is written. */
struct table {
	const struct graft_diff *diff;
	struct graft_frames *frames;
	uint64_t addr;
	uint8_t *bytes;
	size_t len;
	size_t cap;
	struct cie *cies;
	size_t cie_count;
	size_t cie_cap;
	/** Why it cannot be written, or NULL. */
	const char *why;
};

static void
table_deinit(struct table *table)
{
	free(table->bytes);
	free(table->cies);
}

/** Skip a block of an expression; one with an address in it is bad. */
static void
skip_block(struct graft_cursor *c)
{
	uint64_t len = graft_cursor_leb(c);
	const uint8_t *block = graft_cursor_take(c, len);

	// It may be an operand as well; such blocks are rare.
	if (block && memchr(block, DW_OP_addr, len))
		c->bad = true;
}

/** Skip the operands of an instruction. */
static void
skip_operands(struct graft_cursor *c, uint8_t op)
{
	switch (op) {
	case DW_CFA_nop:
	case DW_CFA_remember_state:
	case DW_CFA_restore_state:
		return;
	case DW_CFA_advance_loc1:
		(void)graft_cursor_take(c, 1);
		return;
	case DW_CFA_advance_loc2:
		(void)graft_cursor_take(c, 2);
		return;
	case DW_CFA_advance_loc4:
		(void)graft_cursor_take(c, 4);
		return;
	case DW_CFA_expression:
	case DW_CFA_val_expression:
		(void)graft_cursor_leb(c);
		skip_block(c);
		return;
	case DW_CFA_def_cfa_expression:
		skip_block(c);
		return;
	case DW_CFA_offset_extended:
	case DW_CFA_register:
	case DW_CFA_def_cfa:
	case DW_CFA_offset_extended_sf:
	case DW_CFA_def_cfa_sf:
	case DW_CFA_val_offset:
	case DW_CFA_val_offset_sf:
		(void)graft_cursor_leb(c);
		(void)graft_cursor_leb(c);
		return;
	case DW_CFA_restore_extended:
	case DW_CFA_undefined:
	case DW_CFA_same_value:
	case DW_CFA_def_cfa_register:
	case DW_CFA_def_cfa_offset:
	case DW_CFA_def_cfa_offset_sf:
	case DW_CFA_GNU_args_size:
		(void)graft_cursor_leb(c);
		return;
	default:
		// DW_CFA_set_loc is an address.
		c->bad = true;
	}
}

bool
graft_frame_rules_move(const uint8_t *rules, size_t len)
{
	struct graft_cursor c = graft_cursor_make(rules, len);

	while (!c.bad && graft_cursor_left(&c)) {
		uint8_t op = (uint8_t)graft_cursor_le(&c, 1);
		if ((op & 0xc0) == DW_CFA_offset)
			(void)graft_cursor_leb(&c);
		else if (!(op & 0xc0))
			skip_operands(&c, op);
	}
	return !c.bad;
}

static struct graft_error *
put(struct table *table, const void *bytes, size_t len)
{
	struct graft_error *err = graft_vec_reserve(&table->bytes, &table->cap,
						    table->len + len, 1);

	if (!err && len) {
		memcpy(table->bytes + table->len, bytes, len);
		table->len += len;
	}
	return err;
}

static struct graft_error *
put_le(struct table *table, uint64_t value, size_t len)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	return put(table, bytes, len);
}

static struct graft_error *
put_leb(struct table *table, uint64_t value)
{
	struct graft_error *err;

	do {
		uint8_t byte = value & 0x7f;
		value >>= 7;
		err = put_le(table, value ? byte | 0x80u : byte, 1);
	} while (!err && value);
	return err;
}

static struct graft_error *
put_signed_leb(struct table *table, int64_t value)
{
	for (;;) {
		uint8_t byte = (uint8_t)value & 0x7f;
		bool sign = byte & 0x40;
		value >>= 7;
		bool last = value == (sign ? -1 : 0);
		struct graft_error *err = put_le(table,
						 last ? byte : byte | 0x80u, 1);
		if (err || last)
			return err;
	}
}

/** Put the distance from here to an address. */
static struct graft_error *
put_near(struct table *table, uint64_t target)
{
	int64_t distance = (int64_t)(target - (table->addr + table->len));

	if (distance < INT32_MIN || distance > INT32_MAX)
		table->why = "its tables are too far away";
	return put_le(table, (uint64_t)distance, 4);
}

/** Begin an entry; its length is filled in by end_entry(). */
static struct graft_error *
begin_entry(struct table *table, uint64_t id, size_t *start_ret)
{
	*start_ret = table->len;
	struct graft_error *err = put_le(table, 0, 4);

	return err ? err : put_le(table, id, 4);
}

static struct graft_error *
end_entry(struct table *table, size_t start)
{
	struct graft_error *err = NULL;

	while (!err && table->len % ALIGN)
		err = put_le(table, DW_CFA_nop, 1);
	uint64_t len = table->len - start - 4;
	for (size_t i = 0; !err && i < 4; i++)
		table->bytes[start + i] = (uint8_t)(len >> (8 * i));
	return err;
}

/** Can two extents share a CIE? */
static bool
same_cie(const struct graft_extent *a, const struct graft_extent *b)
{
	return !a->lsda == !b->lsda && a->signal_frame == b->signal_frame &&
	       (!a->lsda || a->personality == b->personality) &&
	       a->code_align == b->code_align &&
	       a->data_align == b->data_align &&
	       a->return_reg == b->return_reg &&
	       a->first_rules_len == b->first_rules_len &&
	       memcmp(a->first_rules, b->first_rules, a->first_rules_len) == 0;
}

/** Put what the letters of the augmentation stand for, in their order. */
static struct graft_error *
put_augmentation(struct table *table, const struct graft_extent *extent)
{
	// P: how, and the distance to its slot; L: how; R: how.
	struct graft_error *err = put_leb(table, extent->lsda ? 7 : 1);

	if (extent->lsda) {
		if (!err)
			err = put_le(table, NEAR_SLOT, 1);
		if (!err)
			err = graft_frames_add_fix(table->frames,
						   table->addr + table->len,
						   extent->personality);
		if (!err)
			err = put_near(table, extent->personality);
		if (!err)
			err = put_le(table, NEAR, 1);
	}
	return err ? err : put_le(table, NEAR, 1);
}

static struct graft_error *
put_cie(struct table *table, const struct graft_extent *extent)
{
	char letters[8];
	size_t start;
	struct graft_error *err = begin_entry(table, 0, &start);

	(void)snprintf(letters, sizeof(letters), "z%s%s%s",
		       extent->lsda ? "PL" : "", "R",
		       extent->signal_frame ? "S" : "");
	if (!err)
		err = put_le(table, 1, 1);
	if (!err)
		err = put(table, letters, strlen(letters) + 1);
	if (!err)
		err = put_leb(table, extent->code_align);
	if (!err)
		err = put_signed_leb(table, extent->data_align);
	if (!err)
		err = put_le(table, extent->return_reg, 1);
	if (!err)
		err = put_augmentation(table, extent);
	if (!err)
		err = put(table, extent->first_rules, extent->first_rules_len);
	return err ? err : end_entry(table, start);
}

/** Find or write the CIE of an extent. */
static struct graft_error *
need_cie(struct table *table, const struct graft_extent *extent,
	 uint64_t *off_ret)
{
	for (size_t i = 0; i < table->cie_count; i++) {
		*off_ret = table->cies[i].off;
		if (same_cie(table->cies[i].extent, extent))
			return NULL;
	}
	if (extent->return_reg > UINT8_MAX ||
	    !graft_frame_rules_move(extent->first_rules,
				    extent->first_rules_len))
		table->why = "a CIE says something that is not known";
	struct graft_error *err =
		graft_vec_reserve(&table->cies, &table->cie_cap,
				  table->cie_count + 1, sizeof(*table->cies));
	if (err)
		return err;
	*off_ret = table->len;
	table->cies[table->cie_count++] = (struct cie){ .extent = extent,
							.off = table->len };
	return put_cie(table, extent);
}

/** Put the FDE of an extent of which @p size bytes are carried. */
static struct graft_error *
put_fde(struct table *table, const struct graft_extent *extent, uint64_t size)
{
	uint64_t cie;
	size_t start;
	struct graft_error *err = need_cie(table, extent, &cie);

	if (!graft_frame_rules_move(extent->rules, extent->rules_len))
		table->why = "an FDE says something that is not known";
	if (!err)
		err = begin_entry(table, table->len + 4 - cie, &start);
	if (!err)
		err = put_near(table, extent->addr);
	if (!err)
		err = put_le(table, size, 4);
	if (!err)
		err = put_leb(table, extent->lsda ? 4 : 0);
	if (!err && extent->lsda)
		err = put_near(table, extent->lsda);
	if (!err)
		err = put(table, extent->rules, extent->rules_len);
	return err ? err : end_entry(table, start);
}

/** Put one FDE for each extent of the carried functions, which ascend. */
static struct graft_error *
put_all(struct table *table)
{
	const struct graft_diff *diff = table->diff;
	struct graft_error *err = NULL;
	size_t i = 0;

	while (!err && i < diff->carried_count) {
		const struct graft_func *f =
			&diff->new_code->funcs[diff->carried[i++]];
		const struct graft_extent *extent = f->extent;
		uint64_t start = f->addr;
		uint64_t end = f->addr + f->size;
		if (!extent)
			continue;
		// Symbols may cut an extent into several functions.
		while (i < diff->carried_count) {
			f = &diff->new_code->funcs[diff->carried[i]];
			if (f->extent != extent || f->addr != end)
				break;
			end = f->addr + f->size;
			i++;
		}
		if (start != extent->addr || end != extent->addr + extent->size)
			table->why = "an FDE covers more than what is carried";
		err = put_fde(table, extent, extent->size);
	}
	return err ? err : put_le(table, 0, 4);
}

struct graft_error *
graft_frame_table_make(const struct graft_diff *diff,
		       struct graft_frames *frames, const char **why_ret)
{
	const struct graft_section *section =
		graft_image_section_named(diff->new_image, ".eh_frame");

	*why_ret = "NEW has no unwind tables";
	if (!section)
		return NULL;
	GRAFT_CLEANUP(table_deinit)
	struct table table = {
		.diff = diff,
		.frames = frames,
		.addr = (section->addr + ALIGN - 1) & ~(uint64_t)(ALIGN - 1),
	};
	struct graft_error *err = put_all(&table);
	if (err)
		return err;
	uint64_t room = section->addr + section->size - table.addr;
	if (!table.why && (section->size < ALIGN || table.len > room))
		table.why = "its tables have no room";
	*why_ret = table.why;
	if (table.why)
		return NULL;
	frames->addr = table.addr;
	frames->len = table.len;
	frames->bytes = GRAFT_TAKE(table.bytes);
	return NULL;
}
