// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The header page: what a process itself says about a hotpatch in it.
 *
 * It lies behind the runs of the shadow, one for each module of a hotpatch, and
 * holds all that status and revert need, so that both work when the ledger and
 * the hotpatch are lost. docs/format-header.md draws it byte by byte. The live
 * bytes at the entries, not this page, say whether the jumps are there.
 *
 * Everything here is bytes to structure and back; graft_headers_find() of
 * plan/find.h looks for the pages in a process.
 */

#ifndef GRAFT_PLAN_HEADER_H
#define GRAFT_PLAN_HEADER_H

#include "base/cleanup.h"
#include "base/error.h"
#include "patch/patch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** Bytes of magic that begin a header page. */
	GRAFT_HEADER_MAGIC_SIZE = 8,
	/** Format that this code writes; it reads the one before too. */
	GRAFT_HEADER_VERSION = 2,
	/** Where the state block is, which changes in place. */
	GRAFT_HEADER_STATE_OFF = 16,
	/** Bytes of the state block: state, its complement, time. */
	GRAFT_HEADER_STATE_SIZE = 16,
	/** Where the block of the one before is, which changes in place. */
	GRAFT_HEADER_BEFORE_OFF = 312,
	/** Bytes of that block: address, id, check. */
	GRAFT_HEADER_BEFORE_SIZE = 8 + GRAFT_PATCH_ID_LEN + 8,
	/** Bytes to read first: magic, version and length. */
	GRAFT_HEADER_PEEK_SIZE = 16,
	/** Bytes that tell whose header it is. */
	GRAFT_HEADER_BEGIN_SIZE = 160,
	/** Longest header that is accepted: 16 MiB. */
	GRAFT_HEADER_MAX = 16 << 20,
};

/** The bit of the time of a state that says graft_header::immediate. */
static const uint64_t GRAFT_HEADER_IMMEDIATE = UINT64_C(1) << 63;

/** What was done last. Stored as these numbers. */
enum graft_header_state {
	/** The regions of the shadow may be there or not, or half written. */
	GRAFT_HEADER_BUILDING = 1,
	/** The shadow is whole; the jumps come next. */
	GRAFT_HEADER_READY = 2,
	/** The jumps are there. */
	GRAFT_HEADER_APPLIED = 3,
	/** The jumps are being taken out. */
	GRAFT_HEADER_REVERTING = 4,
	/** The jumps are gone; the shadow stays for pointers into it. */
	GRAFT_HEADER_REVERTED = 5,
	/** As `reverting`, but to OLD, whatever was before. */
	GRAFT_HEADER_LEAVING = 6,
};

/** A writable object that OLD does not have; address in the process. */
struct graft_header_object {
	/** Where carried code uses it: in this shadow, or in an earlier one. */
	uint64_t addr;
	uint64_t size;
	/** As in the hotpatch: never all zeroes. */
	uint8_t identity[GRAFT_PATCH_IDENTITY_SIZE];
};

/** The hotpatch whose jumps were in before; all zeroes: none, it was OLD. */
struct graft_header_before {
	/** Where its header page is. */
	uint64_t addr;
	char id[GRAFT_PATCH_ID_LEN + 1];
};

/** A mapping of the shadow. */
struct graft_header_region {
	uint64_t addr;
	/** Whole pages. */
	uint64_t len;
	/** PROT_*. */
	uint32_t prot;
};

/** A function that is replaced; addresses in the process. */
struct graft_header_redirect {
	/** Entry of the function in the old module. */
	uint64_t entry;
	/** Bytes of the first instruction, which stays in front of the jump. */
	uint32_t skip;
	/** Where the jump leads: in the carried function, at its entry or behind
	 * the same first instruction. */
	uint64_t target;
	uint8_t original[GRAFT_JUMP_SIZE];
	uint8_t jump[GRAFT_JUMP_SIZE];
	char *name;
};

/** A piece of old code that belongs to a redirect; address in the process. */
struct graft_header_fragment {
	uint64_t addr;
	uint64_t size;
	uint32_t redirect;
};

