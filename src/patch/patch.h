// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The hotpatch: what the builder knows and what the applier needs to know.
 *
 * This is the only thing that crosses from build time to run time. It is plain
 * data; strings and arrays are owned by the patch. Two kinds of address occur:
 * `old` ones are virtual addresses of the OLD build, `new` ones of the NEW build.
 * In a process an old address is `old + (base of the module)` and a new one is
 * `new + (base of the shadow)`, where the shadow is where carried code is put.
 *
 * This folder knows nothing of how builds are compared or of processes.
 */

#ifndef GRAFT_PATCH_PATCH_H
#define GRAFT_PATCH_PATCH_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct graft_disk;

enum {
	/** Longest jump that is written over an entry: `jmp rel32`. */
	GRAFT_JUMP_SIZE = 5,
	/** Length of `endbr64`, which stays in front of the jump. */
	GRAFT_ENDBR_SIZE = 4,
	/** Longest instruction: Intel SDM, volume 2, 2.3.11. */
	GRAFT_INSN_MAX = 15,
	/** Bytes of an id: the first half of a SHA-256, in hex without NUL. */
	GRAFT_PATCH_ID_LEN = 32,
	GRAFT_PATCH_BUILD_ID_MAX = 64,
	GRAFT_PATCH_SHA256_SIZE = 32,
	/** Bytes by which a new writable object is known in other builds. */
	GRAFT_PATCH_IDENTITY_SIZE = 16,
};

enum graft_verdict {
	GRAFT_VERDICT_IDENTICAL,
	GRAFT_VERDICT_HOTPATCH,
	GRAFT_VERDICT_BASELINE,
};

enum graft_assurance {
	/** No statement: the verdict is not `hotpatch`. */
	GRAFT_ASSURANCE_NONE,
	/** Stripped: each rule decided from evidence in the code. */
	GRAFT_ASSURANCE_INFERRED,
	/** Each rule decided from types and symbols of both sides. */
	GRAFT_ASSURANCE_PROVEN,
};

/** Whether OLD's function may run on beside NEW's (docs/decisions/immediate.md). */
enum graft_immediate {
	/** Nobody asked: more than one function is replaced, or an older graft made
	 * the hotpatch. */
	GRAFT_IMMEDIATE_UNKNOWN,
	GRAFT_IMMEDIATE_REFUSED,
	GRAFT_IMMEDIATE_PROVEN,
};

/** Why a verdict is what it is, or something that the user should know. */
struct graft_reason {
	/** "R-04". */
	char *rule;
	/** The place: function, section or file, with an address if it helps. */
	char *where;
	/** One sentence. */
	char *text;
	/** Said, but does not forbid. */
	bool note;
};

/** Page protection of a run; never both WRITE and EXEC. */
enum graft_run_flags {
	GRAFT_RUN_READ = 1,
	GRAFT_RUN_WRITE = 2,
	GRAFT_RUN_EXEC = 4,
};

/**
 * A run of bytes that the shadow holds, at its natural address.
 *
 * Runs of one module are sorted and do not overlap. Runs of different protection
 * never share a page.
 */
struct graft_run {
	uint64_t new_addr;
	/** Bytes in memory; those past @ref file_len are zero. */
	uint64_t mem_len;
	uint64_t file_len;
	uint8_t *bytes;
	/** #graft_run_flags. */
	uint32_t flags;
};

/** A function that is replaced: its entry in OLD gets a jump to NEW. */
struct graft_redirect {
	/** Entry of the function in OLD. */
	uint64_t old_addr;
	/** Room at the entry: its size with padding that belongs to nobody. */
	uint32_t old_room;
	/**
	 * Bytes at the entry that stay in front of the jump: none, or those of
	 * one instruction.
	 */
	uint32_t skip;
	/**
	 * NEW starts with the same instruction, and the jump leads behind it.
	 * Else what stays is `endbr64`, and the jump leads to the start.
	 */
	bool behind;
	/** Where the carried function is. */
	uint64_t new_addr;
	/** The bytes that the jump overwrites, at old_addr + skip. */
	uint8_t original[GRAFT_JUMP_SIZE];
	/** Name for people: symbol, or "sub_<hex of old_addr>". */
	char *name;
};

