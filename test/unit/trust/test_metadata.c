// SPDX-License-Identifier: Apache-2.0

// What a metadata file must look like, and what is said of one that does not.

#include "trust/authority.h"
#include "trust/metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COMMON(type)                                                           \
	"\"_type\":\"" type "\",\"spec_version\":\"1.0.31\",\"version\":1,"    \
	"\"expires\":\"2030-01-01T00:00:00Z\""
#define WRAP(signed) "{\"signatures\":[],\"signed\":{" signed "}}"
#define ROLE         "{\"keyids\":[\"k\"],\"threshold\":1}"
#define ROOT                                                                   \
	WRAP(COMMON("root") ",\"keys\":{\"k\":{}},\"roles\":{\"root\":" ROLE   \
			    ",\"timestamp\":" ROLE ",\"snapshot\":" ROLE       \
			    ",\"targets\":" ROLE "}")
#define TIMESTAMP                                                              \
	WRAP(COMMON(                                                           \
		"timestamp") ",\"meta\":{\"snapshot.json\":{\"version\":3,\"length\":7}}")
#define TARGET "{\"length\":5,\"hashes\":{\"sha256\":\"00\"}}"
#define DELEGATED                                                              \
	"{\"name\":\"x\",\"terminating\":false,\"paths\":[\"a/*\"],"           \
	"\"keyids\":[\"k\"],\"threshold\":1}"
#define TARGETS                                                                   \
	WRAP(COMMON(                                                              \
		"targets") ",\"targets\":{\"a\":" TARGET                          \
			   "},\"delegations\":{\"keys\":{},\"roles\":[" DELEGATED \
			   "]}")

static struct graft_metadata *
good(enum graft_metadata_type type, const char *json)
{
	struct graft_metadata *metadata = NULL;
	struct graft_error *err =
		graft_metadata_decode(type, json, strlen(json), &metadata);

	if (err)
		fail_msg("%s: %s", json, graft_error_message(err));
	return metadata;
}

// Replace the one place that holds a text, and decode.
static void
bad(enum graft_metadata_type type, const char *json, const char *from,
    const char *to, const char *message)
{
	struct graft_metadata *metadata = NULL;
	const char *at = strstr(json, from);
	char text[4096];

	assert_non_null(at);
	(void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - json), json,
		       to, at + strlen(from));
	struct graft_error *err =
		graft_metadata_decode(type, text, strlen(text), &metadata);
	assert_non_null(err);
	assert_null(metadata);
	assert_string_equal(graft_error_message(err), message);
	graft_error_free(err);
}

static void
what_a_file_says_is_there(void **state)
{
	GRAFT_CLEANUP(graft_metadata_freep)
	struct graft_metadata *root = good(GRAFT_METADATA_ROOT, ROOT);
	GRAFT_CLEANUP(graft_metadata_freep)
	struct graft_metadata *timestamp = good(GRAFT_METADATA_TIMESTAMP,
						TIMESTAMP);
	GRAFT_CLEANUP(graft_metadata_freep)
	struct graft_metadata *targets = good(GRAFT_METADATA_TARGETS, TARGETS);

	(void)state;
	assert_int_equal(root->version, 1);
	assert_int_equal(root->expires, 1893456000);
	assert_false(root->consistent_snapshot);
	const struct graft_node *file = graft_metadata_file(timestamp,
							    "snapshot");
	assert_non_null(file);
	assert_int_equal(graft_metadata_file_version(file), 3);
	assert_null(graft_metadata_file(timestamp, "snapsho"));
	assert_null(graft_metadata_file(timestamp, "snapshot.json"));
	assert_int_equal(targets->targets->count, 1);
	assert_int_equal(targets->roles->count, 1);
}

static void
what_all_files_have_must_be_there(void **state)
{
	const enum graft_metadata_type t = GRAFT_METADATA_TIMESTAMP;

	(void)state;
	bad(t, TIMESTAMP, "\"signatures\"", "\"x\"",
	    "there is no \"signatures\"");
	bad(t, TIMESTAMP, "[]", "{}", "\"signatures\" is no array");
	bad(t, TIMESTAMP, "[]", "[1]", "a signature: there is no \"keyid\"");
	bad(t, TIMESTAMP, "[]", "[{\"keyid\":\"a\",\"sig\":1}]",
	    "a signature: \"sig\" is no string");
	bad(t, TIMESTAMP, "\"signed\"", "\"x\"", "there is no \"signed\"");
	bad(t, TIMESTAMP, "\"_type\":\"timestamp\"", "\"_type\":\"snapshot\"",
	    "its _type is not \"timestamp\"");
	bad(t, TIMESTAMP, "\"1.0.31\"", "1", "\"spec_version\" is no string");
	bad(t, TIMESTAMP, "\"1.0.31\"", "\"10.0\"",
	    "it is of another version of the specification than 1.x: a newer "
	    "program is needed");
	bad(t, TIMESTAMP, "\"version\":1", "\"version\":0",
	    "\"version\" is less than 1");
	bad(t, TIMESTAMP, "\"version\":1", "\"version\":-1",
	    "\"version\" is less than 1");
	bad(t, TIMESTAMP, "2030-01-01", "2030-02-30",
	    "\"expires\" is no time like 2030-01-31T23:59:59Z");
}

