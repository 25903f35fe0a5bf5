// SPDX-License-Identifier: Apache-2.0

#include "diff/constant.h"

#include "base/hash.h"
#include "base/vec.h"
#include "diff/area.h"
#include "diff/data.h"
#include "diff/reach.h"

#include <string.h>

/** A comparison that was made, or that is being made. */
struct memo {
	uint64_t old_addr;
	uint64_t new_addr;
	uint64_t access;
	/** 0: free slot. */
	uint8_t state;
};

enum {
	/** Being compared; until it is found to differ it counts as equal. */
	MEMO_OPEN = 1,
	MEMO_EQUAL = 2,
	MEMO_DIFFER = 3,
	/** Was equal only as long as something else was; ask again. */
	MEMO_FORGOTTEN = 4,
	/** Padding between objects is at most this long. */
	PADDING_MAX = 63,
	/** Longest text that is looked at. */
	TEXT_MAX = 1 << 20,
	/** Deepest chain of pointers; a longer one counts as different. */
	DEPTH_MAX = 2000,
};

struct graft_constants {
	/** Open addressing; the length is a power of two. */
	struct memo *memos;
	size_t memo_len;
	size_t memo_count;
	/** What was found equal since the outermost comparison began. */
	struct memo *trail;
	size_t trail_count;
	size_t trail_cap;
	uint32_t depth;
};

struct graft_error *
graft_constants_make(struct graft_constants **ret)
{
	struct graft_constants *constants = calloc(1, sizeof(*constants));

	if (!constants)
		return graft_error_no_memory();
	*ret = constants;
	return NULL;
}

void
graft_constants_free(struct graft_constants *constants)
{
	if (!constants)
		return;
	free(constants->memos);
	free(constants->trail);
	free(constants);
}

const char *
graft_constant_text(const struct graft_image *image, uint64_t addr,
		    uint64_t *len_ret)
{
	const struct graft_section *section = graft_image_section_at(image,
								     addr);

	if (!section || !section->bytes)
		return NULL;
	uint64_t left = section->size - (addr - section->addr);
	const uint8_t *text = section->bytes + (addr - section->addr);
	uint64_t len = 0;
	while (len < left && len < TEXT_MAX && text[len] != 0) {
		if (text[len] < 0x20 && !memchr("\t\n\v\f\r\033", text[len], 6))
			return NULL;
		if (text[len] == 0x7f)
			return NULL;
		len++;
	}
	if (len == 0 || len >= left || len >= TEXT_MAX)
		return NULL;
	*len_ret = len + 1;
	return (const char *)text;
}

bool
graft_constant_is_sure(const char *text, uint64_t len)
{
	uint32_t follow = 0;

	for (uint64_t i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)text[i];
		bool inner = (byte & 0xc0) == 0x80;
		if (inner != (follow > 0) || byte == 0xc0 || byte == 0xc1 ||
		    byte > 0xf4)
			return false;
		if (inner)
			follow--;
		else
			follow = (byte >= 0xc0) + (byte >= 0xe0) +
				 (byte >= 0xf0);
	}
	return len >= GRAFT_TEXT_SURE;
}