/** Where the jump of a redirect leads, at NEW's address. */
static inline uint64_t
graft_redirect_target(const struct graft_redirect *redirect)
{
	return redirect->new_addr + (redirect->behind ? redirect->skip : 0);
}

/** A piece of OLD code in which no thread may be when the switch is made. */
struct graft_fragment {
	uint64_t old_addr;
	uint64_t size;
	/** Index of the redirect that it belongs to. */
	uint32_t redirect;
};

/** A carried piece of NEW code: what revert must find no thread in. */
struct graft_carried {
	uint64_t new_addr;
	uint64_t size;
	/** Name for people. */
	char *name;
};

enum graft_fix_kind {
	/**
	 * A 32-bit displacement whose target is in the OLD module. To the stored
	 * value is added `value + (old base - shadow base)`.
	 */
	GRAFT_FIX_REL32_OLD = 1,
	/** A 64-bit pointer: `old base + value`. */
	GRAFT_FIX_ABS64_OLD = 2,
	/** A 64-bit pointer: `shadow base + value`. */
	GRAFT_FIX_ABS64_NEW = 3,
	/**
	 * A 64-bit slot that gets a copy of the slot at `old base + value`: a new
	 * slot for an IFUNC, TLS descriptor or thread offset that OLD resolved.
	 */
	GRAFT_FIX_COPY64_OLD = 4,
	/** A 32-bit address: `old base + value`, below 2 GiB. */
	GRAFT_FIX_ABS32_OLD = 5,
	/** A 32-bit address: `shadow base + value`, below 2 GiB. */
	GRAFT_FIX_ABS32_NEW = 6,
};

/** Get the bytes of the field that a fix fills in. */
static inline uint32_t
graft_fix_size(enum graft_fix_kind kind)
{
	return kind == GRAFT_FIX_REL32_OLD || kind == GRAFT_FIX_ABS32_OLD ||
			       kind == GRAFT_FIX_ABS32_NEW
		       ? 4
		       : 8;
}

/** Say whether a fix fills in an address of 32 bits: format 7. */
static inline bool
graft_fix_is_low(enum graft_fix_kind kind)
{
	return kind == GRAFT_FIX_ABS32_OLD || kind == GRAFT_FIX_ABS32_NEW;
}

/** One field of a run that is filled in when the place is known. */
struct graft_fix {
	uint64_t new_addr;
	int64_t value;
	enum graft_fix_kind kind;
};

/** A new GOT slot, bound when the hotpatch is applied: symbol + addend. */
struct graft_import {
	/** The 64-bit slot, inside a run. */
	uint64_t new_addr;
	char *symbol;
	/** Needed version, or NULL. */
	char *version;
	int64_t addend;
	/** A weak reference: 0 if nobody defines it. */
	bool weak;
};

/** A GOT slot of OLD that carried code uses. */
struct graft_old_slot {
	uint64_t old_addr;
	/** Symbol that the slot is bound to; NULL: the slot is module-relative. */
	char *symbol;
	char *version;
	/** A function that may be bound lazily (JUMP_SLOT). */
	bool lazy;
};

/** A range of OLD that must hold the bytes of the file. */
struct graft_expect {
	uint64_t old_addr;
	uint64_t len;
	uint8_t sha256[GRAFT_PATCH_SHA256_SIZE];
};

/**
 * A writable object that OLD does not have. One that the hotpatch of a newer build
 * has too, by its identity, is at one place for both (plan/objects.h).
 *
 * Either all of a module are listed, or none.
 */
struct graft_object {
	uint64_t new_addr;
	uint64_t size;
	/** Hash of all that tells it from others; never all zeroes. */
	uint8_t identity[GRAFT_PATCH_IDENTITY_SIZE];
	/** The 32-bit displacements that lead to it, ascending. */
	uint64_t *refs;
	size_t ref_count;
};

/** Counts of functions, for people. */
struct graft_patch_counts {
	uint32_t old_count;
	uint32_t new_count;
	uint32_t changed;
	uint32_t added;
	uint32_t carried;
};

