// SPDX-License-Identifier: Apache-2.0

// The workflow of a client, against a repository in memory. test/tuf/ has it over HTTP.

#include "base/file.h"
#include "repository.h"
#include "trust/client.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW      ((int64_t)1800000000)
#define GOOD     "2030-01-01T00:00:00Z"
#define BAD      "2026-01-01T00:00:00Z"
#define ALL_KEYS 6

struct place {
	char dir[64];
	char metadata[96];
	struct repository repository;
};

// A root: a key for each of root, timestamp, snapshot and targets.
struct root {
	int version;
	int keys[4];
	int threshold;
	const char *expires;
};

static const struct root first_root = { 1, { 1, 2, 3, 4 }, 1, GOOD };

static void
seal(struct place *place, const char *name, const int *keys, const char *json)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	repository_seal(json, keys, &text);
	repository_put(&place->repository, name, text.str, text.len);
}

static char *
root_json(const struct root *root)
{
	static const char *const names[] = { "root", "timestamp", "snapshot",
					     "targets" };
	struct graft_text text = { 0 };
	char *json = NULL;

	graft_text_printf(&text,
			  "{\"_type\":\"root\",\"spec_version\":\"1.0.31\","
			  "\"version\":%d,\"expires\":\"%s\","
			  "\"consistent_snapshot\":true,\"keys\":{",
			  root->version, root->expires);
	for (int i = 1; i <= ALL_KEYS; i++) {
		graft_text_put(&text, i > 1 ? "," : "");
		repository_public(i, &text);
	}
	graft_text_put(&text, "},\"roles\":{");
	for (int i = 0; i < 4; i++)
		graft_text_printf(&text,
				  "%s\"%s\":{\"keyids\":[\"k%d\"],"
				  "\"threshold\":%d}",
				  i ? "," : "", names[i], root->keys[i],
				  i == 0 ? root->threshold : 1);
	graft_text_put(&text, "}}");
	assert_null(graft_text_take(&text, &json));
	return json;
}

static void
put_root(struct place *place, const struct root *root, const int *keys)
{
	GRAFT_FREE char *json = root_json(root);
	char name[32];

	(void)snprintf(name, sizeof(name), "%d.root.json", root->version);
	seal(place, name, keys, json);
}

static void
put_timestamp(struct place *place, int version, int snapshot,
	      const char *expires)
{
	char json[512];

	(void)snprintf(json, sizeof(json),
		       "{\"_type\":\"timestamp\",\"spec_version\":\"1.0\","
		       "\"version\":%d,\"expires\":\"%s\",\"meta\":{"
		       "\"snapshot.json\":{\"version\":%d}}}",
		       version, expires, snapshot);
	seal(place, "timestamp.json", (int[]){ 2, 0 }, json);
}

static void
put_snapshot(struct place *place, int version, int targets, const char *more)
{
	char json[1024];
	char name[32];

	(void)snprintf(json, sizeof(json),
		       "{\"_type\":\"snapshot\",\"spec_version\":\"1.0\","
		       "\"version\":%d,\"expires\":\"" GOOD "\",\"meta\":{"
		       "\"targets.json\":{\"version\":%d}%s}}",
		       version, targets, more);
	(void)snprintf(name, sizeof(name), "%d.snapshot.json", version);
	seal(place, name, (int[]){ 3, 0 }, json);
}

// "hello" as a target of a role, and what else its metadata say.
#define HELLO                                                                  \
	"{\"length\":5,\"hashes\":{\"sha256\":"                                \
	"\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"" \
	"}}"

static void
put_targets(struct place *place, const char *name, int key, int version,
	    const char *targets, const char *more)
{
	char json[4096];

	(void)snprintf(json, sizeof(json),
		       "{\"_type\":\"targets\",\"spec_version\":\"1.0\","
		       "\"version\":%d,\"expires\":\"" GOOD "\","
		       "\"targets\":{%s}%s}",
		       version, targets, more);
	seal(place, name, (int[]){ key, 0 }, json);
}

static int
make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	strcpy(place->dir, "/tmp/graft-client.XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	(void)snprintf(place->metadata, sizeof(place->metadata), "%s/m",
		       place->dir);
	put_root(place, &first_root, (int[]){ 1, 0 });
	put_timestamp(place, 1, 1, GOOD);
	put_snapshot(place, 1, 1, "");
	put_targets(place, "1.targets.json", 4, 1, "\"a/hi\":" HELLO, "");
	assert_null(graft_client_init(place->metadata,
				      place->repository.files[0].bytes,
				      place->repository.files[0].len));
	*state = place;
	return 0;
}

