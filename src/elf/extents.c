// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The FDEs of `.eh_frame`. As in the Linux Standard Base, "Exception Frames":
 *
 *     entry   u32 length | u32 id | body of length - 4 bytes
 *             a length of 0 ends a list; linkers may join several lists
 *     CIE     id is 0; body: u8 version | augmentation string |
 *             uleb code alignment | sleb data alignment | return register |
 *             with 'z': uleb length, then what each letter stands for
 *     FDE     id is the distance back to its CIE; body: start | size |
 *             with 'z': uleb length, with 'L' the address of the LSDA
 */

#include "elf/image.h"

#include "base/cursor.h"
#include "base/vec.h"
#include "elf/limits.h"
#include "elf/model.h"

#include <dwarf.h>
#include <string.h>

/** What the FDEs of a CIE need of it. */
struct cie {
	/** Offset in the section. */
	size_t off;
	uint8_t fde_encoding;
	uint8_t lsda_encoding;
	bool has_data;
	bool signal_frame;
	uint64_t personality;
	bool personality_indirect;
	uint64_t code_align;
	uint64_t data_align;
	uint64_t return_reg;
	/** Call frame instructions. */
	const uint8_t *rules;
	size_t rules_len;
};

struct frames {
	const struct graft_image *image;
	const struct graft_section *section;
	/** By ascending offset. */
	struct cie *cies;
	size_t cie_count, cie_room;
	struct graft_extent *extents;
	size_t extent_count, extent_room;
};

static void
frames_deinit(struct frames *frames)
{
	free(frames->cies);
	free(frames->extents);
}

/** Take a number in the format of the low half of @p encoding. */
static uint64_t
take_number(struct graft_cursor *c, uint8_t encoding)
{
	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return graft_cursor_le(c, 8);
	case DW_EH_PE_uleb128:
		return graft_cursor_leb(c);
	case DW_EH_PE_sleb128:
		return (uint64_t)graft_cursor_signed_leb(c);
	case DW_EH_PE_udata2:
		return graft_cursor_le(c, 2);
	case DW_EH_PE_sdata2:
		return (uint64_t)(int16_t)graft_cursor_le(c, 2);
	case DW_EH_PE_udata4:
		return graft_cursor_le(c, 4);
	case DW_EH_PE_sdata4:
		return (uint64_t)(int32_t)graft_cursor_le(c, 4);
	default:
		c->bad = true;
		return 0;
	}
}

/** Say whether take_pointer() understands an encoding. */
static bool
is_known(uint8_t encoding)
{
	uint8_t relative = encoding & 0x70;
	return encoding == DW_EH_PE_omit || relative == 0 ||
	       relative == DW_EH_PE_pcrel;
}

/**
 * Take an address. With DW_EH_PE_indirect it is that of the slot.
 *
 * @return 0 if the number is 0, as for "none".
 */
static uint64_t
take_pointer(const struct frames *frames, struct graft_cursor *c,
	     uint8_t encoding)
{
	if (encoding == DW_EH_PE_omit)
		return 0;
	uint64_t here = frames->section->addr +
			(uint64_t)(c->at - frames->section->bytes);
	uint64_t value = take_number(c, encoding);
	// In a file that moves, an absolute address is relocated when loaded.
	const struct graft_reloc *reloc =
		(encoding & 0x70) == 0
			? graft_image_reloc_at(frames->image, here)
			: NULL;
	if (reloc && reloc->type == R_X86_64_RELATIVE)
		return (uint64_t)reloc->addend;
	if (value && (encoding & 0x70) == DW_EH_PE_pcrel)
		value += here;
	return value;
}

static struct graft_error *
malformed(size_t off)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "the entry at %#zx is malformed", off);
}

