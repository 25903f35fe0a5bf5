// SPDX-License-Identifier: Apache-2.0

#include "plan/header.h"

#include "base/cursor.h"
#include "base/sha256.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// See docs/format-header.md. All integers are little-endian.
//
//     0  magic "GRAFTHDR"   8  version u32   12  length u32
//    16  state u32, ~state u32, changed_us u64      (outside the checksum)
//    32  SHA-256 of all bytes with 16..63 zeroed
//    64  addr len base start end shadow_base created_us build_id_addr: u64 each
//   128  id, 32 hex digits
//   160  old build-id length u32, new build-id length u32
//   168  old build-id, 64 bytes; new build-id, 64 bytes
//   296  region, redirect and fragment count u32 each, zero u32
//   312  title, module: length u32, bytes
//        regions: addr u64, len u64, prot u32, zero u32
//        redirects: entry u64, target u64, skip u32, original 5, jump 5,
//                   zero u16, name: length u32, bytes
//        fragments: addr u64, size u64, redirect u32, zero u32

static const char magic[GRAFT_HEADER_MAGIC_SIZE] = "GRAFTHDR";

enum {
	SUM_OFF = 32,
	BODY_OFF = 64,
	FIXED_SIZE = 312,
	REGION_SIZE = 24,
	REDIRECT_SIZE = 8 + 8 + 4 + 2 * GRAFT_JUMP_SIZE + 2 + 4,
	FRAGMENT_SIZE = 24,
	NAME_MAX_LEN = 4096,
};

void
graft_header_deinit(struct graft_header *header)
{
	if (!header)
		return;
	for (uint32_t i = 0; header->redirects && i < header->redirect_count;
	     i++)
		free(header->redirects[i].name);
	free(header->title);
	free(header->module);
	free(header->regions);
	free(header->redirects);
	free(header->fragments);
	*header = (struct graft_header){ 0 };
}

void
graft_header_free(struct graft_header *header)
{
	graft_header_deinit(header);
	free(header);
}

static size_t
str_len(const char *str)
{
	return str ? strlen(str) : 0;
}

uint64_t
graft_header_size(const struct graft_header *header)
{
	uint64_t size = FIXED_SIZE;

	size += 4 + str_len(header->title) + 4 + str_len(header->module);
	size += (uint64_t)header->region_count * REGION_SIZE;
	size += (uint64_t)header->fragment_count * FRAGMENT_SIZE;
	for (uint32_t i = 0; i < header->redirect_count; i++)
		size += REDIRECT_SIZE + str_len(header->redirects[i].name);
	return size;
}

/** Where the next byte goes; the room was computed before. */
struct out {
	uint8_t *at;
};

static void
put_le(struct out *out, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*out->at++ = (uint8_t)(value >> (8 * i));
}

static void
put_bytes(struct out *out, const void *bytes, size_t len)
{
	if (len)
		memcpy(out->at, bytes, len);
	out->at += len;
}

static void
put_str(struct out *out, const char *str)
{
	put_le(out, str_len(str), 4);
	put_bytes(out, str, str_len(str));
}

static void
put_fixed(struct out *out, const struct graft_header *h)
{
	put_le(out, h->addr, 8);
	put_le(out, h->len, 8);
	put_le(out, h->base, 8);
	put_le(out, h->start, 8);
	put_le(out, h->end, 8);
	put_le(out, h->shadow_base, 8);
	put_le(out, h->created_us, 8);
	put_le(out, h->build_id_addr, 8);
	put_bytes(out, h->id, GRAFT_PATCH_ID_LEN);
	put_le(out, h->old_build_id_len, 4);
	put_le(out, h->new_build_id_len, 4);
	put_bytes(out, h->old_build_id, sizeof(h->old_build_id));
	put_bytes(out, h->new_build_id, sizeof(h->new_build_id));
	put_le(out, h->region_count, 4);
	put_le(out, h->redirect_count, 4);
	put_le(out, h->fragment_count, 4);
	put_le(out, 0, 4);
}