static void
remove_all(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char name[512];

	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", path,
			       entry->d_name);
		remove_all(name);
	}
	if (dir)
		(void)closedir(dir);
	(void)remove(path);
}

static int
remove_place(void **state)
{
	struct place *place = *state;

	repository_deinit(&place->repository);
	remove_all(place->dir);
	free(place);
	return 0;
}

static struct graft_client *
open_client(struct place *place)
{
	const struct graft_client_config config = {
		.metadata_dir = place->metadata,
		.metadata_url = "mem:",
		.fetcher = { repository_fetch, &place->repository },
		.now = NOW,
	};
	struct graft_client *client = NULL;
	struct graft_error *err = graft_client_open(&config, &client);

	if (err)
		fail_msg("%s", graft_error_message(err));
	place->repository.asked[0] = '\0';
	return client;
}

static void
refreshes(struct place *place, const char *asked)
{
	GRAFT_CLEANUP(graft_client_closep)
	struct graft_client *client = open_client(place);
	struct graft_error *err = graft_client_refresh(client);

	if (err)
		fail_msg("%s", graft_error_message(err));
	assert_string_equal(place->repository.asked, asked);
}

static void
is_refused(struct place *place, enum graft_error_code code, const char *message)
{
	GRAFT_CLEANUP(graft_client_closep)
	struct graft_client *client = open_client(place);
	struct graft_error *err = graft_client_refresh(client);

	assert_non_null(err);
	assert_string_equal(graft_error_message(err), message);
	assert_int_equal(graft_error_code(err), code);
	graft_error_free(err);
}

// What lies in the store is, byte for byte, what is served under a name.
static void
is_stored(struct place *place, const char *role, const char *name)
{
	char path[256];
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/%s.json", place->metadata, role);
	struct graft_error *err = graft_file_read(path, 1 << 20, &bytes, &len);
	if (!name) {
		assert_non_null(err);
		graft_error_free(err);
		return;
	}
	assert_null(err);
	for (size_t i = 0; i < place->repository.count; i++) {
		struct repository_file *file = &place->repository.files[i];
		if (strcmp(file->name, name) != 0)
			continue;
		assert_int_equal(len, file->len);
		assert_memory_equal(bytes, file->bytes, len);
		return;
	}
	fail_msg("%s is not served", name);
}

static void
a_refresh_asks_for_each_file_once(void **state)
{
	struct place *place = *state;

	refreshes(place,
		  "2.root.json timestamp.json 1.snapshot.json 1.targets.json ");
	is_stored(place, "timestamp", "timestamp.json");
	is_stored(place, "snapshot", "1.snapshot.json");
	is_stored(place, "targets", "1.targets.json");
	refreshes(place, "2.root.json timestamp.json ");
}

static void
a_new_root_needs_old_and_new_keys(void **state)
{
	struct place *place = *state;
	const struct root new = { 2, { 5, 2, 3, 4 }, 1, GOOD };

	put_root(place, &new, (int[]){ 5, 0 });
	is_refused(
		place, GRAFT_ERROR_BAD_SIGNATURE,
		"root: mem:/2.root.json: by the root before it: 0 good "
		"signatures, 1 are needed: it was not made by whom the "
		"repository trusts: try another mirror, or tell the owner of "
		"the repository");
	put_root(place, &new, (int[]){ 1, 0 });
	is_refused(
		place, GRAFT_ERROR_BAD_SIGNATURE,
		"root: mem:/2.root.json: 0 good signatures, 1 are needed: it "
		"was not made by whom the repository trusts: try another "
		"mirror, or tell the owner of the repository");
	is_stored(place, "root", "1.root.json");
	put_root(place, &new, (int[]){ 5, 1, 0 });
	refreshes(place, "2.root.json 3.root.json timestamp.json "
			 "1.snapshot.json 1.targets.json ");
	is_stored(place, "root", "2.root.json");
}

static void
an_expired_root_is_passed_if_a_newer_one_is_good(void **state)
{
	struct place *place = *state;
	const struct root old = { 2, { 1, 2, 3, 4 }, 1, BAD };
	const struct root new = { 3, { 1, 2, 3, 4 }, 1, GOOD };

	put_root(place, &old, (int[]){ 1, 0 });
	is_refused(
		place, GRAFT_ERROR_EXPIRED,
		"root: version 2: it expired at 2026-01-01T00:00:00Z, and "
		"the clock of this machine says 2027-01-15T08:00:00Z: if the "
		"clock is right, the mirror is out of date: try another one, "
		"or tell the owner of the repository; if not, set the clock");
	is_stored(place, "root", "2.root.json");
	is_stored(place, "timestamp", NULL);
	put_root(place, &new, (int[]){ 1, 0 });
	refreshes(place, "3.root.json 4.root.json timestamp.json "
			 "1.snapshot.json 1.targets.json ");
}

