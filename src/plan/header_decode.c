// SPDX-License-Identifier: Apache-2.0

#include "plan/header.h"

#include "base/cursor.h"
#include "plan/header_layout.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

uint32_t
graft_header_peek(const uint8_t *bytes)
{
	struct graft_cursor c = graft_cursor_make(bytes,
						  GRAFT_HEADER_PEEK_SIZE);
	const uint8_t *found = graft_cursor_take(&c, GRAFT_HEADER_MAGIC_SIZE);
	(void)graft_cursor_le(&c, 4);
	uint32_t len = (uint32_t)graft_cursor_le(&c, 4);

	if (memcmp(found, magic, GRAFT_HEADER_MAGIC_SIZE) != 0)
		return 0;
	return len >= FIXED_SIZE_1 && len <= GRAFT_HEADER_MAX ? len : 0;
}

bool
graft_header_begins(const uint8_t *bytes, const struct graft_header *header,
		    enum graft_header_state *state_ret)
{
	struct graft_cursor c = graft_cursor_make(bytes,
						  GRAFT_HEADER_BEGIN_SIZE);

	if (!graft_header_peek(bytes))
		return false;
	(void)graft_cursor_take(&c, GRAFT_HEADER_STATE_OFF);
	uint64_t state = graft_cursor_le(&c, 4);
	(void)graft_cursor_take(&c, BODY_OFF - GRAFT_HEADER_STATE_OFF - 4);
	uint64_t addr = graft_cursor_le(&c, 8);
	uint64_t len = graft_cursor_le(&c, 8);
	if (addr != header->addr || len != header->len ||
	    strlen(header->id) != GRAFT_PATCH_ID_LEN ||
	    memcmp(bytes + ID_OFF, header->id, GRAFT_PATCH_ID_LEN) != 0)
		return false;
	*state_ret = (enum graft_header_state)state;
	return true;
}

GRAFT_MUST_CHECK static struct graft_error *
bad(const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "header page: %s", what);
}

/** Take a string; NULL, and bad, if it is cut, too long, or holds a NUL. */
static char *
take_str(struct graft_cursor *c)
{
	uint64_t len = graft_cursor_le(c, 4);
	const uint8_t *bytes = NULL;

	if (len <= NAME_MAX_LEN)
		bytes = graft_cursor_take(c, len);
	if (!bytes || memchr(bytes, 0, len)) {
		c->bad = true;
		return NULL;
	}
	char *str = strndup((const char *)bytes, len);
	if (!str)
		c->bad = true;
	return str;
}

static void
take_copy(struct graft_cursor *c, void *ret, size_t len)
{
	const uint8_t *bytes = graft_cursor_take(c, len);
	if (bytes)
		memcpy(ret, bytes, len);
}

/** Take padding, which is zero. */
static void
take_zero(struct graft_cursor *c, size_t len)
{
	if (graft_cursor_le(c, len) != 0)
		c->bad = true;
}

/** Take the block of the one before. */
static void
take_before(struct graft_cursor *c, struct graft_header_before *ret)
{
	const uint8_t *bytes = graft_cursor_take(c, GRAFT_HEADER_BEFORE_SIZE);
	struct graft_cursor in =
		graft_cursor_make(bytes, bytes ? GRAFT_HEADER_BEFORE_SIZE : 0);

	ret->addr = graft_cursor_le(&in, 8);
	take_copy(&in, ret->id, GRAFT_PATCH_ID_LEN);
	uint64_t check = graft_cursor_le(&in, 8);
	c->bad |= in.bad || check != graft_header_before_check(bytes);
}

static void
take_fixed(struct graft_cursor *c, struct graft_header *h)
{
	h->addr = graft_cursor_le(c, 8);
	h->len = graft_cursor_le(c, 8);
	h->base = graft_cursor_le(c, 8);
	h->start = graft_cursor_le(c, 8);
	h->end = graft_cursor_le(c, 8);
	h->shadow_base = graft_cursor_le(c, 8);
	h->created_us = graft_cursor_le(c, 8);
	h->build_id_addr = graft_cursor_le(c, 8);
	take_copy(c, h->id, GRAFT_PATCH_ID_LEN);
	h->old_build_id_len = (uint32_t)graft_cursor_le(c, 4);
	h->new_build_id_len = (uint32_t)graft_cursor_le(c, 4);
	take_copy(c, h->old_build_id, sizeof(h->old_build_id));
	take_copy(c, h->new_build_id, sizeof(h->new_build_id));
	h->region_count = (uint32_t)graft_cursor_le(c, 4);
	h->redirect_count = (uint32_t)graft_cursor_le(c, 4);
	h->fragment_count = (uint32_t)graft_cursor_le(c, 4);
	h->object_count = (uint32_t)graft_cursor_le(c, 4);
	if (h->version == 1 && h->object_count)
		c->bad = true;
	if (h->version != 1)
		take_before(c, &h->before);
	h->title = take_str(c);
	h->module = take_str(c);
}