/** All that a header page says. */
struct graft_header {
	/** Format; 0 is the one that this code writes. */
	uint32_t version;
	enum graft_header_state state;
	/** When the state was written; Unix time in microseconds. */
	uint64_t changed_us;
	/** With the state `applied`: threads were allowed to stay in what is replaced. */
	bool immediate;
	/** When the shadow was made. */
	uint64_t created_us;
	/** Where the page itself is, and how many bytes are mapped for it. */
	uint64_t addr;
	uint64_t len;
	/** Load bias of the old module, and the span of its mappings. */
	uint64_t base;
	uint64_t start;
	uint64_t end;
	/** To be added to addresses of NEW. */
	uint64_t shadow_base;
	/** Where the module's build-id is in the process; 0 if it has none. */
	uint64_t build_id_addr;
	char id[GRAFT_PATCH_ID_LEN + 1];
	uint8_t old_build_id[GRAFT_PATCH_BUILD_ID_MAX];
	uint32_t old_build_id_len;
	uint8_t new_build_id[GRAFT_PATCH_BUILD_ID_MAX];
	uint32_t new_build_id_len;
	/** What a revert goes back to. Always none in format 1. */
	struct graft_header_before before;
	char *title;
	/** Path of the module in the process. */
	char *module;
	struct graft_header_region *regions;
	uint32_t region_count;
	struct graft_header_redirect *redirects;
	uint32_t redirect_count;
	struct graft_header_fragment *fragments;
	uint32_t fragment_count;
	/** Always none in format 1, which does not tell its objects. */
	struct graft_header_object *objects;
	uint32_t object_count;
};

/** Free what a header owns, and zero it. NULL is a no-op. */
void
graft_header_deinit(struct graft_header *header);

/** Free a header from the heap. NULL is a no-op. */
void
graft_header_free(struct graft_header *header);
GRAFT_DEFINE_CLEANUP(struct graft_header, graft_header_free)

/**
 * Compute how many bytes a header encodes to.
 *
 * @return Bytes, without the padding to whole pages.
 */
uint64_t
graft_header_size(const struct graft_header *header);

/**
 * Encode a header.
 *
 * @param[out] bytes_ret New buffer that the caller frees.
 * @param[out] len_ret Its bytes: graft_header_size().
 * @return NULL; #GRAFT_ERROR_LIMIT beyond #GRAFT_HEADER_MAX.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_header_encode(const struct graft_header *header, uint8_t **bytes_ret,
		    size_t *len_ret);

/**
 * Look whether bytes begin a header.
 *
 * @param[in] bytes #GRAFT_HEADER_PEEK_SIZE bytes.
 * @return Its length in bytes, or 0 if they do not.
 */
uint32_t
graft_header_peek(const uint8_t *bytes);

/**
 * Look whether bytes begin a certain header, though the rest of it may be missing:
 * who wrote it may have been killed meanwhile.
 *
 * @param[in] bytes Untrusted; #GRAFT_HEADER_BEGIN_SIZE of them.
 * @param[in] header Its address, mapped length and id are compared.
 * @param[out] state_ret The state that it has, on true; any number.
 */
bool
graft_header_begins(const uint8_t *bytes, const struct graft_header *header,
		    enum graft_header_state *state_ret);

/**
 * Decode a header. What decodes, encodes to the same bytes.
 *
 * @param[in] bytes Untrusted.
 * @param[in] len Bytes; those behind the length in the header are not looked at.
 * @param[out] ret New header; free with graft_header_free().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_UNSUPPORTED for another
 * version.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_header_decode(const uint8_t *bytes, size_t len,
		    struct graft_header **ret);

/**
 * Encode the state block, which is outside the checksum so that one small write
 * changes it.
 *
 * @param[out] ret #GRAFT_HEADER_STATE_SIZE bytes for offset
 * #GRAFT_HEADER_STATE_OFF.
 */
void
graft_header_state_encode(enum graft_header_state state, uint64_t changed_us,
			  uint8_t *ret);

/**
 * Encode the block of the one before, which is outside the checksum too: a shadow
 * that is used again may have another before it.
 *
 * @param[out] ret #GRAFT_HEADER_BEFORE_SIZE bytes for offset
 * #GRAFT_HEADER_BEFORE_OFF of a page of format 2.
 */
void
graft_header_before_encode(const struct graft_header_before *before,
			   uint8_t *ret);

/**
 * Compute the checksum of an encoded header and store it there. For tests that
 * make odd headers; graft_header_encode() seals by itself.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_header_seal(uint8_t *bytes, size_t len);

/**
 * Compute the jump from one address to another.
 *
 * @param[in] from Address of the jump itself.
 * @param[out] ret `jmp rel32`.
 * @return false if @p to is out of reach.
 */
bool
graft_jump_encode(uint64_t from, uint64_t to, uint8_t ret[GRAFT_JUMP_SIZE]);

#endif /* GRAFT_PLAN_HEADER_H */
