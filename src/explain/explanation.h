// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Why the builds of a module differ: each function that changed, what kind of
 * change it is, and its instructions side by side.
 *
 * This is data for people, made by explain.h and shown by print.h. Every string
 * is UTF-8 without control characters and without those that change the direction
 * of text (visible.h), whatever the symbols and texts of the builds hold; the
 * faces have to quote them for their own format only.
 */

#ifndef GRAFT_EXPLAIN_EXPLANATION_H
#define GRAFT_EXPLAIN_EXPLANATION_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Kinds of change; a set. class.def has their names. */
enum graft_class {
#define GRAFT_CLASS(symbol, bit, name, text) GRAFT_CLASS_##symbol = 1 << (bit),
#include "explain/class.def"
#undef GRAFT_CLASS
};

/** What becomes of a function. */
enum graft_fate {
	/** It differs from OLD's, which it replaces. */
	GRAFT_FATE_CHANGED,
	/** OLD has none. */
	GRAFT_FATE_ADDED,
	/** It differs, and OLD's stays. */
	GRAFT_FATE_LEFT,
};

/** One instruction of one side, or nothing. */
struct graft_explained_insn {
	/** AT&T syntax, references by name; NULL: there is none here. */
	char *text;
	/** Offset from the start of the function. */
	uint32_t off;
	/** Line of the source; 0 if not known. */
	uint32_t line;
	/** Its file, in graft_explained_module::files. */
	uint32_t file;
};

/** Two instructions that stand for each other, or one alone. */
struct graft_explained_row {
	struct graft_explained_insn old_insn;
	struct graft_explained_insn new_insn;
	/** Set of #graft_class; 0: they do the same. */
	uint32_t classes;
};

/** One function. */
struct graft_explained_func {
	char *name;
	/** #graft_fate. */
	uint8_t fate;
	/** Set of #graft_class. */
	uint32_t classes;
	/** What is different, in a sentence. */
	char *why;
	/** Address and size; both 0 on the side that has none. */
	uint64_t old_addr;
	uint64_t old_size;
	uint64_t new_addr;
	uint64_t new_size;
	struct graft_explained_row *rows;
	size_t row_count;
	size_t row_cap;
	/** It is too long, or there are too many before it: no rows. */
	bool cut;
};

/** One module; the one of the patch with the same index. */
struct graft_explained_module {
	struct graft_explained_func *funcs;
	size_t func_count;
	size_t func_cap;
	/** Source files. */
	char **files;
	size_t file_count;
	size_t file_cap;
	/** Rows of all functions. */
	size_t row_count;
	/** It was looked at: both files are there and differ. */
	bool made;
};

/** All modules of a patch. */
struct graft_explanation {
	struct graft_explained_module *modules;
	size_t count;
	size_t cap;
};

/** Free what an explanation owns, and zero it. Also its guard. */
void
graft_explanation_deinit(struct graft_explanation *explanation);

/** Get the name of the @p i-th class of a set, or NULL behind the last. Static. */
const char *
graft_class_name(uint32_t classes, unsigned i);

/** Get what the @p i-th class of a set means. Static. */
const char *
graft_class_text(uint32_t classes, unsigned i);

#endif /* GRAFT_EXPLAIN_EXPLANATION_H */
