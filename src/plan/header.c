// SPDX-License-Identifier: Apache-2.0

#include "plan/header.h"

#include "plan/header_layout.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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
	free(header->objects);
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

/** Say whether a header is of the format that does not know the one before. */
static bool
is_first_format(const struct graft_header *header)
{
	return header->version == 1;
}

uint64_t
graft_header_size(const struct graft_header *header)
{
	uint64_t size = is_first_format(header) ? FIXED_SIZE_1 : FIXED_SIZE;

	size += 4 + str_len(header->title) + 4 + str_len(header->module);
	size += (uint64_t)header->region_count * REGION_SIZE;
	size += (uint64_t)header->fragment_count * FRAGMENT_SIZE;
	size += (uint64_t)header->object_count * OBJECT_SIZE;
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
	put_le(out, h->object_count, 4);
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
	for (uint32_t i = 0; i < h->object_count; i++) {
		put_le(out, h->objects[i].addr, 8);
		put_le(out, h->objects[i].size, 8);
		put_bytes(out, h->objects[i].identity,
			  sizeof(h->objects[i].identity));
	}
}

struct graft_error *
graft_header_encode(const struct graft_header *header, uint8_t **bytes_ret,
		    size_t *len_ret)
{
	uint64_t size = graft_header_size(header);
	assert(!is_first_format(header) || header->object_count == 0);
	if (size > GRAFT_HEADER_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "the header page of %s needs %llu bytes",
				       header->module,
				       (unsigned long long)size);
	GRAFT_FREE uint8_t *bytes = calloc(1, size);
	if (!bytes)
		return graft_error_no_memory();

	struct out out = { .at = bytes };
	put_bytes(&out, magic, GRAFT_HEADER_MAGIC_SIZE);
	put_le(&out, is_first_format(header) ? 1 : GRAFT_HEADER_VERSION, 4);
	put_le(&out, size, 4);
	graft_header_state_encode(
		header->state,
		header->changed_us |
			(header->immediate ? GRAFT_HEADER_IMMEDIATE : 0),
		out.at);
	out.at = bytes + BODY_OFF;
	put_fixed(&out, header);
	assert(out.at == bytes + GRAFT_HEADER_BEFORE_OFF);
	if (!is_first_format(header)) {
		graft_header_before_encode(&header->before, out.at);
		out.at += GRAFT_HEADER_BEFORE_SIZE;
	}
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

void
graft_header_before_encode(const struct graft_header_before *before,
			   uint8_t *ret)
{
	struct out out = { .at = ret };
	put_le(&out, before->addr, 8);
	put_bytes(&out, before->id, GRAFT_PATCH_ID_LEN);
	put_le(&out, graft_header_before_check(ret), 8);
}

uint64_t
graft_header_before_check(const uint8_t *bytes)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < GRAFT_HEADER_BEFORE_SIZE - 8; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return hash;
}

struct graft_error *
graft_header_sum(const uint8_t *bytes, size_t len,
		 uint8_t ret[GRAFT_SHA256_LEN])
{
	GRAFT_FREE uint8_t *copy = malloc(len);
	if (!copy)
		return graft_error_no_memory();
	memcpy(copy, bytes, len);
	memset(copy + GRAFT_HEADER_STATE_OFF, 0,
	       BODY_OFF - GRAFT_HEADER_STATE_OFF);
	if (copy[VERSION_OFF] != 1)
		memset(copy + GRAFT_HEADER_BEFORE_OFF, 0,
		       GRAFT_HEADER_BEFORE_SIZE);
	return graft_sha256(copy, len, ret);
}

struct graft_error *
graft_header_seal(uint8_t *bytes, size_t len)
{
	assert(len >= (bytes[VERSION_OFF] == 1 ? FIXED_SIZE_1 : FIXED_SIZE));
	return graft_header_sum(bytes, len, bytes + SUM_OFF);
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
