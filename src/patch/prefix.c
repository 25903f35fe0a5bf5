// SPDX-License-Identifier: Apache-2.0

#include "patch/prefix.h"

#include "base/cleanup.h"

#include <stdbool.h>
#include <zstd.h>

enum {
	/** Slow to write; what is read is as fast as any other. */
	LEVEL = 19,
	/** For a large prefix, of which the slow one would take a second per 3 MB. */
	LEVEL_LARGE = 9,
	LARGE = 4 << 20,
	/** The same for what is compressed. */
	LARGE_BYTES = 16 << 20,
	/** Of a window that reaches over prefix and bytes: 2 GiB. */
	WINDOW_LOG_MAX = 31,
	WINDOW_LOG_MIN = 10,
	/** Of the tables for a large prefix: together 192 MiB. */
	HASH_LOG_MAX = 24,
};

static void
cctx_freep(ZSTD_CCtx **ctx)
{
	(void)ZSTD_freeCCtx(*ctx);
}

static void
dctx_freep(ZSTD_DCtx **ctx)
{
	(void)ZSTD_freeDCtx(*ctx);
}

static struct graft_error *
library_error(size_t code)
{
	return graft_error_new(GRAFT_ERROR_LIBRARY, "libzstd: %s",
			       ZSTD_getErrorName(code));
}

// How hard to look for what the prefix has. A fast level has tables for a few
// megabytes; with them it would know the end of a large file only.
static size_t
set_level(ZSTD_CCtx *ctx, bool large, int window)
{
	const int hash = window < HASH_LOG_MAX ? window : HASH_LOG_MAX;
	size_t n = ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel,
					  large ? LEVEL_LARGE : LEVEL);

	if (large && !ZSTD_isError(n))
		n = ZSTD_CCtx_setParameter(ctx, ZSTD_c_hashLog, hash);
	if (large && !ZSTD_isError(n))
		n = ZSTD_CCtx_setParameter(ctx, ZSTD_c_chainLog, hash + 1);
	return n;
}

struct graft_error *
graft_prefix_compress(const uint8_t *bytes, size_t len, const uint8_t *old,
		      size_t old_len, uint8_t **ret, size_t *len_ret)
{
	GRAFT_CLEANUP(cctx_freep) ZSTD_CCtx *ctx = ZSTD_createCCtx();
	size_t room = ZSTD_compressBound(len);
	GRAFT_FREE uint8_t *out = malloc(room);
	int window = WINDOW_LOG_MIN;
	if (!ctx || !out)
		return graft_error_no_memory();

	while (window < WINDOW_LOG_MAX && (size_t)1 << window < old_len + len)
		window++;
	size_t n = ZSTD_CCtx_setParameter(ctx, ZSTD_c_windowLog, window);
	if (!ZSTD_isError(n))
		n = set_level(ctx, old_len > LARGE || len > LARGE_BYTES,
			      window);
	if (!ZSTD_isError(n))
		n = ZSTD_CCtx_refPrefix(ctx, old, old_len);
	if (!ZSTD_isError(n))
		n = ZSTD_compress2(ctx, out, room, bytes, len);
	if (ZSTD_isError(n))
		return library_error(n);
	*len_ret = n;
	*ret = GRAFT_TAKE(out);
	return NULL;
}

struct graft_error *
graft_prefix_decompress(const uint8_t *frame, size_t frame_len,
			const uint8_t *old, size_t old_len, size_t len,
			uint8_t **ret)
{
	GRAFT_CLEANUP(dctx_freep) ZSTD_DCtx *ctx = ZSTD_createDCtx();
	GRAFT_FREE uint8_t *out = malloc(len + 1);
	if (!ctx || !out)
		return graft_error_no_memory();

	// All at once, into what the frame says it holds: the window that it
	// names takes no memory.
	size_t n = ZSTD_DCtx_refPrefix(ctx, old, old_len);
	if (ZSTD_isError(n))
		return library_error(n);
	n = ZSTD_decompressDCtx(ctx, out, len, frame, frame_len);
	if (ZSTD_isError(n) || n != len)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "delta: zstd: %s",
				       ZSTD_isError(n) ? ZSTD_getErrorName(n)
						       : "short");
	*ret = GRAFT_TAKE(out);
	return NULL;
}

struct graft_error *
graft_prefix_find_end(const uint8_t *bytes, size_t len, uint64_t content,
		      size_t *ret)
{
	// A frame that does not say its size, or is none, or a skippable one: each
	// gives a number that is not wanted.
	size_t end = ZSTD_findFrameCompressedSize(bytes, len);

	if (ZSTD_getFrameContentSize(bytes, len) != content ||
	    ZSTD_isError(end) || end > len)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "not a zstd frame of %llu bytes",
				       (unsigned long long)content);
	*ret = end;
	return NULL;
}