static void
put_lists(struct out *out, const struct graft_header *h)
{
	for (uint32_t i = 0; i < h->region_count; i++) {
		put_le(out, h->regions[i].addr, 8);
		put_le(out, h->regions[i].len, 8);
		put_le(out, h->regions[i].prot, 4);
		put_le(out, 0, 4);
	}
	for (uint32_t i = 0; i < h->redirect_count; i++) {
		const struct graft_header_redirect *r = &h->redirects[i];
		put_le(out, r->entry, 8);
		put_le(out, r->target, 8);
		put_le(out, r->skip, 4);
		put_bytes(out, r->original, GRAFT_JUMP_SIZE);
		put_bytes(out, r->jump, GRAFT_JUMP_SIZE);
		put_le(out, 0, 2);
		put_str(out, r->name);
	}
	for (uint32_t i = 0; i < h->fragment_count; i++) {
		put_le(out, h->fragments[i].addr, 8);
		put_le(out, h->fragments[i].size, 8);
		put_le(out, h->fragments[i].redirect, 4);
		put_le(out, 0, 4);
	}
}

struct graft_error *
graft_header_encode(const struct graft_header *header, uint8_t **bytes_ret,
		    size_t *len_ret)
{
	uint64_t size = graft_header_size(header);
	if (size > GRAFT_HEADER_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "the header page of %s needs %llu bytes",
				       header->module,
				       (unsigned long long)size);
	GRAFT_FREE uint8_t *bytes = calloc(1, size);
	if (!bytes)
		return graft_error_no_memory();

	struct out out = { .at = bytes };
	put_bytes(&out, magic, sizeof(magic));
	put_le(&out, GRAFT_HEADER_VERSION, 4);
	put_le(&out, size, 4);
	graft_header_state_encode(header->state, header->changed_us, out.at);
	out.at = bytes + BODY_OFF;
	put_fixed(&out, header);
	assert(out.at == bytes + FIXED_SIZE);
	put_str(&out, header->title);
	put_str(&out, header->module);
	put_lists(&out, header);
	assert(out.at == bytes + size);

	struct graft_error *err = graft_header_seal(bytes, size);
	if (err)
		return err;
	*bytes_ret = GRAFT_TAKE(bytes);
	*len_ret = size;
	return NULL;
}

void
graft_header_state_encode(enum graft_header_state state, uint64_t changed_us,
			  uint8_t *ret)
{
	struct out out = { .at = ret };
	put_le(&out, (uint32_t)state, 4);
	put_le(&out, ~(uint32_t)state, 4);
	put_le(&out, changed_us, 8);
}

GRAFT_MUST_CHECK static struct graft_error *
sum(const uint8_t *bytes, size_t len, uint8_t ret[GRAFT_SHA256_LEN])
{
	GRAFT_FREE uint8_t *copy = malloc(len);
	if (!copy)
		return graft_error_no_memory();
	memcpy(copy, bytes, len);
	memset(copy + GRAFT_HEADER_STATE_OFF, 0,
	       BODY_OFF - GRAFT_HEADER_STATE_OFF);
	return graft_sha256(copy, len, ret);
}

struct graft_error *
graft_header_seal(uint8_t *bytes, size_t len)
{
	assert(len >= BODY_OFF);
	return sum(bytes, len, bytes + SUM_OFF);
}

uint32_t
graft_header_peek(const uint8_t *bytes)
{
	struct graft_cursor c = graft_cursor_make(bytes,
						  GRAFT_HEADER_PEEK_SIZE);
	const uint8_t *found = graft_cursor_take(&c, sizeof(magic));
	(void)graft_cursor_le(&c, 4);
	uint32_t len = (uint32_t)graft_cursor_le(&c, 4);

	if (memcmp(found, magic, sizeof(magic)) != 0)
		return 0;
	return len >= FIXED_SIZE && len <= GRAFT_HEADER_MAX ? len : 0;
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
	take_zero(c, 4);
	h->title = take_str(c);
	h->module = take_str(c);
}

