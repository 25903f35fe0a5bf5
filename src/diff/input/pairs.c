// SPDX-License-Identifier: Apache-2.0

#include "diff/input/pairs.h"

#include "base/limits.h"

#include <ctype.h>
#include <string.h>

/** How loosely two names are taken for the same, strictest first. */
enum looseness {
	EXACT,
	/** /lib is /usr/lib. */
	MERGED,
	/** libx.so.1.2.3 is libx.so.1.2.4. */
	MAJOR,
	/** libx.so.1 is libx.so.2. */
	STEM,
	/** Numbers do not count anywhere in the path. */
	NUMBERLESS,
	/** As MAJOR, and the directory does not count. */
	MAJOR_ANYWHERE,
	/** As NUMBERLESS, and the directory does not count. */
	NUMBERLESS_ANYWHERE,
	LOOSENESS_COUNT,
};

/** One file that has no counterpart yet, under its loosened name. */
struct candidate {
	char *key;
	const struct graft_tree_file *file;
	bool is_new;
};

struct candidates {
	struct candidate *all;
	size_t count;
};

static void
deinit_candidates(struct candidates *candidates)
{
	for (size_t i = 0; i < candidates->count; i++)
		free(candidates->all[i].key);
	free(candidates->all);
}

/** Cut a library's name behind ".so", keeping @p keep parts of its version. */
static void
cut_version(char *name, unsigned keep)
{
	char *slash = strrchr(name, '/');
	char *so = strstr(slash ? slash : name, ".so.");

	if (!so)
		return;
	for (so += 3; keep && *so; keep--)
		so += 1 + strcspn(so + 1, ".");
	*so = '\0';
}

/** Let each number, with dots inside, be one '#'. */
static void
blank_numbers(char *name)
{
	char *out = name;

	for (const char *in = name; *in;) {
		if (!isdigit((unsigned char)*in)) {
			*out++ = *in++;
			continue;
		}
		while (isdigit((unsigned char)*in) ||
		       (*in == '.' && isdigit((unsigned char)in[1])))
			in++;
		*out++ = '#';
	}
	*out = '\0';
}

/** Make the name under which a file is looked for; NULL without memory. */
static char *
loosen(const char *path, enum looseness how)
{
	static const char *const merged[] = { "usr/lib", "usr/bin",
					      "usr/sbin" };
	const char *start = path;

	if (how >= MAJOR_ANYWHERE && strrchr(path, '/'))
		start = strrchr(path, '/') + 1;
	for (size_t i = 0; how >= MERGED && start == path &&
			   i < sizeof(merged) / sizeof(*merged);
	     i++) {
		// "usr/lib64/x" is "lib64/x" too.
		if (strncmp(path, merged[i], strlen(merged[i])) == 0)
			start = path + 4;
	}
	char *key = strdup(start);
	if (!key)
		return NULL;
	if (how == MAJOR || how == MAJOR_ANYWHERE)
		cut_version(key, 1);
	if (how == STEM || how == NUMBERLESS || how == NUMBERLESS_ANYWHERE)
		cut_version(key, 0);
	if (how == NUMBERLESS || how == NUMBERLESS_ANYWHERE)
		blank_numbers(key);
	return key;
}

static int
compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a;
	const struct candidate *y = b;
	int order = strcmp(x->key, y->key);

	return order ? order : (int)x->is_new - (int)y->is_new;
}

static struct graft_error *
collect(const struct graft_tree *tree, bool is_new, const bool *taken,
	enum looseness how, struct candidates *candidates)
{
	for (size_t i = 0; i < tree->file_count; i++) {
		const struct graft_tree_file *file = &tree->files[i];
		if (taken[i] || !file->elf || file->debug)
			continue;
		char *key = loosen(file->path, how);
		if (!key)
			return graft_error_no_memory();
		candidates->all[candidates->count++] =
			(struct candidate){ key, file, is_new };
	}
	return NULL;
}

/** Which files of both sides have their counterpart. */
struct taken {
	bool *old_files;
	bool *new_files;
};

static void
deinit_taken(struct taken *taken)
{
	free(taken->old_files);
	free(taken->new_files);
}

static void
put_pair(struct graft_pairs *pairs, const struct graft_tree_file *old_file,
	 const struct graft_tree_file *new_file)
{
	bool same = old_file && new_file && old_file->size == new_file->size &&
		    memcmp(old_file->sha256, new_file->sha256,
			   sizeof(old_file->sha256)) == 0;

	pairs->pairs[pairs->count++] = (struct graft_pair){ old_file, new_file,
							    same };
}