static void
nothing_goes_back(void **state)
{
	struct place *place = *state;

	put_timestamp(place, 5, 3, GOOD);
	put_snapshot(place, 3, 1, ",\"x.json\":{\"version\":7}");
	refreshes(place,
		  "2.root.json timestamp.json 3.snapshot.json 1.targets.json ");
	put_timestamp(place, 4, 3, GOOD);
	is_refused(
		place, GRAFT_ERROR_ROLLBACK,
		"timestamp: mem:/timestamp.json: it is version 4, where "
		"version 5 was seen before: the mirror serves old files: try "
		"another one");
	put_timestamp(place, 6, 2, GOOD);
	is_refused(place, GRAFT_ERROR_ROLLBACK,
		   "timestamp: mem:/timestamp.json: it lists snapshot version "
		   "2, where version 3 was seen before: the mirror serves old "
		   "files: try another one");
	put_timestamp(place, 6, 4, GOOD);
	put_snapshot(place, 4, 1, ",\"x.json\":{\"version\":6}");
	is_refused(place, GRAFT_ERROR_ROLLBACK,
		   "snapshot: mem:/4.snapshot.json: x.json: it is version 6, "
		   "where version 7 was seen before: the mirror serves old "
		   "files: try another one");
	put_snapshot(place, 4, 1, "");
	is_refused(
		place, GRAFT_ERROR_ROLLBACK,
		"snapshot: mem:/4.snapshot.json: it does not list x.json any "
		"more: the mirror serves old files: try another one");
	is_stored(place, "snapshot", "3.snapshot.json");
}

static void
a_rotated_key_lets_versions_start_anew(void **state)
{
	struct place *place = *state;
	const struct root new = { 2, { 1, 2, 5, 4 }, 1, GOOD };

	put_timestamp(place, 9, 99, GOOD);
	put_snapshot(place, 99, 1, "");
	refreshes(place, "2.root.json timestamp.json 99.snapshot.json "
			 "1.targets.json ");
	// The timestamp's key stays, and what it said of snapshot 99 is forgotten.
	put_root(place, &new, (int[]){ 1, 0 });
	put_timestamp(place, 10, 2, GOOD);
	seal(place, "2.snapshot.json", (int[]){ 5, 0 },
	     "{\"_type\":\"snapshot\",\"spec_version\":\"1.0\",\"version\":2,"
	     "\"expires\":\"" GOOD "\",\"meta\":{\"targets.json\":{"
	     "\"version\":1}}}");
	refreshes(place, "2.root.json 3.root.json timestamp.json "
			 "2.snapshot.json ");
}

static void
a_stored_file_that_was_changed_is_fetched_anew(void **state)
{
	struct place *place = *state;
	char path[256];

	refreshes(place,
		  "2.root.json timestamp.json 1.snapshot.json 1.targets.json ");
	(void)snprintf(path, sizeof(path), "%s/targets.json", place->metadata);
	assert_null(graft_file_write(path, "{}", 2, 0644));
	refreshes(place, "2.root.json timestamp.json 1.targets.json ");
	(void)snprintf(path, sizeof(path), "%s/root.json", place->metadata);
	assert_null(graft_file_write(path, "{}", 2, 0644));
	const struct graft_client_config config = {
		.metadata_dir = place->metadata,
		.metadata_url = "mem:",
		.fetcher = { repository_fetch, &place->repository },
		.now = NOW,
	};
	struct graft_client *client = NULL;
	struct graft_error *err = graft_client_open(&config, &client);
	assert_non_null(err);
	assert_null(client);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	assert_non_null(strstr(graft_error_message(err), "was damaged"));
	graft_error_free(err);
}

static void
a_clock_that_cannot_be_right_is_said(void **state)
{
	struct place *place = *state;
	const struct graft_client_config config = {
		.metadata_dir = place->metadata,
		.metadata_url = "mem:",
		.fetcher = { repository_fetch, &place->repository },
		.now = 7,
	};
	struct graft_client *client = NULL;
	struct graft_error *err = graft_client_open(&config, &client);

	assert_non_null(err);
	assert_null(client);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_EXPIRED);
	assert_string_equal(
		graft_error_message(err),
		"the clock of this machine says "
		"1970-01-01T00:00:07Z, which cannot be: set it, for "
		"what is out of date cannot be told without it");
	graft_error_free(err);
}

