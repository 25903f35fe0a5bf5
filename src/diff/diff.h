// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What changed between two builds, and what must come along.
 *
 * graft_diff_make() does, in this order: decode both (code.h), match functions
 * (match.h), collect evidence of which data stand for which (data.h), compare
 * constants (constant.h), decide which functions changed, close over what those
 * need, and resolve each reference of what is carried. It does not judge:
 * whatever it cannot settle becomes a finding, and judge/ gives it a rule.
 *
 * A diff is immutable once made. Functions are named by their index in
 * graft_code::funcs of their side, addresses are those of their build.
 */

#ifndef GRAFT_DIFF_DIFF_H
#define GRAFT_DIFF_DIFF_H

#include "diff/code/code.h"

struct graft_patch_module;
struct graft_data_map;
struct graft_constants;
struct graft_names;
struct graft_frames;

/** How two functions were found to be the same, weakest first. */
enum graft_evidence {
	GRAFT_EVIDENCE_NONE,
	/** Stands at the same place in the order of the section. */
	GRAFT_EVIDENCE_ORDER,
	/** The same reference of functions that match. */
	GRAFT_EVIDENCE_REFERENCE,
	/** The only one of its normal form on both sides. */
	GRAFT_EVIDENCE_FORM,
	/** The same symbol. */
	GRAFT_EVIDENCE_SYMBOL,
};

/** Why a matched function counts as changed; a set. */
enum graft_change {
	/** Its normal form differs. */
	GRAFT_CHANGE_FORM = 1,
	/** A reference goes to something else. */
	GRAFT_CHANGE_REFERENCE = 2,
	/** A constant that it reads differs. */
	GRAFT_CHANGE_CONSTANT = 4,
	/** Another function of its group changed. */
	GRAFT_CHANGE_GROUP = 8,
	/** It has a rel8 tail call into something that is carried, or out of it. */
	GRAFT_CHANGE_REACH = 16,
	/** What it does when an exception passes: see lsda_same.h. */
	GRAFT_CHANGE_UNWIND = 32,
};

/** What is known of one function of one side. */
struct graft_func_match {
	/** Its counterpart on the other side, or #GRAFT_NONE. */
	uint32_t other;
	/** #graft_evidence. */
	uint8_t evidence;
	/** Both have the same normal form. */
	bool same_form;
	/** NEW side: the forms differ in nothing but line numbers; see line.h. */
	bool only_lines;
	/** Set of #graft_change; 0 if it did not change. */
	uint8_t change;
	/** NEW side: it is in the hotpatch. OLD side: it is replaced. */
	bool carried;
};

/** What a reference of carried code names. */
enum graft_thing {
	GRAFT_THING_UNKNOWN,
	GRAFT_THING_FUNCTION,
	GRAFT_THING_PLT,
	GRAFT_THING_GOT,
	GRAFT_THING_CONSTANT,
	GRAFT_THING_TABLE,
	GRAFT_THING_DATA,
	GRAFT_THING_TLS,
};

enum graft_place {
	/** Not settled: there is a finding about it. */
	GRAFT_PLACE_NONE,
	/** In the OLD module, at graft_resolution::old_addr. */
	GRAFT_PLACE_OLD,
	/** In the shadow, at its NEW address: no fix. */
	GRAFT_PLACE_NEW,
	/** Nothing to do: an offset of the thread block that did not move. */
	GRAFT_PLACE_SAME,
};

/** Where one reference of carried code goes. */
struct graft_resolution {
	/** Index in the NEW side's graft_code::refs. */
	uint32_t ref;
	/** NEW function that holds it. */
	uint32_t func;
	/** #graft_thing and #graft_place. */
	uint8_t thing;
	uint8_t place;
	uint64_t old_addr;
};

/** A piece of NEW data that the shadow holds. */
struct graft_piece {
	uint64_t addr;
	uint64_t size;
	/** #graft_thing. */
	uint8_t thing;
	/** A writable object that OLD does not have. */
	bool writable;
	/** Carried only to be beside another: OLD has what it holds. */
	bool moved;
	/** The constant of OLD that it stands for, or 0 if it is new. */
	uint64_t old_addr;
	uint64_t old_size;
};

