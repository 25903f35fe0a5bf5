// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Fuzz bundles. The first byte of the input chooses what the rest is: a tar ('b'), or lines of
 * which one is made, so that what is mutated is signed and has good headers: what root,
 * timestamp, snapshot and targets say, and then for each further entry a line with its
 * type and name, and one with its bytes. Properties: what is refused leaves nothing public;
 * what is taken is public, and there is nothing to be fetched the second time.
 */

#include "../unit/trust/repository.h"
#include "fuzz.h"
#include "repo/bundle.h"
#include "repo/tree.h"
#include "tar.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW     ((int64_t)1800000000)
#define EXPIRES "\"expires\":\"2030-01-01T00:00:00Z\""

/** A folder of this process alone. */
static const char *
folder(const char *below)
{
	static char path[160];

	(void)snprintf(path, sizeof(path), "%s/graft-fuzz-bundle.%d%s",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
		       (int)getpid(), below);
	return path;
}

static void
write_file(const char *below, const void *bytes, size_t len)
{
	const int fd = open(folder(below), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	promise(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	(void)close(fd);
}

static void
make_root(struct graft_text *out)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text json = { 0 };
	static const char *const roles[] = { "root", "timestamp", "snapshot",
					     "targets" };

	graft_text_put(&json, "{\"_type\":\"root\",\"spec_version\":\"1.0.31\","
			      "\"version\":1," EXPIRES
			      ",\"consistent_snapshot\":true,\"keys\":{");
	for (int i = 1; i <= 4; i++) {
		graft_text_put(&json, i > 1 ? "," : "");
		repository_public(i, &json);
	}
	graft_text_put(&json, "},\"roles\":{");
	for (int i = 0; i < 4; i++)
		graft_text_printf(&json,
				  "%s\"%s\":{\"keyids\":[\"k%d\"],"
				  "\"threshold\":1}",
				  i ? "," : "", roles[i], i + 1);
	graft_text_put(&json, "}}");
	repository_seal(json.str, (const int[]){ 1, 0 }, out);
}

/** Make a tar of lines. */
static void
make_bundle(const uint8_t *data, size_t size, struct graft_text *out)
{
	static const struct {
		const char *name;
		int keys[3];
	} files[] = {
		{ "metadata/2.root.json", { 1, 4, 0 } },
		{ "metadata/timestamp.json", { 2, 0 } },
		{ "metadata/1.snapshot.json", { 3, 0 } },
		{ "metadata/1.targets.json", { 4, 0 } },
		{ "metadata/1.x.json", { 4, 0 } },
	};
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text root = { 0 };
	GRAFT_FREE char *text = (char *)copy_input(data, size);
	char *at = text;

	make_root(&root);
	tar_entry(out, '0', "metadata/1.root.json", root.str, root.len);
	for (size_t i = 0; at && i < sizeof(files) / sizeof(*files); i++) {
		GRAFT_CLEANUP(graft_text_deinit)
		struct graft_text sealed = { 0 };
		char *line = strsep(&at, "\n");
		if (!*line)
			continue;
		repository_seal(line, files[i].keys, &sealed);
		tar_entry(out, '0', files[i].name, sealed.str, sealed.len);
	}
	while (at) {
		char *line = strsep(&at, "\n");
		char *bytes = at ? strsep(&at, "\n") : NULL;
		if (*line)
			tar_entry(out, *line, line + 1, bytes ? bytes : "",
				  bytes ? strlen(bytes) : 0);
	}
	static const char end[2 * TAR_BLOCK];
	graft_text_put_bytes(out, end, sizeof(end));
}

/** Import it. @return Whether it was taken. */
static bool
import(struct graft_mirror_counts *counts)
{
	char dir[160];
	char root[160];
	char bundle[160];
	const struct graft_mirror_config config = {
		.dir = strcpy(dir, folder("/m")),
		.trusted_root = strcpy(root, folder("/root.json")),
		.now = NOW,
	};
	struct graft_error *err = graft_bundle_import(
		&config, strcpy(bundle, folder("/bundle")), counts);

	if (err)
		refused(err);
	return !err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text root = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text bundle = { 0 };
	struct graft_mirror_counts counts;
	struct stat st;

	if (size == 0)
		return 0;
	must(graft_tree_remove(folder("")));
	promise(mkdir(folder(""), 0700) == 0);
	make_root(&root);
	write_file("/root.json", root.str, root.len);
	if (data[0] == 'b') {
		write_file("/bundle", data + 1, size - 1);
	} else {
		make_bundle(data + 1, size - 1, &bundle);
		write_file("/bundle", bundle.str, bundle.len);
	}
	const bool good = import(&counts);
	promise(good ==
		(stat(folder("/m/public/metadata/timestamp.json"), &st) == 0));
	if (good)
		promise(import(&counts) && counts.fetched == 0);
	must(graft_tree_remove(folder("")));
	return 0;
}