static bool
is_padding(const struct graft_image *image, uint64_t addr, uint64_t len)
{
	const uint8_t *bytes = graft_image_bytes(image, addr, len);

	if (len == 0)
		return true;
	if (!bytes || len > PADDING_MAX)
		return false;
	for (uint64_t i = 0; i < len; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

uint64_t
graft_constant_extent(const struct graft_code *code, uint64_t addr)
{
	const struct graft_section *section =
		graft_image_section_at(code->image, addr);

	if (!section)
		return 0;
	const struct graft_symbol *symbol = graft_image_symbol_at(code->image,
								  addr);
	if (symbol && symbol->type == STT_OBJECT &&
	    addr - symbol->addr < symbol->size &&
	    symbol->size - (addr - symbol->addr) <=
		    section->addr + section->size - addr)
		return symbol->size - (addr - symbol->addr);

	uint64_t end = graft_code_next_start(code, addr);
	if (end > section->addr + section->size)
		end = section->addr + section->size;
	uint64_t text_len;
	const char *text = graft_constant_text(code->image, addr, &text_len);
	if (text && graft_constant_is_sure(text, text_len)) {
		// Behind a text, zeroes up to the next thing that is named are
		// padding, even if nobody takes the address of that thing.
		uint64_t mark = graft_code_next_mark(code, addr + text_len - 1);
		uint64_t gap = mark - (addr + text_len);
		if (addr + text_len > end)
			end = addr + text_len;
		else if (mark <= end &&
			 is_padding(code->image, addr + text_len, gap))
			end = addr + text_len;
	}
	return end - addr;
}

static struct memo *
find_memo(const struct graft_constants *c, struct memo key)
{
	// One after the other: keys of one shift have the same exclusive or.
	uint64_t hash = graft_hash_mix(graft_hash_mix(1, key.old_addr),
				       key.new_addr);
	size_t at = graft_hash_mix(hash, key.access) & (c->memo_len - 1);

	while (c->memos[at].state && (c->memos[at].old_addr != key.old_addr ||
				      c->memos[at].new_addr != key.new_addr ||
				      c->memos[at].access != key.access))
		at = (at + 1) & (c->memo_len - 1);
	return &c->memos[at];
}

static struct graft_error *
make_room(struct graft_constants *c)
{
	if (c->memo_len && c->memo_count < c->memo_len / 2)
		return NULL;
	struct graft_constants bigger = *c;
	bigger.memo_len = c->memo_len ? c->memo_len * 2 : 1024;
	bigger.memos = calloc(bigger.memo_len, sizeof(*bigger.memos));
	if (!bigger.memos)
		return graft_error_no_memory();
	for (size_t i = 0; i < c->memo_len; i++) {
		if (c->memos[i].state)
			*find_memo(&bigger, c->memos[i]) = c->memos[i];
	}
	free(c->memos);
	*c = bigger;
	return NULL;
}

static struct graft_error *
set_memo(struct graft_constants *c, struct memo memo)
{
	struct graft_error *err = make_room(c);
	if (err)
		return err;
	struct memo *slot = find_memo(c, memo);
	if (!slot->state)
		c->memo_count++;
	*slot = memo;
	if (memo.state != MEMO_OPEN)
		return NULL;
	err = graft_vec_reserve(&c->trail, &c->trail_cap, c->trail_count + 1,
				sizeof(*c->trail));
	if (!err)
		c->trail[c->trail_count++] = memo;
	return err;
}

/** Settle what was assumed equal since the outermost comparison began. */
static void
settle(struct graft_constants *c, bool equal)
{
	for (size_t i = 0; i < c->trail_count; i++) {
		struct memo *slot = find_memo(c, c->trail[i]);
		// Where the whole differs, the parts that counted as equal were
		// equal only as long as the whole was: forget them.
		if (slot->state == MEMO_OPEN)
			slot->state = equal ? MEMO_EQUAL : MEMO_FORGOTTEN;
	}
	c->trail_count = 0;
}

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static struct graft_error *
same_target(const struct graft_diff *diff, uint64_t o, uint64_t n, bool *ret)
{
	enum graft_area area = graft_area_of(diff->new_image, n);
	uint64_t addr;

	*ret = false;
	if (graft_area_of(diff->old_image, o) != area)
		return NULL;
	switch (area) {
	case GRAFT_AREA_CODE: {
		uint32_t of = graft_code_func_at(diff->old_code, o);
		uint32_t nf = graft_code_func_at(diff->new_code, n);
		if (of == GRAFT_NONE || nf == GRAFT_NONE ||
		    diff->new_match[nf].other != of)
			return NULL;
		uint64_t off = n - diff->new_code->funcs[nf].addr;
		*ret = off == o - diff->old_code->funcs[of].addr &&
		       (off == 0 || diff->new_match[nf].same_form);
		return NULL;
	}
	case GRAFT_AREA_CONSTANT:
		return graft_constant_equal(diff, o, n, 0, ret);
	case GRAFT_AREA_DATA:
		*ret = graft_diff_old_data(diff, n, &addr) >
			       GRAFT_WITNESS_CONFLICT &&
		       addr == o;
		return NULL;
	default:
		*ret = graft_area_same_frame(diff->old_image, o,
					     diff->new_image, n);
		return NULL;
	}
}

struct graft_error *
graft_constant_same_pointer(const struct graft_diff *diff,
			    const struct graft_reloc *o,
			    const struct graft_reloc *n, bool *ret)
{
	*ret = false;
	if (o->type != n->type || !o->symbol != !n->symbol)
		return NULL;
	if (o->symbol && (o->symbol->name[0] || n->symbol->name[0])) {
		*ret = same_text(o->symbol->name, n->symbol->name) &&
		       same_text(o->symbol->version, n->symbol->version) &&
		       o->addend == n->addend;
		return NULL;
	}
	if (o->type == R_X86_64_RELATIVE || o->type == R_X86_64_IRELATIVE)
		return same_target(diff, (uint64_t)o->addend,
				   (uint64_t)n->addend, ret);
	*ret = o->addend == n->addend;
	return NULL;
}

/** Compare byte by byte, pointers by where they go. */
static struct graft_error *
compare_bytes(const struct graft_diff *diff, uint64_t old_addr,
	      uint64_t new_addr, uint64_t len, bool *ret)
{
	const uint8_t *o = graft_image_bytes(diff->old_image, old_addr, len);
	const uint8_t *n = graft_image_bytes(diff->new_image, new_addr, len);
	uint64_t off = 0;

	*ret = false;
	if (!o || !n)
		return NULL;
	while (off < len) {
		const struct graft_reloc *nr = NULL;
		const struct graft_reloc * or = NULL;
		// Pointers are aligned; only there a relocation can be.
		if ((new_addr + off) % 8 == 0)
			nr = graft_image_reloc_at(diff->new_image,
						  new_addr + off);
		if ((old_addr + off) % 8 == 0)
			or = graft_image_reloc_at(diff->old_image,
						  old_addr + off);
		if (!nr != ! or)
			return NULL;
		if (nr) {
			bool same;
			struct graft_error *err = graft_constant_same_pointer(
				diff, or, nr, &same);
			if (err || !same)
				return err;
			off += 8;
			continue;
		}
		if (o[off] != n[off])
			return NULL;
		off++;
	}
	*ret = true;
	return NULL;
}

/**
 * Do two texts differ in nothing but the version of the package?
 *
 * A program that prints its version goes on printing that of the build that it
 * was started from; such a text is no reason to carry what names it.
 */
static bool
differs_in_version(const struct graft_diff *diff, uint64_t old_addr,
		   uint64_t new_addr)
{
	uint64_t len;
	const char *o = graft_constant_text(diff->old_image, old_addr, &len);
	const char *n = graft_constant_text(diff->new_image, new_addr, &len);
	const char *old_version = diff->old_version;
	const char *new_version = diff->new_version;

	if (!o || !n || !old_version || !new_version)
		return false;
	size_t old_len = strlen(old_version);
	size_t new_len = strlen(new_version);
	bool found = false;
	while (*o || *n) {
		if (strncmp(o, old_version, old_len) == 0 &&
		    strncmp(n, new_version, new_len) == 0) {
			o += old_len;
			n += new_len;
			found = true;
		} else if (*o++ != *n++) {
			return false;
		}
	}
	return found;
}

static uint64_t
count_zeroes(const struct graft_image *image, uint64_t addr, uint64_t len)
{
	const uint8_t *bytes = graft_image_bytes(image, addr, len);
	uint64_t count = 0;

	while (bytes && count < len && bytes[count] == 0)
		count++;
	return count;
}

/**
 * Compare two texts with what stands behind them up to the next start.
 *
 * That may be rows of the same table (`char names[][8]`) or another object that
 * nobody names; the padding before it depends on where the text ends.
 */
static struct graft_error *
compare_text(const struct graft_diff *diff, uint64_t old_addr, uint64_t old_len,
	     uint64_t new_addr, uint64_t new_len, bool *ret)
{
	uint64_t old_text;
	uint64_t new_text;

	*ret = false;
	if (!graft_constant_text(diff->old_image, old_addr, &old_text) ||
	    !graft_constant_text(diff->new_image, new_addr, &new_text) ||
	    old_text != new_text || old_text > old_len || new_text > new_len)
		return NULL;
	uint64_t old_zeroes = count_zeroes(diff->old_image, old_addr + old_text,
					   old_len - old_text);
	uint64_t new_zeroes = count_zeroes(diff->new_image, new_addr + new_text,
					   new_len - new_text);
	if (old_zeroes > PADDING_MAX || new_zeroes > PADDING_MAX)
		return NULL;
	uint64_t old_skip = old_text + old_zeroes;
	uint64_t new_skip = new_text + new_zeroes;
	if (old_len - old_skip != new_len - new_skip)
		return NULL;
	struct graft_error *err = compare_bytes(diff, old_addr, new_addr,
						old_text, ret);
	if (err || !*ret || old_len == old_skip)
		return err;
	return compare_bytes(diff, old_addr + old_skip, new_addr + new_skip,
			     old_len - old_skip, ret);
}

/** Compare up to the next address that is taken. */
static struct graft_error *
compare_part(const struct graft_diff *diff, uint64_t old_addr,
	     uint64_t new_addr, bool *ret)
{
	*ret = differs_in_version(diff, old_addr, new_addr);
	if (*ret)
		return NULL;
	uint64_t old_len = graft_constant_extent(diff->old_code, old_addr);
	uint64_t new_len = graft_constant_extent(diff->new_code, new_addr);
	uint64_t len = old_len < new_len ? old_len : new_len;
	*ret = false;
	struct graft_error *err = compare_text(diff, old_addr, old_len,
					       new_addr, new_len, ret);
	if (err || *ret)
		return err;
	// What is longer on one side may only be padding up to the neighbour.
	if (!is_padding(diff->old_image, old_addr + len, old_len - len) ||
	    !is_padding(diff->new_image, new_addr + len, new_len - len))
		return NULL;
	return compare_bytes(diff, old_addr, new_addr, len, ret);
}

/**
 * Say whether the two may go on behind the next address that is taken. An
 * address inside or at the end of an object keeps its distance from the start;
 * what moved against it is something else.
 */
static bool
go_on(const struct graft_diff *diff, uint64_t *old_addr, uint64_t *new_addr)
{
	uint64_t old_next;
	uint64_t new_next;
	bool old_on = graft_reach_goes_on(diff->old_code, *old_addr, &old_next);
	bool new_on = graft_reach_goes_on(diff->new_code, *new_addr, &new_next);

	if ((!old_on && !new_on) ||
	    old_next - *old_addr != new_next - *new_addr ||
	    !graft_image_section_at(diff->old_image, old_next) ||
	    !graft_image_section_at(diff->new_image, new_next))
		return false;
	*old_addr = old_next;
	*new_addr = new_next;
	return true;
}

/** Compare two constants, and remember what was found of each part on the way.
 */
static struct graft_error *
compare(const struct graft_diff *diff, struct memo whole, bool *ret)
{
	struct graft_constants *c = diff->constants;
	struct memo at = whole;

	if (whole.access)
		return compare_bytes(diff, whole.old_addr, whole.new_addr,
				     whole.access, ret);
	for (;;) {
		struct graft_error *err = compare_part(diff, at.old_addr,
						       at.new_addr, ret);
		if (err)
			return err;
		if (!*ret || !go_on(diff, &at.old_addr, &at.new_addr))
			break;
		err = make_room(c);
		if (err)
			return err;
		const struct memo *known = find_memo(c, at);
		if (known->state && known->state != MEMO_FORGOTTEN) {
			*ret = known->state != MEMO_DIFFER;
			break;
		}
		err = set_memo(c, at);
		if (err)
			return err;
	}
	// The parts before the one that differs differ with it.
	struct graft_error *err = NULL;
	uint64_t end = at.new_addr;
	at = whole;
	at.state = MEMO_DIFFER;
	while (!err && !*ret && at.new_addr < end &&
	       go_on(diff, &at.old_addr, &at.new_addr))
		err = set_memo(c, at);
	return err;
}

struct graft_error *
graft_constant_equal(const struct graft_diff *diff, uint64_t old_addr,
		     uint64_t new_addr, uint64_t access, bool *ret)
{
	struct graft_constants *c = diff->constants;
	struct memo memo = { old_addr, new_addr, access, MEMO_OPEN };
	struct graft_error *err = make_room(c);

	if (err)
		return err;
	const struct memo *known = find_memo(c, memo);
	if (known->state && known->state != MEMO_FORGOTTEN) {
		*ret = known->state != MEMO_DIFFER;
		return NULL;
	}
	*ret = false;
	if (c->depth >= DEPTH_MAX)
		return NULL;
	err = set_memo(c, memo);
	if (err)
		return err;
	c->depth++;
	err = compare(diff, memo, ret);
	c->depth--;
	if (!err && !*ret) {
		memo.state = MEMO_DIFFER;
		err = set_memo(c, memo);
	}
	if (c->depth == 0)
		settle(c, !err && *ret);
	return err;
}

struct graft_error *
graft_constant_equal_before(const struct graft_diff *diff, uint64_t old_addr,
			    uint64_t new_addr, bool *ret)
{
	uint64_t len = new_addr - graft_reach_start(diff->new_code, new_addr);

	if (len == 0) {
		*ret = true;
		return NULL;
	}
	return compare_bytes(diff, old_addr - len, new_addr - len, len, ret);
}
