// SPDX-License-Identifier: Apache-2.0

// New variables that another hotpatch may have: what a hotpatch says of them, and
// that the checker finds it to be wrong where it is.

#include "built.h"

#define LIBRARY "cc -O2 -fPIC -shared -fcf-protection=none -x c"

#define OLD_SOURCE "int count(int x) { return x * 3 + (x >> 2) * 7; }\n"
/** Two new variables, of which one begins with 7. */
#define COUNTS                                                                 \
	"int count(int x) { static long seen; static int last = 7;\n"          \
	"  seen += x; last ^= x; return x * 3 + (int)seen + last; }\n"
/** The same further behind, in another function too much. */
#define COUNTS_LATER                                                           \
	"static const char text[] = \"what is in the way\";\n"                 \
	"static const char *shown(int i) { return text + i; }\n"               \
	"int count(int x) { static int last = 7; static long seen;\n"          \
	"  static long more; more += x; last ^= x + shown(x)[0]; seen += x;\n" \
	"  return x * 3 + (int)seen + last + (int)more; }\n"

static struct built
build_of(const char *command, const char *new_source)
{
	return build(command, ".c", OLD_SOURCE, new_source);
}

/** Find an object by its identity. */
static const struct graft_object *
find(const struct graft_patch_module *m, const struct graft_object *object)
{
	for (size_t i = 0; i < m->object_count; i++) {
		if (memcmp(m->objects[i].identity, object->identity,
			   sizeof(object->identity)) == 0)
			return &m->objects[i];
	}
	return NULL;
}

static void
one_variable_has_one_identity_in_two_builds(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = build_of(LIBRARY, COUNTS);
	GRAFT_CLEANUP(built_deinit)
	struct built later = build_of(LIBRARY, COUNTS_LATER);

	(void)state;
	assert_int_equal(built.module.object_count, 2);
	assert_int_equal(later.module.object_count, 3);
	for (size_t i = 0; i < 2; i++) {
		const struct graft_object *one = &built.module.objects[i];
		const struct graft_object *two = find(&later.module, one);
		assert_non_null(two);
		assert_int_equal(one->size, two->size);
		assert_true(one->ref_count > 0 && two->ref_count > 0);
	}
	must_be_same(&built);
	must_be_same(&later);
}

static void
what_begins_otherwise_or_is_called_otherwise_is_another(void **state)
{
	static const char *const others[] = {
		"int count(int x) { static long seen; static int last = 8;\n"
		"  seen += x; last ^= x; return x * 3 + (int)seen + last; }\n",
		"int count(int x) { static long seen; static int first = 7;\n"
		"  seen += x; first ^= x; return x * 3 + (int)seen + first; }\n",
		"int count(int x) { static long seen; static long last = 7;\n"
		"  seen += x; last ^= x; return x * 3 + (int)(seen + last); }\n",
	};
	GRAFT_CLEANUP(built_deinit)
	struct built built = build_of(LIBRARY, COUNTS);

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		GRAFT_CLEANUP(built_deinit)
		struct built other = build_of(LIBRARY, others[i]);
		size_t same = 0;
		assert_int_equal(other.module.object_count, 2);
		for (size_t k = 0; k < 2; k++)
			same += find(&built.module, &other.module.objects[k]) !=
				NULL;
		assert_int_equal(same, 1);
	}
}

static void
where_it_is_not_known_of_each_none_is_listed(void **state)
{
	static const char *const sources[] = {
		// An address may be the end of one or the start of the next.
		"int count(int x) { static volatile int all[4], at;\n"
		"  at = (at + 1) & 3; all[at] += x; return x * 3 + all[x & 3]; }\n",
		// A pointer in data leads there.
		"int count(int x) { static int seen; static int *volatile to = &seen;\n"
		"  seen += x; return x * 3 + *to; }\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		GRAFT_CLEANUP(built_deinit)
		struct built built = build_of(LIBRARY, sources[i]);
		assert_int_equal(built.module.object_count, 0);
		must_be_same(&built);
	}
}

static void
an_address_counts_where_there_is_one_variable(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = build_of(
		LIBRARY, "int count(int x) { static volatile int all[4];\n"
			 "  all[x & 3] += x; return x * 3 + all[0]; }\n");

	(void)state;
	assert_int_equal(built.module.object_count, 1);
	assert_int_equal(built.module.objects[0].size, 16);
	must_be_same(&built);
}

static void
a_reference_that_is_not_told_is_found(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = build_of(LIBRARY, COUNTS);

	(void)state;
	built.module.objects[0].ref_count--;
	must_differ(&built, "", "count");
}

static void
references_that_are_told_of_the_wrong_variable_are_found(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = build_of(LIBRARY, COUNTS);
	struct graft_object *objects = built.module.objects;
	uint64_t ref = objects[0].refs[0];

	(void)state;
	objects[0].refs[0] = objects[1].refs[0];
	objects[1].refs[0] = ref;
	must_differ(&built, "", "count");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_variable_has_one_identity_in_two_builds),
		cmocka_unit_test(
			what_begins_otherwise_or_is_called_otherwise_is_another),
		cmocka_unit_test(where_it_is_not_known_of_each_none_is_listed),
		cmocka_unit_test(an_address_counts_where_there_is_one_variable),
		cmocka_unit_test(a_reference_that_is_not_told_is_found),
		cmocka_unit_test(
			references_that_are_told_of_the_wrong_variable_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
