// SPDX-License-Identifier: Apache-2.0

#include "patch/member.h"

#include "patch/limits.h"

#include <string.h>
#include <zstd.h>

enum {
	/** Slow to write and as fast to read as any other. */
	LEVEL = 19,
};

static void
cctx_freep(ZSTD_CCtx **ctx)
{
	(void)ZSTD_freeCCtx(*ctx);
}

// Whether the packed form that the module was read from still holds this.
static bool
still_packed(const struct graft_patch_module *m, const uint8_t *elf, size_t len)
{
	if (!m->packed)
		return false;
	if (!m->packed_zstd)
		return m->packed_len == len && memcmp(m->packed, elf, len) == 0;

	GRAFT_FREE uint8_t *before = NULL;
	struct graft_error *err = graft_member_unpack(m->packed, m->packed_len,
						      len, &before);
	if (err) {
		graft_error_free(err);
		return false;
	}
	return memcmp(before, elf, len) == 0;
}

static struct graft_error *
compress(const uint8_t *elf, size_t len, uint8_t **ret, size_t *len_ret)
{
	GRAFT_CLEANUP(cctx_freep) ZSTD_CCtx *ctx = ZSTD_createCCtx();
	size_t room = ZSTD_compressBound(len);
	GRAFT_FREE uint8_t *bytes = malloc(room);
	if (!ctx || !bytes)
		return graft_error_no_memory();

	size_t n = ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, LEVEL);
	if (!ZSTD_isError(n))
		n = ZSTD_compress2(ctx, bytes, room, elf, len);
	if (ZSTD_isError(n))
		return graft_error_new(GRAFT_ERROR_LIBRARY, "libzstd: %s",
				       ZSTD_getErrorName(n));
	*len_ret = n;
	*ret = GRAFT_TAKE(bytes);
	return NULL;
}

struct graft_error *
graft_member_pack(const struct graft_patch_module *m, uint8_t *elf, size_t len,
		  struct graft_member *ret)
{
	GRAFT_FREE uint8_t *plain = elf;
	GRAFT_FREE uint8_t *packed = NULL;
	size_t packed_len;

	if (still_packed(m, elf, len)) {
		packed_len = m->packed_len;
		packed = malloc(packed_len + 1);
		if (!packed)
			return graft_error_no_memory();
		memcpy(packed, m->packed, packed_len);
		*ret = (struct graft_member){ GRAFT_TAKE(packed), packed_len,
					      m->packed_zstd };
		return NULL;
	}
	struct graft_error *err = compress(elf, len, &packed, &packed_len);
	if (err)
		return err;
	if (packed_len < len && len / GRAFT_PATCH_RATIO_MAX <= packed_len)
		*ret = (struct graft_member){ GRAFT_TAKE(packed), packed_len,
					      true };
	else
		*ret = (struct graft_member){ GRAFT_TAKE(plain), len, false };
	return NULL;
}

struct graft_error *
graft_member_unpack(const uint8_t *bytes, size_t len, size_t size,
		    uint8_t **ret)
{
	// A frame that does not say its size, or is none, or a skippable one:
	// each gives a number that is not `size`.
	if (ZSTD_getFrameContentSize(bytes, len) != size ||
	    ZSTD_findFrameCompressedSize(bytes, len) != len)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "not one zstd frame of %zu bytes", size);
	if (size / GRAFT_PATCH_RATIO_MAX > len)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%zu bytes that decompress to %zu", len,
				       size);
	GRAFT_FREE uint8_t *out = malloc(size + 1);
	if (!out)
		return graft_error_no_memory();
	size_t n = ZSTD_decompress(out, size, bytes, len);
	if (ZSTD_isError(n) || n != size)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "zstd: %s",
				       ZSTD_isError(n) ? ZSTD_getErrorName(n)
						       : "short");
	*ret = GRAFT_TAKE(out);
	return NULL;
}