/** Pair what is left under one kind of name. */
static struct graft_error *
pair_by(struct graft_pairs *pairs, struct taken *taken, enum looseness how)
{
	const struct graft_tree *old_tree = pairs->old_tree;
	const struct graft_tree *new_tree = pairs->new_tree;
	GRAFT_CLEANUP(deinit_candidates) struct candidates candidates = { 0 };
	struct graft_error *err;

	candidates.all = calloc(old_tree->file_count + new_tree->file_count + 1,
				sizeof(*candidates.all));
	if (!candidates.all)
		return graft_error_no_memory();
	err = collect(old_tree, false, taken->old_files, how, &candidates);
	if (!err)
		err = collect(new_tree, true, taken->new_files, how,
			      &candidates);
	if (err)
		return err;
	qsort(candidates.all, candidates.count, sizeof(*candidates.all),
	      compare_candidates);
	for (size_t i = 0, end; i < candidates.count; i = end) {
		const struct candidate *at = &candidates.all[i];
		for (end = i + 1; end < candidates.count &&
				  strcmp(at->key, candidates.all[end].key) == 0;
		     end++)
			;
		if (end - i != 2 || at[0].is_new || !at[1].is_new)
			continue;
		put_pair(pairs, at[0].file, at[1].file);
		taken->old_files[at[0].file - old_tree->files] = true;
		taken->new_files[at[1].file - new_tree->files] = true;
	}
	return NULL;
}

/** Count the files that are no ELF files and are not the same on both sides. */
static size_t
count_others(const struct graft_tree *old_tree,
	     const struct graft_tree *new_tree)
{
	size_t changed = 0;
	size_t o = 0;
	size_t n = 0;

	while (o < old_tree->file_count || n < new_tree->file_count) {
		const struct graft_tree_file *a = o < old_tree->file_count
							  ? &old_tree->files[o]
							  : NULL;
		const struct graft_tree_file *b = n < new_tree->file_count
							  ? &new_tree->files[n]
							  : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->path, b->path);

		if (order < 0)
			changed += !a->elf;
		else if (order > 0)
			changed += !b->elf;
		else if (a->size != b->size ||
			 memcmp(a->sha256, b->sha256, sizeof(a->sha256)) != 0)
			changed += !a->elf || !b->elf;
		o += order <= 0;
		n += order >= 0;
	}
	return changed;
}

static int
compare_pairs(const void *a, const void *b)
{
	return strcmp(graft_pair_path(a), graft_pair_path(b));
}

/** Put what has no counterpart. */
static void
put_rest(struct graft_pairs *pairs, const struct taken *taken)
{
	for (size_t i = 0; i < pairs->old_tree->file_count; i++) {
		const struct graft_tree_file *file = &pairs->old_tree->files[i];
		if (file->elf && !file->debug && !taken->old_files[i])
			put_pair(pairs, file, NULL);
	}
	for (size_t i = 0; i < pairs->new_tree->file_count; i++) {
		const struct graft_tree_file *file = &pairs->new_tree->files[i];
		if (file->elf && !file->debug && !taken->new_files[i])
			put_pair(pairs, NULL, file);
	}
}

struct graft_error *
graft_pairs_make(const struct graft_tree *old_tree,
		 const struct graft_tree *new_tree, struct graft_pairs **ret)
{
	GRAFT_CLEANUP(deinit_taken) struct taken taken = { 0 };
	GRAFT_CLEANUP(graft_pairs_freep) struct graft_pairs *pairs = NULL;
	struct graft_error *err;

	if ((old_tree->kind == GRAFT_TREE_FILE) !=
	    (new_tree->kind == GRAFT_TREE_FILE))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s and %s: one is a single file, the "
				       "other is not",
				       old_tree->name, new_tree->name);
	pairs = calloc(1, sizeof(*pairs));
	taken.old_files = calloc(old_tree->file_count + 1, sizeof(bool));
	taken.new_files = calloc(new_tree->file_count + 1, sizeof(bool));
	if (!pairs || !taken.old_files || !taken.new_files)
		return graft_error_no_memory();
	pairs->old_tree = old_tree;
	pairs->new_tree = new_tree;
	pairs->pairs = calloc(old_tree->file_count + new_tree->file_count + 1,
			      sizeof(*pairs->pairs));
	if (!pairs->pairs)
		return graft_error_no_memory();

	if (old_tree->kind == GRAFT_TREE_FILE) {
		// Whoever names two files means that they are a pair.
		put_pair(pairs, &old_tree->files[0], &new_tree->files[0]);
		*ret = GRAFT_TAKE(pairs);
		return NULL;
	}
	for (enum looseness how = EXACT; how < LOOSENESS_COUNT; how++) {
		err = pair_by(pairs, &taken, how);
		if (err)
			return err;
	}
	put_rest(pairs, &taken);
	qsort(pairs->pairs, pairs->count, sizeof(*pairs->pairs), compare_pairs);
	pairs->others_changed = count_others(old_tree, new_tree);
	*ret = GRAFT_TAKE(pairs);
	return NULL;
}

void
graft_pairs_free(struct graft_pairs *pairs)
{
	if (!pairs)
		return;
	free(pairs->pairs);
	free(pairs);
}

const char *
graft_pair_path(const struct graft_pair *pair)
{
	return pair->new_file ? pair->new_file->path : pair->old_file->path;
}
