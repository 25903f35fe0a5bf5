// SPDX-License-Identifier: Apache-2.0

#include "cmd/repo.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/vec.h"
#include "repo/tree.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	CUSTOM_BYTES_MAX = 1 << 20,
};

/** Targets that a command line names. */
struct targets {
	struct graft_repo_target *list;
	size_t count;
	size_t cap;
	const char *prefix;
	/** The folder whose files are being added; NULL: a file is. */
	const char *folder;
	/** Strings that they borrow beside words, two for each. */
	char **texts;
	size_t text_count;
	size_t text_cap;
};

static void
targets_deinit(struct targets *targets)
{
	for (size_t i = 0; i < targets->text_count; i++)
		free(targets->texts[i]);
	free(targets->texts);
	free(targets->list);
}

/** Add a file. */
static struct graft_error *
put(void *arg, const char *file, const char *below)
{
	struct targets *targets = arg;

	struct graft_error *err =
		graft_vec_reserve(&targets->list, &targets->cap,
				  targets->count + 1, sizeof(*targets->list));
	if (!err)
		err = graft_vec_reserve(&targets->texts, &targets->text_cap,
					targets->text_count + 2,
					sizeof(char *));
	if (err)
		return err;
	char *own = targets->texts[targets->text_count++] =
		strdup(targets->folder ? below : file);
	char *path;
	if (asprintf(&path, "%s%s", targets->prefix, below) < 0)
		path = NULL;
	targets->texts[targets->text_count++] = path;
	if (!own || !path)
		return graft_error_no_memory();
	targets->list[targets->count++] = (struct graft_repo_target){
		.folder = targets->folder, .file = own, .path = path
	};
	return NULL;
}

/** Add a file, or all files of a folder by their paths below it. */
GRAFT_MUST_CHECK static struct graft_error *
put_word(struct targets *targets, char *word)
{
	struct stat st;
	size_t len = strlen(word);
	const char *slash = strrchr(word, '/');

	targets->folder = NULL;
	if (stat(word, &st) < 0 || !S_ISDIR(st.st_mode))
		return put(targets, word, slash ? slash + 1 : word);
	while (len > 1 && word[len - 1] == '/')
		word[--len] = '\0';
	targets->folder = word;
	return graft_tree_each(word, put, targets);
}

GRAFT_MUST_CHECK static struct graft_error *
add(struct graft_repo *repo, struct graft_repo_options *options)
{
	GRAFT_CLEANUP(targets_deinit)
	struct targets targets = {
		.prefix = options->prefix ? options->prefix : "",
	};
	GRAFT_FREE uint8_t *custom = NULL;
	size_t len;
	struct graft_error *err = NULL;

	if (options->as && options->word_count != 2)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "--as is for one file");
	for (size_t i = 1; !err && i < options->word_count; i++)
		err = put_word(&targets, options->words[i]);
	if (!err && options->custom)
		err = graft_file_read(options->custom, CUSTOM_BYTES_MAX,
				      &custom, &len);
	if (err)
		return err;
	for (size_t i = 0; i < targets.count; i++)
		targets.list[i].custom = (const char *)custom;
	if (options->as && targets.count == 1)
		targets.list[0].path = options->as;
	return graft_repo_add(repo, options->role, targets.list, targets.count);
}

struct graft_error *
graft_repo_action_add(struct graft_repo_options *options)
{
	return graft_repo_action_stage(options, add);
}