/** One module (executable or shared library) and what was decided about it. */
struct graft_patch_module {
	/** Path in NEW's package or tree; the file name for single files. */
	char *path;
	/** DT_SONAME, or NULL. */
	char *soname;
	uint8_t old_build_id[GRAFT_PATCH_BUILD_ID_MAX];
	size_t old_build_id_len;
	uint8_t new_build_id[GRAFT_PATCH_BUILD_ID_MAX];
	size_t new_build_id_len;
	uint8_t old_sha256[GRAFT_PATCH_SHA256_SIZE];
	uint8_t new_sha256[GRAFT_PATCH_SHA256_SIZE];
	enum graft_verdict verdict;
	enum graft_assurance assurance;
	struct graft_reason *reasons;
	size_t reason_count;
	struct graft_patch_counts counts;
	/** Bytes of carried code and constants. 0 unless `hotpatch`. */
	uint64_t carried_bytes;

	// All that follows is empty unless the verdict is `hotpatch`.

	/** Largest section alignment of NEW; the shadow is congruent modulo it. */
	uint64_t align;
	struct graft_run *runs;
	size_t run_count;
	struct graft_redirect *redirects;
	size_t redirect_count;
	struct graft_fragment *fragments;
	size_t fragment_count;
	struct graft_carried *carried;
	size_t carried_count;
	struct graft_fix *fixes;
	size_t fix_count;
	struct graft_import *imports;
	size_t import_count;
	struct graft_old_slot *old_slots;
	size_t old_slot_count;
	struct graft_expect *expects;
	size_t expect_count;
	/**
	 * The unwind tables of carried code (patch/frames.h), which the process
	 * must be told: exceptions pass through it. Both 0 if none do. They
	 * stand in the manifest.
	 */
	uint64_t frames_addr;
	uint64_t frames_len;
	/** By ascending address. They stand in the manifest too. */
	struct graft_object *objects;
	size_t object_count;
	/**
	 * Of the one function that is replaced; _UNKNOWN if there are more. Stands in
	 * the manifest.
	 */
	enum graft_immediate immediate;
	/** Why not, one sentence without a full stop. NULL unless _REFUSED. */
	char *immediate_why;

	/**
	 * The member of the file that this module was decoded from, as long as
	 * it still says the same: another libzstd would choose other bytes, and
	 * what decodes must encode to the same bytes. NULL for a new module.
	 */
	uint8_t *packed;
	size_t packed_len;
	/** @ref packed is a zstd frame, not the ELF file itself. */
	bool packed_zstd;

	/**
	 * The bytes of the runs as a delta to the OLD file (patch/delta.h): what
	 * is stored in their place as long as the module still says the same.
	 * NULL for a module that is stored whole.
	 */
	uint8_t *delta;
	size_t delta_len;
	/** Of the ELF file with these bytes, and without. Only with a delta. */
	uint8_t elf_sha256[GRAFT_PATCH_SHA256_SIZE];
	uint8_t skeleton_sha256[GRAFT_PATCH_SHA256_SIZE];
	/**
	 * The bytes of the runs are not known but for their delta. They are
	 * zero, and so is graft_redirect::original where it is the same as they.
	 */
	bool lacks_code;
};

/** A hotpatch. */
struct graft_patch {
	/**
	 * First 32 hex digits of the SHA-256 of the manifest without these
	 * digits. Written by graft_patch_encode().
	 */
	char id[GRAFT_PATCH_ID_LEN + 1];
	char *title;
	/** "security", "bugfix", "feature" or "". */
	char *classification;
	/** What made it: "graft 0.1". */
	char *toolchain;
	/** Name and versions of the package pair, or NULL each. */
	char *package;
	char *old_version;
	char *new_version;
	char **cves;
	size_t cve_count;
	struct graft_patch_module *modules;
	size_t module_count;
	/**
	 * A redirect of a module is graft_redirect::behind. Written by
	 * graft_patch_encode() and by who decodes.
	 */
	bool jumps_behind;
	/** A module of it is graft_patch_module_is_low(). Written likewise. */
	bool is_low;
	/**
	 * The parts for the disk (patch/disk.h), one for each package, by ascending name
	 * and architecture; of files of no package there is one alone. Owned.
	 */
	struct graft_disk **disks;
	size_t disk_count;
	/** All parts as one zstd frame (patch/joined.h), if they were read or made so. Owned. */
	uint8_t *joined;
	size_t joined_len;
};