/** Read what the letters of an augmentation string stand for. */
static struct graft_error *
read_augmentation(const struct frames *frames, struct cie *cie,
		  const char *letters, struct graft_cursor *c)
{
	for (const char *letter = letters; *letter; letter++) {
		uint8_t encoding;
		switch (*letter) {
		case 'R':
			cie->fde_encoding = (uint8_t)graft_cursor_le(c, 1);
			break;
		case 'L':
			cie->lsda_encoding = (uint8_t)graft_cursor_le(c, 1);
			break;
		case 'P':
			encoding = (uint8_t)graft_cursor_le(c, 1);
			if (!is_known(encoding))
				return graft_error_new(
					GRAFT_ERROR_UNSUPPORTED,
					"an address encoded as %#x", encoding);
			cie->personality = take_pointer(frames, c, encoding);
			cie->personality_indirect = encoding != DW_EH_PE_omit &&
						    (encoding &
						     DW_EH_PE_indirect);
			break;
		case 'S':
			cie->signal_frame = true;
			break;
		default:
			return graft_error_new(
				GRAFT_ERROR_UNSUPPORTED, "an augmentation '%c'",
				*letter >= ' ' && *letter <= '~' ? *letter
								 : '?');
		}
	}
	if (!is_known(cie->fde_encoding) || !is_known(cie->lsda_encoding) ||
	    cie->fde_encoding == DW_EH_PE_omit ||
	    (cie->fde_encoding & DW_EH_PE_indirect))
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "addresses encoded as %#x and %#x",
				       cie->fde_encoding, cie->lsda_encoding);
	return NULL;
}

static struct graft_error *
read_cie(struct frames *frames, size_t off, struct graft_cursor c)
{
	struct cie cie = { .off = off, .lsda_encoding = DW_EH_PE_omit };
	uint64_t version = graft_cursor_le(&c, 1);
	const char *letters = (const char *)c.at;
	if (!memchr(c.at, '\0', graft_cursor_left(&c)))
		return malformed(off);
	(void)graft_cursor_take(&c, strlen(letters) + 1);
	cie.code_align = graft_cursor_leb(&c);
	cie.data_align = graft_cursor_signed_leb(&c);
	cie.return_reg = version == 1 ? graft_cursor_le(&c, 1)
				      : graft_cursor_leb(&c);
	if (c.bad)
		return malformed(off);
	if (version != 1 && version != 3)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "a CIE of version %ju",
				       (uintmax_t)version);

	if (*letters == 'z') {
		cie.has_data = true;
		uint64_t len = graft_cursor_leb(&c);
		const uint8_t *data = graft_cursor_take(&c, len);
		if (!data)
			return malformed(off);
		struct graft_cursor sub = graft_cursor_make(data, len);
		struct graft_error *err = read_augmentation(frames, &cie,
							    letters + 1, &sub);
		if (err)
			return err;
		if (sub.bad)
			return malformed(off);
	} else if (*letters) {
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "an augmentation without a length");
	}
	cie.rules = c.at;
	cie.rules_len = graft_cursor_left(&c);

	struct graft_error *err =
		graft_vec_reserve(&frames->cies, &frames->cie_room,
				  frames->cie_count + 1, sizeof(*frames->cies));
	if (err)
		return err;
	frames->cies[frames->cie_count++] = cie;
	return NULL;
}

static const struct cie *
find_cie(const struct frames *frames, size_t off)
{
	size_t low = 0, high = frames->cie_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (frames->cies[mid].off == off)
			return &frames->cies[mid];
		if (frames->cies[mid].off < off)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/** Say whether code of that extent is in the file. */
static bool
is_code(const struct graft_image *image, uint64_t addr, uint64_t size)
{
	const struct graft_section *section = graft_image_section_at(image,
								     addr);
	return section && (section->flags & SHF_EXECINSTR) &&
	       size <= section->size - (addr - section->addr);
}

static struct graft_error *
read_fde(struct frames *frames, size_t off, size_t cie_off,
	 struct graft_cursor c)
{
	const struct cie *cie = find_cie(frames, cie_off);
	if (!cie)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "the entry at %#zx has no CIE", off);
	struct graft_extent extent = {
		.addr = take_pointer(frames, &c, cie->fde_encoding),
		.size = take_number(&c, cie->fde_encoding & 0x0f),
		.personality = cie->personality,
		.personality_indirect = cie->personality_indirect,
		.signal_frame = cie->signal_frame,
		.code_align = cie->code_align,
		.data_align = (int64_t)cie->data_align,
		.return_reg = cie->return_reg,
		.first_rules = cie->rules,
		.first_rules_len = cie->rules_len,
	};
	if (cie->has_data) {
		uint64_t len = graft_cursor_leb(&c);
		const uint8_t *data = graft_cursor_take(&c, len);
		struct graft_cursor sub = graft_cursor_make(data,
							    data ? len : 0);
		extent.lsda = take_pointer(frames, &sub, cie->lsda_encoding);
		c.bad = c.bad || sub.bad;
	}
	if (c.bad)
		return malformed(off);
	extent.rules = c.at;
	extent.rules_len = graft_cursor_left(&c);
	// What a linker leaves of functions that it threw away.
	if (extent.size == 0 || extent.addr == 0)
		return NULL;
	if (!is_code(frames->image, extent.addr, extent.size))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "the entry at %#zx: no code at %#jx",
				       off, (uintmax_t)extent.addr);

	struct graft_error *err = graft_vec_reserve(
		&frames->extents, &frames->extent_room,
		frames->extent_count + 1, sizeof(*frames->extents));
	if (err)
		return err;
	frames->extents[frames->extent_count++] = extent;
	return NULL;
}

