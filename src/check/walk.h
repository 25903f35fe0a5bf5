// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The walk: its state, and the questions that its parts ask each other. Inside
 * check/ only.
 *
 * Four kinds of work wait in queues until none is left: blocks of code, pairs of
 * constants, pairs of objects, and ends of objects that only the whole can
 * explain. Nothing is recursive. A difference is an error of code
 * #GRAFT_ERROR_DIFFERENT; the lines that describe it are in the result.
 */

#ifndef GRAFT_CHECK_WALK_H
#define GRAFT_CHECK_WALK_H

#include "check/check.h"
#include "check/insn.h"
#include "check/joint.h"
#include "check/world.h"

enum {
	/** No function: a root. */
	GRAFT_WALK_NO_FUNC = UINT32_MAX,
};

/** A pair of functions. */
struct graft_walk_func {
	uint64_t old_addr;
	uint64_t new_addr;
	/** Function that led here, or #GRAFT_WALK_NO_FUNC. */
	uint32_t parent;
	/** "calls", "jumps to", ...; for a root what it is. Static or of NEW. */
	const char *how;
};

/** Who asks: for the description of a difference. */
struct graft_walk_site {
	uint32_t func;
	/** The two instructions, or 0: not by an instruction. */
	uint64_t old_insn;
	uint64_t new_insn;
	/** Roots: what they are called. */
	const char *root;
};

/** Where to go on. */
struct graft_walk_block {
	uint64_t old_addr;
	uint64_t new_addr;
	uint32_t func;
};

/** A pair of addresses, and who named it first. */
struct graft_walk_ref {
	uint64_t old_addr;
	uint64_t new_addr;
	/** Bytes that are known to belong; 0 if only the address is taken. */
	uint64_t len;
	struct graft_walk_site site;
	/** Used only to compare: may be the end of what lies before. */
	bool end;
};

/** A growing list of references, and how far it was worked through. */
struct graft_walk_list {
	struct graft_walk_ref *refs;
	size_t count;
	size_t cap;
	size_t done;
};

/** A pair of functions that differ and are said to be left. */
struct graft_walk_left {
	uint64_t old_addr;
	uint64_t new_addr;
	/** In line numbers, or in texts of main. */
	bool lines;
	bool texts;
	/** It is among the exceptions already. */
	bool told;
};

/** The walk. */
struct graft_walk {
	struct graft_world old_world;
	struct graft_world new_world;
	const struct graft_check_options *options;
	struct graft_check_result *result;
	ZydisDecoder decoder;

	struct graft_walk_func *funcs;
	size_t func_count;
	size_t func_cap;
	struct graft_walk_block *blocks;
	size_t block_count;
	size_t block_cap;
	size_t block_done;

	/** Pairs of instructions that were compared. */
	struct graft_joint_map seen;
	/** Pairs of entries: index of the function. */
	struct graft_joint_map entries;
	/** Pairs of FDEs. */
	struct graft_joint_map extents;
	/** Code whose address is taken: each way by its one address. */
	struct graft_joint_map old_taken;
	struct graft_joint_map new_taken;

	/** Constants; by pair of addresses, and what was found to be the same. */
	struct graft_walk_list constants;
	struct graft_joint_map constant_index;
	/** Objects: all references to writable data. */
	struct graft_walk_list objects;
	struct graft_joint_map object_index;
	/** Addresses that an index is added to: what is near was compared. */
	struct graft_joint_map near_index;
	/** Ends that only what lies before can explain. */
	struct graft_walk_list ends;

	/** By index of the FDE: was reached. */
	bool *old_reached;
	bool *new_reached;
	/** What the hotpatch says it leaves as it is. */
	struct graft_walk_left *left;
	size_t left_count;
	size_t left_cap;
};

/** Say that the two differ. Makes the description; never NULL. */
GRAFT_PRINTF(5)
GRAFT_NOT_NULL
GRAFT_MUST_CHECK struct graft_error *
graft_walk_differ(struct graft_walk *walk, const struct graft_walk_site *site,
		  uint64_t old_addr, uint64_t new_addr, const char *fmt, ...);

/** List something that differs and is meant to. */
GRAFT_PRINTF(2)
GRAFT_MUST_CHECK struct graft_error *
graft_walk_except(struct graft_walk *walk, const char *fmt, ...);