/** Say whether a redirect of a module is graft_redirect::behind. */
bool
graft_patch_jumps_behind(const struct graft_patch *patch);

/** Say whether carried code of a module holds addresses of 32 bits, so that it has to
 * be below 2 GiB. */
bool
graft_patch_module_is_low(const struct graft_patch_module *module);

/** Say whether that is so of a module. */
bool
graft_patch_is_low(const struct graft_patch *patch);

/** Make an empty patch; free with graft_patch_free(). */
GRAFT_MUST_CHECK struct graft_error *
graft_patch_new(struct graft_patch **ret);

/** Free a patch and everything in it. NULL is a no-op. */
void
graft_patch_free(struct graft_patch *patch);
GRAFT_DEFINE_CLEANUP(struct graft_patch, graft_patch_free)

/** Find the run in whose memory an address of NEW is, or NULL. */
const struct graft_run *
graft_patch_run_at(const struct graft_patch_module *module, uint64_t addr);

/**
 * Find the bytes that a module brings at addresses of NEW.
 *
 * @return Borrowed; NULL unless all @p len of them are stored in one run. What is a
 * skeleton holds zeroes for its code.
 */
const uint8_t *
graft_patch_module_bytes(const struct graft_patch_module *module, uint64_t addr,
			 uint64_t len);

/** Free what a module owns, and zero it. NULL is a no-op. */
void
graft_patch_module_deinit(struct graft_patch_module *module);
GRAFT_DEFINE_CLEANUP(struct graft_patch_module, graft_patch_module_deinit)

/** Free what a module carries (runs and records), and only that. */
void
graft_patch_module_clear(struct graft_patch_module *module);

/** As graft_patch_module_clear(), but what it carries has another owner now. */
void
graft_patch_module_forget(struct graft_patch_module *module);

/** Free what a reason owns, and zero it. NULL is a no-op. */
void
graft_reason_deinit(struct graft_reason *reason);

/** Get "identical", "hotpatch" or "baseline". Static. */
const char *
graft_verdict_name(enum graft_verdict verdict);

/** Get "none", "inferred" or "proven". Static. */
const char *
graft_assurance_name(enum graft_assurance assurance);

/**
 * Compute the protection, alignment and address rules of a module.
 *
 * @return NULL if the module keeps every promise of this header: runs sorted,
 * not overlapping, no page both writable and executable, every fix, import,
 * redirect, fragment and carried piece inside what it must be inside of;
 * #GRAFT_ERROR_BAD_INPUT with the first that is broken, #GRAFT_ERROR_LIMIT if
 * there is too much of something. Beyond that: carried pieces do not overlap and
 * lie in executable runs; a redirect leads into a carried piece, its room
 * overlaps no other's, and a fragment of its own covers its entry; no two fixes
 * or imports overlap; a `hotpatch` has a redirect and an assurance, a `baseline`
 * a reason that is no note; every string is UTF-8 without control characters.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_patch_module_check(const struct graft_patch_module *module);

/**
 * Compute the rules of what stands around the modules: title, versions, CVEs,
 * counts.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT or #GRAFT_ERROR_LIMIT with the first
 * that is broken.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_patch_check(const struct graft_patch *patch);

/**
 * Find the first `hotpatch` module made from the same pair of files.
 *
 * Packages hold one program under several names; what is carried for it is
 * stored, and applied, once.
 *
 * @param[in] i Index of a module whose verdict is `hotpatch`.
 * @return An index up to @p i; @p i itself if no earlier one is the same.
 */
size_t
graft_patch_module_first(const struct graft_patch *patch, size_t i);

/** The worst verdict of all modules; `identical` if there are none. */
enum graft_verdict
graft_patch_verdict(const struct graft_patch *patch);

#endif /* GRAFT_PATCH_PATCH_H */