/** Make the lists; false if they cannot be in the bytes that are left. */
GRAFT_MUST_CHECK static struct graft_error *
make_lists(const struct graft_cursor *c, struct graft_header *h)
{
	uint64_t need = (uint64_t)h->region_count * REGION_SIZE +
			(uint64_t)h->redirect_count * REDIRECT_SIZE +
			(uint64_t)h->fragment_count * FRAGMENT_SIZE +
			(uint64_t)h->object_count * OBJECT_SIZE;
	bool fits = !c->bad && need <= graft_cursor_left(c);

	if (!fits) {
		h->region_count = h->redirect_count = 0;
		h->fragment_count = h->object_count = 0;
		return bad("it is cut short");
	}
	h->regions = calloc(h->region_count + 1, sizeof(*h->regions));
	h->redirects = calloc(h->redirect_count + 1, sizeof(*h->redirects));
	h->fragments = calloc(h->fragment_count + 1, sizeof(*h->fragments));
	h->objects = calloc(h->object_count + 1, sizeof(*h->objects));
	if (!h->regions || !h->redirects || !h->fragments || !h->objects)
		return graft_error_no_memory();
	return NULL;
}

static void
take_lists(struct graft_cursor *c, struct graft_header *h)
{
	for (uint32_t i = 0; i < h->region_count; i++) {
		h->regions[i].addr = graft_cursor_le(c, 8);
		h->regions[i].len = graft_cursor_le(c, 8);
		h->regions[i].prot = (uint32_t)graft_cursor_le(c, 4);
		take_zero(c, 4);
	}
	for (uint32_t i = 0; i < h->redirect_count; i++) {
		struct graft_header_redirect *r = &h->redirects[i];
		r->entry = graft_cursor_le(c, 8);
		r->target = graft_cursor_le(c, 8);
		r->skip = (uint32_t)graft_cursor_le(c, 4);
		take_copy(c, r->original, GRAFT_JUMP_SIZE);
		take_copy(c, r->jump, GRAFT_JUMP_SIZE);
		take_zero(c, 2);
		r->name = take_str(c);
	}
	for (uint32_t i = 0; i < h->fragment_count; i++) {
		h->fragments[i].addr = graft_cursor_le(c, 8);
		h->fragments[i].size = graft_cursor_le(c, 8);
		h->fragments[i].redirect = (uint32_t)graft_cursor_le(c, 4);
		take_zero(c, 4);
	}
	for (uint32_t i = 0; i < h->object_count; i++) {
		h->objects[i].addr = graft_cursor_le(c, 8);
		h->objects[i].size = graft_cursor_le(c, 8);
		take_copy(c, h->objects[i].identity,
			  sizeof(h->objects[i].identity));
	}
}

static bool
span_ok(uint64_t start, uint64_t len)
{
	uint64_t end;
	// User space of x86-64 ends below 2^56 even with five-level paging.
	return !__builtin_add_overflow(start, len, &end) &&
	       end <= UINT64_C(1) << 56;
}

static bool
region_ok(const struct graft_header_region *region)
{
	uint32_t wx = PROT_WRITE | PROT_EXEC;

	return region->addr % 4096 == 0 && region->len % 4096 == 0 &&
	       region->len && span_ok(region->addr, region->len) &&
	       (region->prot & PROT_READ) &&
	       !(region->prot & ~(wx | PROT_READ)) && (region->prot & wx) != wx;
}

static bool
redirect_ok(const struct graft_header *h, const struct graft_header_redirect *r)
{
	uint8_t jump[GRAFT_JUMP_SIZE];

	return r->entry >= h->start && r->entry < h->end &&
	       h->end - r->entry >= r->skip + GRAFT_JUMP_SIZE &&
	       r->skip <= GRAFT_INSN_MAX && span_ok(r->target, 1) &&
	       graft_jump_encode(r->entry + r->skip, r->target, jump) &&
	       memcmp(jump, r->jump, sizeof(jump)) == 0;
}