/** Make the three lists; false if they cannot be in the bytes that are left. */
GRAFT_MUST_CHECK static struct graft_error *
make_lists(const struct graft_cursor *c, struct graft_header *h)
{
	uint64_t need = (uint64_t)h->region_count * REGION_SIZE +
			(uint64_t)h->redirect_count * REDIRECT_SIZE +
			(uint64_t)h->fragment_count * FRAGMENT_SIZE;
	bool fits = !c->bad && need <= graft_cursor_left(c);

	if (!fits) {
		h->region_count = h->redirect_count = h->fragment_count = 0;
		return bad("it is cut short");
	}
	h->regions = calloc(h->region_count + 1, sizeof(*h->regions));
	h->redirects = calloc(h->redirect_count + 1, sizeof(*h->redirects));
	h->fragments = calloc(h->fragment_count + 1, sizeof(*h->fragments));
	if (!h->regions || !h->redirects || !h->fragments)
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
	       (r->skip == 0 || r->skip == GRAFT_ENDBR_SIZE) &&
	       span_ok(r->target, 1) &&
	       graft_jump_encode(r->entry + r->skip, r->target, jump) &&
	       memcmp(jump, r->jump, sizeof(jump)) == 0;
}

/** Check what the rest of Graft may rely on. */
GRAFT_MUST_CHECK static struct graft_error *
check(const struct graft_header *h)
{
	if (h->state < GRAFT_HEADER_BUILDING ||
	    h->state > GRAFT_HEADER_REVERTED)
		return bad("its state is unknown");
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
	return NULL;
}

/** Check what stands in front of the body. */
GRAFT_MUST_CHECK static struct graft_error *
take_front(struct graft_cursor *c, const uint8_t *bytes, size_t len,
	   struct graft_header *h)
{
	uint8_t want[GRAFT_SHA256_LEN];
	struct graft_error *err = sum(bytes, len, want);
	if (err)
		return err;
	(void)graft_cursor_take(c, GRAFT_HEADER_PEEK_SIZE);
	uint32_t state = (uint32_t)graft_cursor_le(c, 4);
	uint32_t inverse = (uint32_t)graft_cursor_le(c, 4);
	h->changed_us = graft_cursor_le(c, 8);
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
	struct graft_error *err;
	uint32_t size = len >= FIXED_SIZE ? graft_header_peek(bytes) : 0;

	if (!size)
		return bad("there is none");
	if (size > len)
		return bad("it is cut short");
	uint32_t version = (uint32_t)bytes[8] | (uint32_t)bytes[9] << 8 |
			   (uint32_t)bytes[10] << 16 |
			   (uint32_t)bytes[11] << 24;
	if (version != GRAFT_HEADER_VERSION)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "header page: format %u, not %d",
				       version, GRAFT_HEADER_VERSION);

	struct graft_cursor c = graft_cursor_make(bytes, size);
	GRAFT_CLEANUP(graft_header_freep)
	struct graft_header *h = calloc(1, sizeof(*h));
	if (!h)
		return graft_error_no_memory();
	err = take_front(&c, bytes, size, h);
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

const char *
graft_header_state_name(enum graft_header_state state)
{
	switch (state) {
	case GRAFT_HEADER_BUILDING:
		return "building";
	case GRAFT_HEADER_READY:
		return "ready";
	case GRAFT_HEADER_APPLIED:
		return "applied";
	case GRAFT_HEADER_REVERTING:
		return "reverting";
	case GRAFT_HEADER_REVERTED:
		return "reverted";
	}
	return "unknown";
}

bool
graft_jump_encode(uint64_t from, uint64_t to, uint8_t ret[GRAFT_JUMP_SIZE])
{
	int64_t distance = (int64_t)(to - (from + GRAFT_JUMP_SIZE));

	if (distance < INT32_MIN || distance > INT32_MAX)
		return false;
	struct out out = { .at = ret };
	put_le(&out, 0xe9, 1);
	put_le(&out, (uint64_t)distance, 4);
	return true;
}
