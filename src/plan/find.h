// SPDX-License-Identifier: Apache-2.0

/** @file The header pages in a process: which hotpatches are there. */

#ifndef GRAFT_PLAN_FIND_H
#define GRAFT_PLAN_FIND_H

#include "base/cleanup.h"
#include "base/error.h"
#include "plan/header.h"
#include "proc/maps.h"
#include "proc/target.h"

#include <stdbool.h>
#include <stddef.h>

/** Headers that were found, by ascending address. */
struct graft_headers {
	struct graft_header **headers;
	size_t count;
};

/**
 * Look for header pages: at the start of each anonymous, private mapping that is
 * readable and neither writable nor executable.
 *
 * A page that looks like one but does not decode, or that says it is somewhere
 * else (a copy), is left out.
 *
 * @param[out] ret New list; free with graft_headers_free().
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NOT_PERMITTED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_headers_find(struct graft_target *target, const struct graft_maps *maps,
		   struct graft_headers **ret);

/** Say whether there is memory among mappings that could hold a header page. */
bool
graft_headers_may_be(const struct graft_maps *maps);

/** Free a list. NULL is a no-op. */
void
graft_headers_free(struct graft_headers *headers);
GRAFT_DEFINE_CLEANUP(struct graft_headers, graft_headers_free)

/**
 * Find the header of the hotpatch that was in before another one.
 *
 * @return Borrowed from the list; NULL if it was OLD, or if that header is not
 * there any more.
 */
const struct graft_header *
graft_headers_before(const struct graft_headers *headers,
		     const struct graft_header *header);

/**
 * Say whether a header is among those that were in before another one.
 *
 * @param[in] top Where to begin; it does not count itself.
 */
bool
graft_headers_in_chain(const struct graft_headers *headers,
		       const struct graft_header *top,
		       const struct graft_header *header);

/**
 * Find the redirect of a header whose jump stands where that of another one does.
 *
 * @return Borrowed from the header, or NULL.
 */
const struct graft_header_redirect *
graft_header_redirect_at(const struct graft_header *header,
			 const struct graft_header_redirect *other);

/** What the live bytes at the entries of a header's redirects are. */
enum graft_live {
	/** No jump is there: the bytes of OLD, or of the one before. */
	GRAFT_LIVE_OLD,
	/** All jumps are there, and none of the one before. */
	GRAFT_LIVE_NEW,
	/** Some are: whoever wrote them was killed. */
	GRAFT_LIVE_MIXED,
	/** Somebody else wrote there, or the module is gone. */
	GRAFT_LIVE_OTHER,
	/** Some jumps are ruined by uprobes (graft_redirect_is_ruined()). */
	GRAFT_LIVE_RUINED,
};

/**
 * Say whether live bytes are what a uprobe leaves of a jump when it is removed: the
 * kernel writes the file's first byte, and the rest is our jump.
 *
 * @param[in] live #GRAFT_JUMP_SIZE bytes from where the jump stood.
 */
bool
graft_redirect_is_ruined(const struct graft_header_redirect *redirect,
			 const uint8_t *live);

/**
 * Find the first entry that holds bytes of somebody else.
 *
 * @param[in] before The one before, whose jumps are not somebody else's; or NULL.
 * @param[out] live_ret The first of these bytes, if they can be read.
 * @param[out] ret The redirect; NULL if there is none, or if nothing can be read there.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_header_stranger(struct graft_target *target,
		      const struct graft_header *header,
		      const struct graft_header *before, uint8_t *live_ret,
		      const struct graft_header_redirect **ret);

/**
 * Read the live bytes at the entries.
 *
 * @param[in] before The one before, whose jumps may be there instead; or NULL.
 * @param[out] ret What they are.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NOT_PERMITTED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_header_live(struct graft_target *target,
		  const struct graft_header *header,
		  const struct graft_header *before, enum graft_live *ret);

/**
 * Find the page whose jumps are in the module of a header, and which is not that header.
 *
 * @param[out] ret Borrowed from the headers; NULL: there is none.
 * @return As graft_header_live().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_headers_top(struct graft_target *target,
		  const struct graft_headers *headers,
		  const struct graft_header *header,
		  const struct graft_header **ret);

/**
 * As graft_header_live(), by all pages of the process: of one that is not whole (it is
 * being given back) the jumps of any other may be there instead.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_headers_live(struct graft_target *target,
		   const struct graft_headers *headers,
		   const struct graft_header *header, enum graft_live *ret);

/**
 * Read memory, of a running process or of one that ran.
 *
 * @param[out] ret false: nothing can be read there.
 */
typedef struct graft_error *(*graft_memory_fn)(const void *ctx, uint64_t addr,
					       void *buf, size_t len,
					       bool *ret);

/** Memory, and how it is read. */
struct graft_memory {
	graft_memory_fn read;
	const void *ctx;
};

/**
 * Add the headers from @p start to @p end: the kernel joins neighbours that are
 * alike.
 *
 * @param[in,out] cap Room in the list.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; what graft_memory::read returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_headers_add(const struct graft_memory *memory, uint64_t start,
		  uint64_t end, struct graft_headers *headers, size_t *cap);

/** As graft_header_live(), of such memory. */
GRAFT_MUST_CHECK struct graft_error *
graft_header_live_in(const struct graft_memory *memory,
		     const struct graft_header *header,
		     const struct graft_header *before, enum graft_live *ret);

/**
 * Say whether the header page is in the process and says that its shadow is
 * whole. One short read; in any state of the target.
 *
 * @param[in] header What should be there.
 * @param[out] ret false also if nothing can be read there.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_header_is_whole(struct graft_target *target,
		      const struct graft_header *header, bool *ret);

#endif /* GRAFT_PLAN_FIND_H */