/** Add all that the outside can reach (roots.c). */
GRAFT_MUST_CHECK struct graft_error *
graft_walk_roots(struct graft_walk *walk);

/** Work until nothing is left to do (walk.c). */
GRAFT_MUST_CHECK struct graft_error *
graft_walk_run(struct graft_walk *walk);

/** Take a pair of entries as functions that must do the same (walk.c). */
GRAFT_MUST_CHECK struct graft_error *
graft_walk_enter(struct graft_walk *walk, const struct graft_walk_site *site,
		 uint64_t old_addr, uint64_t new_addr, const char *how);

/** Take a pair of places in one pair of functions (walk.c). */
GRAFT_MUST_CHECK struct graft_error *
graft_walk_go_on(struct graft_walk *walk, uint64_t old_addr, uint64_t new_addr,
		 uint32_t func);

/** Compare two instructions that are the same but for references (step.c). */
GRAFT_MUST_CHECK struct graft_error *
graft_step_compare(struct graft_walk *walk, const struct graft_walk_site *site,
		   const struct graft_insn_view *old_insn,
		   const struct graft_insn_view *new_insn);

/**
 * Compare where two transfers of control lead (step.c): functions, or stubs of
 * the PLT by what they are bound to.
 *
 * @param[out] bound_ret Whether it was decided by a stub; else nothing was
 * decided.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_step_stub(struct graft_walk *walk, const struct graft_walk_site *site,
		uint64_t old_addr, uint64_t new_addr, bool *bound_ret);

/** Compare two slots' values; @p call: only to be called (value.c). */
GRAFT_MUST_CHECK struct graft_error *
graft_value_compare(struct graft_walk *walk, const struct graft_walk_site *site,
		    const struct graft_world_slot *old_slot,
		    const struct graft_world_slot *new_slot, bool call);

/** Compare two addresses that code or data hold (value.c). */
GRAFT_MUST_CHECK struct graft_error *
graft_address_compare(struct graft_walk *walk,
		      const struct graft_walk_site *site, uint64_t old_addr,
		      uint64_t new_addr);

/**
 * Compare what an address may lead to that an index is added to (index.c).
 *
 * @param[in] i Which of the addresses of both instructions.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_index_compare(struct graft_walk *walk, const struct graft_walk_site *site,
		    const struct graft_insn_view *old_insn,
		    const struct graft_insn_view *new_insn, uint8_t i);

/**
 * See that no number of an instruction would be an address, where no relocation
 * says whether it is one (number.c). At a fixed address only.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_number_check_insn(struct graft_walk *walk,
			const struct graft_walk_site *site,
			const struct graft_insn_view *new_insn);

/**
 * See that no word of a carried constant would be one; slots are no words
 * (number.c). At a fixed address only.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_number_check_words(struct graft_walk *walk,
			 const struct graft_walk_site *site, uint64_t old_addr,
			 uint64_t new_addr, uint64_t len);

/** Take @p len bytes of two constants as named at @p site (constant.c). */
GRAFT_MUST_CHECK struct graft_error *
graft_constant_compare(struct graft_walk *walk,
		       const struct graft_walk_site *site, uint64_t old_addr,
		       uint64_t new_addr, uint64_t len);

/** Take two constants of unknown length (constant.c). */
GRAFT_MUST_CHECK struct graft_error *
graft_constant_add(struct graft_walk *walk, const struct graft_walk_site *site,
		   uint64_t old_addr, uint64_t new_addr);

/** Compare those that wait (constant.c). */
GRAFT_MUST_CHECK struct graft_error *
graft_constant_run(struct graft_walk *walk);

/**
 * Compare contents, slots by their values (content.c).
 *
 * @param[out] same_ret How many of @p len bytes are the same, from the first.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_content_compare(struct graft_walk *walk,
		      const struct graft_walk_site *site, uint64_t old_addr,
		      uint64_t new_addr, uint64_t len, uint64_t *same_ret);

/**
 * Follow a table of distances to code, if two constants are one (table.c).
 *
 * @param[out] ret Whether they are.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_table_follow(struct graft_walk *walk, const struct graft_walk_site *site,
		   uint64_t old_addr, uint64_t new_addr, bool *ret);

/** Take @p len bytes of a pair of writable objects (object.c). */
GRAFT_MUST_CHECK struct graft_error *
graft_object_add(struct graft_walk *walk, const struct graft_walk_site *site,
		 uint64_t old_addr, uint64_t new_addr, uint64_t len);