/** All zeroes, or a page and a whole id. */
static bool
before_ok(const struct graft_header_before *before)
{
	static const struct graft_header_before none;

	if (before->addr == 0)
		return memcmp(before->id, none.id, sizeof(none.id)) == 0;
	return before->addr % 4096 == 0 && span_ok(before->addr, 4096) &&
	       strlen(before->id) == GRAFT_PATCH_ID_LEN;
}

/** Check what the rest of Graft may rely on. */
GRAFT_MUST_CHECK static struct graft_error *
check(const struct graft_header *h)
{
	if (h->state < GRAFT_HEADER_BUILDING || h->state > GRAFT_HEADER_LEAVING)
		return bad("its state is unknown");
	if (!before_ok(&h->before))
		return bad("the one before is impossible");
	if (h->old_build_id_len > sizeof(h->old_build_id) ||
	    h->new_build_id_len > sizeof(h->new_build_id))
		return bad("a build-id is too long");
	if (strlen(h->id) != GRAFT_PATCH_ID_LEN)
		return bad("the id is cut short");
	if (h->addr % 4096 || h->len % 4096 || !span_ok(h->addr, h->len) ||
	    h->start > h->end || !span_ok(h->start, h->end - h->start))
		return bad("its own place or the module's is impossible");
	for (uint32_t i = 0; i < h->region_count; i++) {
		if (!region_ok(&h->regions[i]))
			return bad("a region is impossible");
	}
	for (uint32_t i = 0; i < h->redirect_count; i++) {
		if (!redirect_ok(h, &h->redirects[i]))
			return bad("a redirect is impossible");
	}
	for (uint32_t i = 0; i < h->fragment_count; i++) {
		if (h->fragments[i].redirect >= h->redirect_count ||
		    !span_ok(h->fragments[i].addr, h->fragments[i].size))
			return bad("a fragment is impossible");
	}
	for (uint32_t i = 0; i < h->object_count; i++) {
		if (!span_ok(h->objects[i].addr, h->objects[i].size))
			return bad("an object is impossible");
	}
	return NULL;
}

/** Check what stands in front of the body. */
GRAFT_MUST_CHECK static struct graft_error *
take_front(struct graft_cursor *c, const uint8_t *bytes, size_t len,
	   struct graft_header *h)
{
	uint8_t want[GRAFT_SHA256_LEN];
	struct graft_error *err = graft_header_sum(bytes, len, want);
	if (err)
		return err;
	(void)graft_cursor_take(c, GRAFT_HEADER_PEEK_SIZE);
	uint32_t state = (uint32_t)graft_cursor_le(c, 4);
	uint32_t inverse = (uint32_t)graft_cursor_le(c, 4);
	h->changed_us = graft_cursor_le(c, 8);
	h->immediate = h->changed_us & GRAFT_HEADER_IMMEDIATE;
	h->changed_us &= ~GRAFT_HEADER_IMMEDIATE;
	const uint8_t *got = graft_cursor_take(c, sizeof(want));
	if (!got || memcmp(got, want, sizeof(want)) != 0)
		return bad("its checksum is wrong");
	if (state != ~inverse)
		return bad("its state is torn");
	h->state = state;
	return NULL;
}

struct graft_error *
graft_header_decode(const uint8_t *bytes, size_t len, struct graft_header **ret)
{
	uint32_t size = len >= FIXED_SIZE_1 ? graft_header_peek(bytes) : 0;

	if (!size)
		return bad("there is none");
	if (size > len)
		return bad("it is cut short");
	uint32_t version = (uint32_t)bytes[VERSION_OFF] |
			   (uint32_t)bytes[VERSION_OFF + 1] << 8 |
			   (uint32_t)bytes[VERSION_OFF + 2] << 16 |
			   (uint32_t)bytes[VERSION_OFF + 3] << 24;
	if (version != 1 && version != GRAFT_HEADER_VERSION)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "header page: format %u, newer than %d",
				       version, GRAFT_HEADER_VERSION);
	if (version != 1 && size < FIXED_SIZE)
		return bad("it is cut short");

	struct graft_cursor c = graft_cursor_make(bytes, size);
	GRAFT_CLEANUP(graft_header_freep)
	struct graft_header *h = calloc(1, sizeof(*h));
	if (!h)
		return graft_error_no_memory();
	h->version = version;
	struct graft_error *err = take_front(&c, bytes, size, h);
	if (err)
		return err;
	take_fixed(&c, h);
	err = make_lists(&c, h);
	if (err)
		return err;
	take_lists(&c, h);
	if (c.bad || graft_cursor_left(&c))
		return bad("its length and its contents disagree");
	err = check(h);
	if (err)
		return err;
	*ret = GRAFT_TAKE(h);
	return NULL;
}