static struct graft_error *
read_entries(struct frames *frames)
{
	const uint8_t *base = frames->section->bytes;
	struct graft_cursor c = graft_cursor_make(base, frames->section->size);
	while (graft_cursor_left(&c)) {
		size_t off = (size_t)(c.at - base);
		uint64_t len = graft_cursor_le(&c, 4);
		if (len == 0 && !c.bad)
			continue;
		if (len == UINT32_MAX)
			len = graft_cursor_le(&c, 8);
		const uint8_t *body = graft_cursor_take(&c, len);
		if (!body)
			return malformed(off);
		struct graft_cursor entry = graft_cursor_make(body, len);
		uint64_t id = graft_cursor_le(&entry, 4);
		size_t id_off = (size_t)(body - base);
		if (entry.bad || id > id_off)
			return malformed(off);
		struct graft_error *err = id ? read_fde(frames, off,
							id_off - id, entry)
					     : read_cie(frames, off, entry);
		if (err)
			return err;
	}
	return NULL;
}

static int
compare_extents(const void *a, const void *b)
{
	const struct graft_extent *x = a, *y = b;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/**
 * Check that `.eh_frame_hdr`, where unwinders begin, leads to the section that
 * we read: u8 version | u8 encoding of what follows | 2 more | s32 distance.
 */
static struct graft_error *
check_header(const struct graft_image *image,
	     const struct graft_section *section)
{
	const struct graft_section *header =
		graft_image_section_named(image, ".eh_frame_hdr");
	if (!header || !header->bytes || header->size < 8)
		return NULL;
	struct graft_cursor c = graft_cursor_make(header->bytes, header->size);
	uint64_t version = graft_cursor_le(&c, 1);
	uint64_t encoding = graft_cursor_le(&c, 1);
	(void)graft_cursor_take(&c, 2);
	if (version != 1 || encoding != (DW_EH_PE_pcrel | DW_EH_PE_sdata4))
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "its header is of version %ju, encoded "
				       "as %#jx",
				       (uintmax_t)version, (uintmax_t)encoding);
	uint64_t addr = header->addr + 4 + take_number(&c, DW_EH_PE_sdata4);
	if (!section || addr != section->addr)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "its header leads to %#jx",
				       (uintmax_t)addr);
	return NULL;
}

struct graft_error *
graft_extents_read(struct graft_image *image)
{
	const struct graft_section *section =
		graft_image_section_named(image, ".eh_frame");
	struct graft_error *err = check_header(image, section);
	if (err)
		return err;
	if (!section || !section->bytes)
		return NULL;
	GRAFT_CLEANUP(frames_deinit)
	struct frames frames = { .image = image, .section = section };
	err = read_entries(&frames);
	if (err)
		return err;

	if (frames.extent_count == 0)
		return NULL;
	qsort(frames.extents, frames.extent_count, sizeof(*frames.extents),
	      compare_extents);
	for (size_t i = 1; i < frames.extent_count; i++) {
		const struct graft_extent *before = &frames.extents[i - 1];
		if (frames.extents[i].addr < before->addr + before->size)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"two entries for the code at %#jx",
				(uintmax_t)frames.extents[i].addr);
	}
	image->extent_count = frames.extent_count;
	image->extents = GRAFT_TAKE(frames.extents);
	return NULL;
}

const struct graft_extent *
graft_image_extents(const struct graft_image *image, size_t *count_ret)
{
	*count_ret = image->extent_count;
	return image->extents;
}
