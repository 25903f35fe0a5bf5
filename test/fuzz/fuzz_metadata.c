// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Fuzz what is read of a repository.
 *
 * The first byte of the input chooses what the rest is: JSON ('j', and 'w' that is written again); a file of root
 * ('r'), timestamp ('t'), snapshot ('s') or targets ('g'); a pattern and a path ('p'); the URI
 * of a key in a token ('u');
 * or what the files of a repository say, a line each, which a client takes once they are
 * signed by the keys that its root names. Properties: canonical JSON is
 * canonical; a file decodes or does not, whoever signed it; what a client leaves
 * behind another client takes.
 */

#include "../unit/trust/repository.h"
#include "base/cleanup.h"
#include "fuzz.h"
#include "trust/authority.h"
#include "trust/client.h"
#include "trust/json.h"
#include "trust/metadata.h"
#include "trust/pattern.h"
#include "trust/token.h"

#include <unistd.h>

#define NOW ((int64_t)1800000000)

static void
fuzz_document(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_document_freep)
	struct graft_document *document = NULL;
	GRAFT_CLEANUP(graft_document_freep) struct graft_document *again = NULL;
	GRAFT_FREE uint8_t *one = NULL;
	GRAFT_FREE uint8_t *two = NULL;
	size_t one_len;
	size_t two_len;

	struct graft_error *err = graft_document_parse(data, size, &document);
	if (err) {
		promise(!strchr(graft_error_message(err), '\n'));
		refused(err);
		return;
	}
	must(graft_canonical_make(graft_document_root(document), &one,
				  &one_len));
	promise(one_len <= size);
	// Line feeds and the like stand in canonical JSON as they are, and JSON has none.
	err = graft_document_parse(one, one_len, &again);
	if (err) {
		graft_error_free(err);
		return;
	}
	must(graft_canonical_make(graft_document_root(again), &two, &two_len));
	promise(one_len == two_len && memcmp(one, two, one_len) == 0);
}

/** What is written anew says the same. */
static void
fuzz_json(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_document_freep)
	struct graft_document *document = NULL;
	GRAFT_CLEANUP(graft_document_freep) struct graft_document *again = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_FREE uint8_t *one = NULL;
	GRAFT_FREE uint8_t *two = NULL;
	size_t one_len;
	size_t two_len;

	struct graft_error *err = graft_document_parse(data, size, &document);
	if (err) {
		refused(err);
		return;
	}
	const struct graft_node *root = graft_document_root(document);
	if (root->kind == GRAFT_NODE_OBJECT)
		graft_json_put_merged(&text, root, NULL, 0);
	else
		graft_json_put_node(&text, root);
	promise(!text.failed);
	must(graft_document_parse(text.str, text.len, &again));
	must(graft_canonical_make(root, &one, &one_len));
	must(graft_canonical_make(graft_document_root(again), &two, &two_len));
	promise(one_len == two_len && memcmp(one, two, one_len) == 0);
}

static void
fuzz_uri(const uint8_t *data, size_t size)
{
	struct graft_token_uri uri;
	GRAFT_FREE char *text = calloc(1, size + 1);

	promise(text);
	memcpy(text, data, size);
	struct graft_error *err = graft_token_uri_read(text, &uri);
	if (err) {
		refused(err);
		return;
	}
	promise(*uri.module && (*uri.token || *uri.serial) &&
		(*uri.object || uri.id_len) && !strcasestr(text, "pin-value="));
}

static void
fuzz_file(enum graft_metadata_type type, const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_metadata_freep)
	struct graft_metadata *metadata = NULL;

	struct graft_error *err = graft_metadata_decode(type, data, size,
							&metadata);
	if (err) {
		refused(err);
		return;
	}
	promise(metadata->version > 0 && metadata->canonical_len <= size);
	if (type != GRAFT_METADATA_ROOT)
		return;
	const struct graft_authority own =
		graft_authority_of(metadata, GRAFT_METADATA_ROOT);
	err = graft_authority_check(&own, metadata);
	if (err)
		refused(err);
	promise(!graft_authority_rotated(metadata, metadata,
					 GRAFT_METADATA_SNAPSHOT));
}

static void
fuzz_pattern(const uint8_t *data, size_t size)
{
	GRAFT_FREE char *text = (char *)copy_input(data, size);
	char *path = text ? strchr(text, '\n') : NULL;

	if (!path)
		return;
	*path++ = '\0';
	bool matches = graft_pattern_match(text, path);
	// What has no star and no mark stands for itself.
	if (!strpbrk(text, "*?"))
		promise(matches == (strcmp(text, path) == 0));
	if (strcmp(text, "*") == 0)
		promise(matches == !strchr(path, '/'));
}