static void
a_root_names_keys_for_four_roles(void **state)
{
	const enum graft_metadata_type t = GRAFT_METADATA_ROOT;

	(void)state;
	bad(t, ROOT, "\"snapshot\":{", "\"x\":{", "there is no \"snapshot\"");
	bad(t, ROOT, "\"threshold\":1", "\"threshold\":0",
	    "role root: \"threshold\" is less than 1");
	bad(t, ROOT, "[\"k\"]", "[\"k\",\"j\",\"k\"]",
	    "role root: a keyid stands twice");
	bad(t, ROOT, "[\"k\"]", "[[\"k\"]]", "role root: a keyid is no string");
	bad(t, ROOT, "{\"k\":{}}", "{\"k\":[]}", "a key is no object");
	bad(t, ROOT, "\"keys\"", "\"consistent_snapshot\":1,\"keys\"",
	    "\"consistent_snapshot\" is neither true nor false");
}

static void
files_that_are_listed_have_versions(void **state)
{
	const enum graft_metadata_type t = GRAFT_METADATA_TIMESTAMP;

	(void)state;
	bad(t, TIMESTAMP, "snapshot.json", "other.json",
	    "\"meta\" has no snapshot.json");
	bad(t, TIMESTAMP, "\"version\":3", "\"version\":\"3\"",
	    "snapshot.json: \"version\" is no whole number");
	bad(t, TIMESTAMP, "\"length\":7", "\"length\":-7",
	    "snapshot.json: \"length\" is less than 0");
	bad(t, TIMESTAMP, "\"length\":7", "\"hashes\":{}",
	    "snapshot.json: \"hashes\" is empty");
	bad(t, TIMESTAMP, "\"length\":7", "\"hashes\":{\"sha256\":[]}",
	    "snapshot.json: a hash is no string");
	bad(t, TIMESTAMP, "{\"version\":3,\"length\":7}", "3",
	    "snapshot.json: there is no \"version\"");
}

static void
targets_have_lengths_and_delegations_have_an_end(void **state)
{
	const enum graft_metadata_type t = GRAFT_METADATA_TARGETS;

	(void)state;
	bad(t, TARGETS, "\"length\":5,", "", "a: there is no \"length\"");
	bad(t, TARGETS, "\"hashes\"", "\"x\"", "a: there is no \"hashes\"");
	bad(t, TARGETS, "\"roles\":[", "\"x\":[",
	    "\"delegations\": there is no \"roles\"");
	bad(t, TARGETS, "\"name\":\"x\"", "\"x\":\"x\"",
	    "\"delegations\": role 1: there is no \"name\"");
	bad(t, TARGETS, "\"name\":\"x\"", "\"name\":\"snapshot\"",
	    "\"delegations\": role 1 has no name that can be delegated to");
	bad(t, TARGETS, "\"paths\":[\"a/*\"]", "\"x\":0",
	    "\"delegations\": role x: one of \"paths\" and "
	    "\"path_hash_prefixes\" must be there");
	bad(t, TARGETS, "\"paths\":[\"a/*\"]",
	    "\"paths\":[],\"path_hash_prefixes\":[]",
	    "\"delegations\": role x: one of \"paths\" and "
	    "\"path_hash_prefixes\" must be there");
	bad(t, TARGETS, "[\"a/*\"]", "[{}]",
	    "\"delegations\": role x: \"paths\" holds no strings only");
	bad(t, TARGETS, "[\"a/*\"]", "\"a/*\"",
	    "\"delegations\": role x: \"paths\" is no array");
	bad(t, TARGETS, "\"terminating\":false", "\"terminating\":0",
	    "\"delegations\": role x: \"terminating\" is neither true nor "
	    "false");
}

static void
a_key_that_is_gone_is_rotated(void **state)
{
	GRAFT_CLEANUP(graft_metadata_freep)
	struct graft_metadata *old = good(GRAFT_METADATA_ROOT, ROOT);
	char more[2048];
	char less[2048];

	(void)state;
	static const char root[] = ROOT;
	static const char before[] = "\"timestamp\":{\"keyids\":[";
	const char *at = strstr(root, before) + strlen(before);
	(void)snprintf(more, sizeof(more), "%.*s\"j\",%s", (int)(at - root),
		       root, at);
	(void)snprintf(less, sizeof(less), "%.*s\"j\"%s", (int)(at - root),
		       root, at + strlen("\"k\""));
	GRAFT_CLEANUP(graft_metadata_freep)
	struct graft_metadata *added = good(GRAFT_METADATA_ROOT, more);
	GRAFT_CLEANUP(graft_metadata_freep)
	struct graft_metadata *taken = good(GRAFT_METADATA_ROOT, less);
	assert_false(
		graft_authority_rotated(old, added, GRAFT_METADATA_TIMESTAMP));
	assert_true(
		graft_authority_rotated(old, taken, GRAFT_METADATA_TIMESTAMP));
	assert_true(
		graft_authority_rotated(added, old, GRAFT_METADATA_TIMESTAMP));
	assert_false(
		graft_authority_rotated(old, taken, GRAFT_METADATA_SNAPSHOT));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_file_says_is_there),
		cmocka_unit_test(what_all_files_have_must_be_there),
		cmocka_unit_test(a_root_names_keys_for_four_roles),
		cmocka_unit_test(files_that_are_listed_have_versions),
		cmocka_unit_test(
			targets_have_lengths_and_delegations_have_an_end),
		cmocka_unit_test(a_key_that_is_gone_is_rotated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