/** A 64-bit pointer in a piece, filled in when the place is known. */
struct graft_pointer {
	uint64_t new_addr;
	/** _OLD: goes to @ref value in OLD; _NEW: in the shadow; _NONE: symbol. */
	uint8_t place;
	/** The slot is a copy of the OLD slot at @ref value. */
	bool copy;
	/** Target address, or the addend of @ref symbol. */
	uint64_t value;
	/** What it is bound to, or NULL. */
	const struct graft_symbol *symbol;
};

/** What kind of thing could not be settled. */
enum graft_finding_kind {
	/** A reference whose counterpart nothing witnesses. */
	GRAFT_FINDING_UNRESOLVED,
	/** Evidence for two counterparts. */
	GRAFT_FINDING_CONFLICT,
	/** One OLD function stands for two NEW ones of which one changed. */
	GRAFT_FINDING_FOLDED,
	/** An OLD entry that must be redirected has no room for the jump. */
	GRAFT_FINDING_NO_ROOM,
	/** Something outside branches behind the entry of a replaced function. */
	GRAFT_FINDING_SECOND_ENTRY,
	/** Code that cannot be decoded in a changed function. */
	GRAFT_FINDING_UNDECODABLE,
	/** A changed OLD function that has no counterpart but is still reachable. */
	GRAFT_FINDING_REMOVED,
	/** A changed constant to which data, not code, point. */
	GRAFT_FINDING_CONSTANT_IN_DATA,
	/** A thread-local offset that moved or is new. */
	GRAFT_FINDING_TLS,
	/** The code model is not supported (absolute addresses in code). */
	GRAFT_FINDING_POSITION,
	/** Exceptions may pass, and no unwind tables can be carried. */
	GRAFT_FINDING_UNWIND,
};

/** Something that the diff could not settle. */
struct graft_finding {
	enum graft_finding_kind kind;
	/** NEW function it is about, or #GRAFT_NONE. */
	uint32_t func;
	/** Address in NEW (or in OLD, see @ref in_old) that it is about. */
	uint64_t addr;
	bool in_old;
	/** Sentence fragment with the details; owned by the diff. */
	char *text;
};

/** What changed between two builds. */
struct graft_diff {
	/** Borrowed. */
	const struct graft_image *old_image;
	const struct graft_image *new_image;
	/** Versions of the packages that they come from, or NULL. Borrowed. */
	const char *old_version;
	const char *new_version;
	/** Functions that differ in nothing but line numbers count as changed. */
	bool carry_lines;
	struct graft_code *old_code;
	struct graft_code *new_code;
	/** One per function of each side. */
	struct graft_func_match *old_match;
	struct graft_func_match *new_match;
	struct graft_data_map *data;
	struct graft_constants *constants;
	struct graft_names *names;

	/** NEW functions that are carried, ascending. */
	uint32_t *carried;
	size_t carried_count;
	/** Every reference of carried functions, in that order. */
	struct graft_resolution *resolutions;
	size_t resolution_count;
	/** NEW data that are carried: constants, tables, slots, new objects. */
	struct graft_piece *pieces;
	size_t piece_count;
	/** Pointers in pieces, ascending by address. */
	struct graft_pointer *pointers;
	size_t pointer_count;
	/** Unwind tables of what is carried, or NULL; see frames.h. */
	struct graft_frames *frames;
	/** OLD functions whose entry gets a jump, ascending. */
	uint32_t *entries;
	size_t entry_count;
	struct graft_finding *findings;
	size_t finding_count;

	/**
	 * NEW's `main`, if it changed in nothing but text that it names, or
	 * #GRAFT_NONE. It is left as it is: it never returns while the program
	 * runs, and what it names it has passed on already.
	 */
	uint32_t left_main;
	/** Functions changed in the sense of #graft_change but _GROUP. */
	uint32_t changed_count;
	/** Carried functions without counterpart. */
	uint32_t added_count;
};