#define ROLE(name, number)                                                     \
	"\"" name "\":{\"keyids\":[\"k" number "\"],\"threshold\":1}"

// The root of all inputs: key 1 for root, 2, 3 and 4 for the others.
static void
make_root(struct graft_text *out)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text json = { 0 };

	graft_text_put(&json,
		       "{\"_type\":\"root\",\"spec_version\":\"1.0\","
		       "\"version\":1,\"consistent_snapshot\":true,"
		       "\"expires\":\"2030-01-01T00:00:00Z\",\"keys\":{");
	for (int i = 1; i <= 4; i++) {
		graft_text_put(&json, i > 1 ? "," : "");
		repository_public(i, &json);
	}
	graft_text_put(&json, "},\"roles\":{" ROLE("root", "1") ",");
	graft_text_put(&json, ROLE("timestamp", "2") ",");
	graft_text_put(&json, ROLE("snapshot", "3") ",");
	graft_text_put(&json, ROLE("targets", "4") "}}");
	repository_seal(graft_text_str(&json), (int[]){ 1, 0 }, out);
}

// A folder for all runs, in memory where that can be.
static const char *
folder(void)
{
	static char path[64];

	if (path[0])
		return path;
	(void)snprintf(path, sizeof(path), "%s/graft-fuzz.XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(path))
		abort();
	return path;
}

static void
forget(void)
{
	static const char *const names[] = { "root", "timestamp", "snapshot",
					     "targets", "x" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s.json", folder(),
			       names[i]);
		(void)unlink(path);
	}
	// Roles of other names: few, and gone with the folder.
	(void)rmdir(folder());
}

// Sign each line, and serve it as the next file.
static void
serve_lines(const uint8_t *data, size_t size, struct repository *repository)
{
	// A root of the input may name key 4 for all.
	static const struct {
		const char *name;
		int keys[4];
	} files[] = {
		{ "2.root.json", { 1, 4, 0 } },
		{ "timestamp.json", { 2, 4, 0 } },
		{ "1.snapshot.json", { 3, 4, 0 } },
		{ "1.targets.json", { 4, 0 } },
		{ "1.x.json", { 4, 3, 0 } },
	};
	GRAFT_FREE char *text = (char *)copy_input(data, size);
	char *at = text;

	for (size_t i = 0; at && i < sizeof(files) / sizeof(*files); i++) {
		GRAFT_CLEANUP(graft_text_deinit)
		struct graft_text sealed = { 0 };
		char *line = strsep(&at, "\n");
		// An empty line: the file is not there.
		if (!*line)
			continue;
		repository_seal(line, files[i].keys, &sealed);
		repository_put(repository, files[i].name, sealed.str,
			       sealed.len);
	}
}

static struct graft_client *
open_client(struct repository *repository)
{
	const struct graft_client_config config = {
		.metadata_dir = folder(),
		.metadata_url = "mem:/",
		.fetcher = { repository_fetch, repository },
		.now = NOW,
	};
	struct graft_client *client = NULL;

	must(graft_client_open(&config, &client));
	return client;
}

static void
fuzz_client(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(repository_deinit) struct repository repository = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text root = { 0 };
	const struct graft_node *target;
	bool good[2];

	forget();
	make_root(&root);
	must(graft_client_init(folder(), root.str, root.len));
	serve_lines(data, size, &repository);
	for (int i = 0; i < 2; i++) {
		GRAFT_CLEANUP(graft_client_closep)
		struct graft_client *client = open_client(&repository);
		struct graft_error *err = graft_client_find(client, "a/hi",
							    &target);
		good[i] = !err;
		if (err)
			refused(err);
		else
			promise(graft_node_is(target, GRAFT_NODE_OBJECT));
		repository.asked[0] = '\0';
	}
	// The second one has what the first one stored.
	promise(good[0] == good[1]);
	forget();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char types[] = "rtsg";

	if (size == 0)
		return 0;
	const char *type = data[0] ? strchr(types, data[0]) : NULL;
	if (type)
		fuzz_file((enum graft_metadata_type)(type - types), data + 1,
			  size - 1);
	else if (data[0] == 'j')
		fuzz_document(data + 1, size - 1);
	else if (data[0] == 'w')
		fuzz_json(data + 1, size - 1);
	else if (data[0] == 'u')
		fuzz_uri(data + 1, size - 1);
	else if (data[0] == 'p')
		fuzz_pattern(data + 1, size - 1);
	else
		fuzz_client(data + 1, size - 1);
	return 0;
}