/** Compare the initial contents of those that wait (object.c). */
GRAFT_MUST_CHECK struct graft_error *
graft_object_run(struct graft_walk *walk);

/** See that objects stand for each other one by one (bijection.c). */
GRAFT_MUST_CHECK struct graft_error *
graft_object_check_all(struct graft_walk *walk);

/**
 * Ask whether an address in code is that of a table or text which an assembler
 * put there: only an instruction names it, no symbol calls it a function, it is
 * no start of an FDE, and what is there is no code or is read. If its bytes
 * differ it is walked after all (guess.c).
 */
bool
graft_guess_is_table(const struct graft_walk *walk,
		     const struct graft_walk_site *site, uint64_t n);

/** Is the address that an instruction takes only compared? (end.c) */
bool
graft_end_is_likely(const struct graft_walk *walk,
		    const struct graft_walk_site *site);

/** Is memory read or written through the address that an instruction takes,
 * before it is used otherwise? (end.c) */
bool
graft_end_is_followed(const struct graft_walk *walk,
		      const struct graft_walk_site *site);

/** Take two addresses as ends, to be explained by graft_end_check_all(). */
GRAFT_MUST_CHECK struct graft_error *
graft_end_add(struct graft_walk *walk, const struct graft_walk_site *site,
	      uint64_t old_addr, uint64_t new_addr);

/** See that each end is that of two constants or objects that are one pair. */
GRAFT_MUST_CHECK struct graft_error *
graft_end_check_all(struct graft_walk *walk);

/**
 * Say whether the unwind tables that the hotpatch brings say of code of the shadow
 * what NEW says of it (frame.c).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_frame_compare(struct graft_walk *walk, const struct graft_walk_site *site,
		    uint64_t old_addr, uint64_t new_addr, bool *same_ret);

/** Take the landing pads of what unwinds as one with two addresses (landing.c). */
GRAFT_MUST_CHECK struct graft_error *
graft_landing_add(struct graft_walk *walk, uint32_t func, uint64_t old_addr,
		  uint64_t new_addr);

/** Read what the hotpatch says it leaves as it is (left.c). */
GRAFT_MUST_CHECK struct graft_error *
graft_left_read(struct graft_walk *walk,
		const struct graft_patch_module *module);

/**
 * Take two instructions that differ as line numbers (left.c).
 *
 * @param[out] taken_ret Whether the hotpatch says that they are, and they can be.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_left_take_line(struct graft_walk *walk,
		     const struct graft_insn_view *old_insn,
		     const struct graft_insn_view *new_insn, bool *taken_ret);

/**
 * Ask whether a constant that an instruction of NEW puts into a register can only go
 * to arguments of calls, and does so on some way: it is neither stored, nor
 * computed or compared with, nor returned (passed.c).
 */
bool
graft_passed_only(const struct graft_walk *walk,
		  const struct graft_insn_view *insn);

/** Are two texts the same but for the release that they name? (release.c) */
bool
graft_release_only_differs(const struct graft_walk *walk, const char *o,
			   const char *n);

/**
 * Take a difference within two objects as text that names the release (release.c).
 *
 * @param[in] same How many bytes from their start are the same.
 * @param[in] len How long they are.
 * @param[out] taken_ret Behind that text, from their start; 0 if it is none.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_release_take(struct graft_walk *walk, uint64_t old_addr,
		   uint64_t new_addr, uint64_t same, uint64_t len,
		   uint64_t *taken_ret);

/** Is a site in a main whose texts are said to be left? (left.c) */
bool
graft_left_is_main(struct graft_walk *walk, const struct graft_walk_site *site);

/** Append a reference to a list. */
GRAFT_MUST_CHECK struct graft_error *
graft_walk_list_add(struct graft_walk_list *list, struct graft_walk_ref ref);

#endif /* GRAFT_CHECK_WALK_H */