static void
another_root_is_not_trusted_in_its_place(void **state)
{
	struct place *place = *state;
	const struct root new = { 2, { 5, 2, 3, 4 }, 1, GOOD };
	struct repository_file *file = &place->repository.files[0];

	assert_null(graft_client_init(place->metadata, file->bytes, file->len));
	put_root(place, &new, (int[]){ 5, 0 });
	file = &place->repository.files[place->repository.count - 1];
	assert_string_equal(file->name, "2.root.json");
	struct graft_error *err = graft_client_init(place->metadata,
						    file->bytes, file->len);
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_REFUSED);
	graft_error_free(err);
	is_stored(place, "root", "1.root.json");
}

// A delegation to "x" that two keys sign, of which one stands there twice.
static void
one_key_under_two_names_counts_once(void **state)
{
	struct place *place = *state;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text more = { 0 };
	const struct graft_node *target;
	GRAFT_CLEANUP(graft_client_closep) struct graft_client *client = NULL;

	graft_text_put(&more, ",\"delegations\":{\"keys\":{");
	repository_public(5, &more);
	graft_text_put(&more, ",");
	// The same key: "k6" with the value of "k5".
	size_t at = more.len;
	repository_public(5, &more);
	more.str[at + 2] = '6';
	graft_text_put(&more, "},\"roles\":[{\"name\":\"x\",\"keyids\":[\"k5\","
			      "\"k6\"],\"threshold\":2,\"terminating\":false,"
			      "\"paths\":[\"*\"]}]}");
	put_targets(place, "2.targets.json", 4, 2, "", more.str);
	put_targets(place, "1.x.json", 5, 1, "\"hi\":" HELLO, "");
	struct repository_file *file =
		&place->repository.files[place->repository.count - 1];
	// Its one signature, once more under the other name.
	GRAFT_FREE char *one = strndup((char *)file->bytes, file->len);
	const char *end = strstr(one, "],\"signed\"");
	const char *begin = strchr(one, '[') + 1;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text two = { 0 };
	graft_text_printf(&two, "{\"signatures\":[%.*s,%.*s%s",
			  (int)(end - begin), begin, (int)(end - begin), begin,
			  end);
	*(strstr(strstr(two.str, "k5") + 2, "k5") + 1) = '6';
	repository_put(&place->repository, "1.x.json", two.str, two.len);
	put_snapshot(place, 2, 2, ",\"x.json\":{\"version\":1}");
	put_timestamp(place, 2, 2, GOOD);

	client = open_client(place);
	struct graft_error *err = graft_client_find(client, "hi", &target);
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_SIGNATURE);
	assert_non_null(strstr(graft_error_message(err),
			       "1.x.json: 1 good signatures, 2 are needed"));
	graft_error_free(err);
	is_stored(place, "x", NULL);
}

static void
a_target_is_found_and_got_once(void **state)
{
	struct place *place = *state;
	GRAFT_CLEANUP(graft_client_closep)
	struct graft_client *client = open_client(place);
	static const char name[] =
		"t/a/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362"
		"938b9824.hi";

	for (int i = 0; i < 2; i++) {
		GRAFT_FREE char *file = NULL;
		GRAFT_FREE uint8_t *bytes = NULL;
		size_t len;
		repository_put(&place->repository, name, i ? "wrong" : "hello",
			       5);
		assert_null(graft_client_download(client, "a/hi", "mem:/t",
						  place->dir, &file));
		assert_non_null(strstr(file, "/a%2Fhi"));
		assert_null(graft_file_read(file, 100, &bytes, &len));
		assert_string_equal((char *)bytes, "hello");
	}
	// It is there the second time, and not asked for again.
	const char *asked = strstr(place->repository.asked, "t/a/");
	assert_non_null(asked);
	assert_null(strstr(asked + 1, "t/a/"));
	const struct graft_node *target;
	struct graft_error *err = graft_client_find(client, "a/ho", &target);
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_NOT_FOUND);
	graft_error_free(err);
}

int
main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, make_place, remove_place)
	const struct CMUnitTest tests[] = {
		TEST(a_refresh_asks_for_each_file_once),
		TEST(a_new_root_needs_old_and_new_keys),
		TEST(an_expired_root_is_passed_if_a_newer_one_is_good),
		TEST(nothing_goes_back),
		TEST(a_rotated_key_lets_versions_start_anew),
		TEST(a_stored_file_that_was_changed_is_fetched_anew),
		TEST(a_clock_that_cannot_be_right_is_said),
		TEST(another_root_is_not_trusted_in_its_place),
		TEST(one_key_under_two_names_counts_once),
		TEST(a_target_is_found_and_got_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