/**
 * Compare two builds.
 *
 * @param[in] old_image Borrowed until the diff is freed; so is @p new_image.
 * @param[out] ret New diff; free with graft_diff_free().
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_diff_make(const struct graft_image *old_image,
		const struct graft_image *new_image, struct graft_diff **ret);

/** How to compare two builds. All zeroes is what graft_diff_make() does. */
struct graft_diff_options {
	/** Versions as the packages name them in their texts (without epoch), or
	 * NULL. */
	const char *old_version;
	const char *new_version;
	/** See graft_diff::carry_lines. */
	bool carry_lines;
};

/**
 * Compare two builds in a way that is asked for.
 *
 * @param[in] options Borrowed for the call; its strings until the diff is freed.
 * @param[out] ret New diff; free with graft_diff_free().
 * @return As graft_diff_make().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_diff_make_with(const struct graft_image *old_image,
		     const struct graft_image *new_image,
		     const struct graft_diff_options *options,
		     struct graft_diff **ret);

/** Free a diff. NULL is a no-op. */
void
graft_diff_free(struct graft_diff *diff);
GRAFT_DEFINE_CLEANUP(struct graft_diff, graft_diff_free)

/** Say whether both builds run the same code on the same constants. */
bool
graft_diff_is_identical(const struct graft_diff *diff);

/** One instruction of OLD and one of NEW that stand for each other. */
struct graft_insn_pair {
	/** Indexes in graft_code::insns of their side. */
	uint32_t old_insn;
	uint32_t new_insn;
	/** Equal but for references and branch distances. */
	bool equal;
};

/**
 * Align the instructions of two functions.
 *
 * Equal instructions are paired in order (longest common subsequence, with a
 * bound on the work); runs of the same length between two equal ones are paired
 * one by one with `equal` false.
 *
 * @param[in] old_func Index of an OLD function; @p new_func of a NEW one.
 * @param[out] ret New array, ascending on both sides; free with free(3).
 * @param[out] count_ret Its length.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_diff_align(const struct graft_diff *diff, uint32_t old_func,
		 uint32_t new_func, struct graft_insn_pair **ret,
		 size_t *count_ret);

/**
 * Get the references of two aligned instructions.
 *
 * @param[out] old_ret Index in graft_code::refs of OLD; @p new_ret in NEW's.
 * @return false, and neither is to be used: the two are not equal, or name nothing.
 */
bool
graft_insn_pair_refs(const struct graft_diff *diff,
		     const struct graft_insn_pair *pair, uint32_t *old_ret,
		     uint32_t *new_ret);

/** How well an address of OLD is known to stand for one of NEW. */
enum graft_witness {
	GRAFT_WITNESS_NONE,
	/** Two different addresses are witnessed. */
	GRAFT_WITNESS_CONFLICT,
	/** Only order and neighbours speak for it: support, not proof. */
	GRAFT_WITNESS_NEIGHBOURS,
	/** Aligned instructions of changed functions, with their neighbours. */
	GRAFT_WITNESS_ALIGNED,
	/** Unchanged functions that match by more than order, or data. */
	GRAFT_WITNESS_REFERENCE,
	/** Symbol or relocation. */
	GRAFT_WITNESS_SYMBOL,
};

/**
 * Find which OLD address stands for an address of NEW's writable data.
 *
 * @param[out] old_addr_ret Written if the result is above _CONFLICT.
 */
enum graft_witness
graft_diff_old_data(const struct graft_diff *diff, uint64_t new_addr,
		    uint64_t *old_addr_ret);

/** Say whether a section is written by the running program (not RELRO). NULL, where
 * no section is, is not. */
bool
graft_section_is_writable(const struct graft_section *section);

/**
 * Make the part of a module that only a diff knows: runs, redirects, fragments,
 * carried pieces, fixes, imports, slots, expectations, counts, carried bytes,
 * build-ids and hashes of both sides.
 *
 * Call only for a diff without findings. The verdict and the reasons are the
 * caller's.
 *
 * @param[in,out] module Zeroed, or with path and soname set. On error it is
 * deinitialised.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_diff_emit(const struct graft_diff *diff,
		struct graft_patch_module *module);

/**
 * Set only what is known of every module, whatever its verdict: build-ids and
 * hashes of both sides, and the counts.
 */
void
graft_diff_describe(const struct graft_diff *diff,
		    struct graft_patch_module *module);

#endif /* GRAFT_DIFF_DIFF_H */
