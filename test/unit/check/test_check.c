// SPDX-License-Identifier: Apache-2.0

// Honest hotpatches are proven; each way to spoil one is named.

#include "built.h"

#define LIBRARY  "cc -O2 -fPIC -shared -fcf-protection=none -x c"
#define STRIPPED LIBRARY " -s"
#define CXX      "c++ -O2 -fPIC -shared -x c++"

/** What both builds hold; the end of `answer` is what changes. */
#define COMMON                                                                 \
	"#include <string.h>\n#include <stdlib.h>\n"                           \
	"#define KEEP __attribute__((noinline, noclone, noipa))\n"             \
	"static int first = 11, second = 22, third[4] = {1, 2, 3, 4};\n"       \
	"static int count;\n"                                                  \
	"static const int primes[8] = {2, 3, 5, 7, 11, 13, 17, 19};\n"         \
	"int get_first(void) { return first; }\n"                              \
	"int get_second(void) { return second; }\n"                            \
	"int set(int a, int b) { first = a; second = b; return count; }\n"     \
	"KEEP static int one(int x) { return x * 3 + count++; }\n"             \
	"KEEP static int two(int x) { return x * 5 - third[x & 3]; }\n"        \
	"static int (*const calls[2])(int) = { one, two };\n"                  \
	"int choose(int x) { return calls[x & 1](x); }\n"                      \
	"KEEP static int inner(int x) { return primes[x & 7] + two(x)"

#define OLD_SOURCE                                                             \
	COMMON "; }\n"                                                         \
	       "int answer(const char *s) { first += 2; second -= 3;\n"        \
	       "  return inner(first) + one(second) + (int)strlen(s); }\n"
#define NEW_SOURCE                                                             \
	COMMON " + 1; }\n"                                                     \
	       "static const char words[4][8] = "                              \
	       "{\"eins\", \"zwei\", \"drei\", \"vier\"};\n"                   \
	       "int answer(const char *s) { first += 2; second -= 4;\n"        \
	       "  return inner(first) + one(second) + words[first & 3][0]\n"   \
	       "    + (int)strlen(s) + abs(atoi(s)); }\n"

/** The usual pair. */
static struct built
usual(void)
{
	return build(LIBRARY, ".c", OLD_SOURCE, NEW_SOURCE);
}

static void
an_honest_hotpatch_is_the_same_as_new(void **state)
{
	static const char *const commands[] = {
		LIBRARY, STRIPPED, "cc -O0 -fPIC -shared -x c",
		"clang -O2 -fPIC -shared -x c"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		GRAFT_CLEANUP(built_deinit)
		struct built built = build(commands[i], ".c", OLD_SOURCE,
					   NEW_SOURCE);
		must_be_same(&built);
	}
}

static void
what_was_walked_is_counted(void **state)
{
	GRAFT_CLEANUP(built_deinit) struct built built = usual();
	GRAFT_CLEANUP(graft_check_result_deinit)
	struct graft_check_result result = check(&built);

	(void)state;
	assert_true(result.same);
	assert_true(result.functions >= 8);
	assert_true(result.instructions >= 40);
	assert_true(result.constant_bytes >= 32);
	assert_true(result.objects >= 4);
	assert_true(result.slots > 0);
	assert_int_equal(result.carried_total, built.module.carried_count);
	assert_int_equal(result.carried_unreached, 0);
}

static void
a_missing_redirect_is_named(void **state)
{
	const char *const names[] = { "answer", "inner" };

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		GRAFT_CLEANUP(built_deinit) struct built built = usual();
		struct graft_patch_module *m = &built.module;
		for (size_t i = 0; i < m->redirect_count; i++) {
			if (strcmp(m->redirects[i].name, names[k]) != 0)
				continue;
			free(m->redirects[i].name);
			m->redirects[i] = m->redirects[--m->redirect_count];
			break;
		}
		// inner() is called by carried code only: there is no old way.
		if (k == 0)
			must_differ(&built, "the instructions differ",
				    "answer");
	}
}

static void
a_redirect_to_another_function_is_named(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = build(LIBRARY, ".c",
				   "int up(int x) { return x * 7 + 3; }\n"
				   "int answer(int x) { return x * 9 - 3; }\n",
				   "int up(int x) { return x * 7 + 4; }\n"
				   "int answer(int x) { return x * 9 - 4; }\n");
	struct graft_patch_module *m = &built.module;

	(void)state;
	must_be_same(&built);
	assert_int_equal(m->redirect_count, 2);
	uint64_t swapped = m->redirects[0].new_addr;
	m->redirects[0].new_addr = m->redirects[1].new_addr;
	m->redirects[1].new_addr = swapped;
	// One of the jumps stands behind an instruction that the other function
	// does not begin with.
	must_differ(&built, "OLD: ", "reached by:  ");
}

static void
a_fix_to_a_neighbour_is_named(void **state)
{
	GRAFT_CLEANUP(built_deinit) struct built built = usual();
	uint64_t second = address_of(built.old_image, "second");

	(void)state;
	assert_true(move_fixes(&built, second, second + 4) > 0);
	must_differ(&built, "instead of second", "answer");
}

static void
a_fix_to_a_neighbour_is_named_without_symbols_too(void **state)
{
	GRAFT_CLEANUP(built_deinit) struct built named = usual();
	GRAFT_CLEANUP(built_deinit)
	struct built built = build(STRIPPED, ".c", OLD_SOURCE, NEW_SOURCE);
	uint64_t first = address_of(named.old_image, "first");
	uint64_t second = address_of(named.old_image, "second");

	(void)state;
	assert_true(move_fixes(&built, first, second) > 0);
	must_differ(&built, "", "answer");
}

static void
two_objects_that_are_swapped_are_named(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = build(
		STRIPPED, ".c",
		"static int first, second;\n"
		"int get(void) { return first; }\n"
		"int other(void) { return second; }\n"
		"int answer(int x) { first += x; second -= x; return 1; }\n",
		"static int first, second;\n"
		"int get(void) { return first; }\n"
		"int other(void) { return second; }\n"
		"int answer(int x) { first += x; second -= x; return 2; }\n");
	uint64_t addrs[2] = { 0 };

	(void)state;
	for (size_t i = 0; i < built.module.fix_count; i++) {
		uint64_t target = fix_target(&built, &built.module.fixes[i]);
		if (!addrs[0] || addrs[0] == target)
			addrs[0] = target;
		else
			addrs[1] = target;
	}
	assert_true(addrs[0] && addrs[1]);
	must_be_same(&built);
	assert_true(move_fixes(&built, addrs[0], 1) > 0);
	assert_true(move_fixes(&built, addrs[1], addrs[0]) > 0);
	assert_true(move_fixes(&built, 1, addrs[1]) > 0);
	must_differ(&built, "stands for another one elsewhere", "0x");
}

/** Is a byte part of a field that is filled in later? */
static bool
is_fixed(const struct built *built, uint64_t new_addr)
{
	for (size_t i = 0; i < built->module.fix_count; i++) {
		const struct graft_fix *fix = &built->module.fixes[i];
		uint64_t len = fix->kind == GRAFT_FIX_REL32_OLD ? 4 : 8;
		if (new_addr >= fix->new_addr && new_addr - fix->new_addr < len)
			return true;
	}
	return false;
}

static void
every_byte_of_carried_code_counts(void **state)
{
	GRAFT_CLEANUP(built_deinit) struct built built = usual();
	size_t tried = 0;

	(void)state;
	for (size_t i = 0; i < built.module.carried_count; i++) {
		const struct graft_carried *c = &built.module.carried[i];
		for (uint64_t at = c->new_addr; at < c->new_addr + c->size;
		     at++) {
			uint8_t *byte = carried_bytes(&built, at);
			assert_non_null(byte);
			// What is filled in is replaced, not looked at.
			if (is_fixed(&built, at))
				continue;
			for (unsigned bit = 0; bit < 8; bit += 3) {
				GRAFT_CLEANUP(graft_check_result_deinit)
				struct graft_check_result result = { 0 };
				*byte ^= (uint8_t)(1U << bit);
				result = check(&built);
				*byte ^= (uint8_t)(1U << bit);
				if (result.same)
					print_message("# bit %u at 0x%llx\n",
						      bit,
						      (unsigned long long)at);
				assert_false(result.same);
				tried++;
			}
		}
	}
	assert_true(tried > 100);
	must_be_same(&built);
}

static void
a_constant_that_is_altered_is_named(void **state)
{
	GRAFT_CLEANUP(built_deinit) struct built built = usual();
	uint64_t words = address_of(built.new_image, "words");

	(void)state;
	for (uint64_t i = 0; i < 32; i++) {
		uint8_t *byte = carried_bytes(&built, words + i);
		assert_non_null(byte);
		*byte ^= 0x20;
		must_differ(&built, "", "answer");
		*byte ^= 0x20;
	}
	must_be_same(&built);
}

static void
an_import_of_another_symbol_is_named(void **state)
{
	GRAFT_CLEANUP(built_deinit) struct built built = usual();
	struct graft_patch_module *m = &built.module;

	(void)state;
	// abs() is inline; atoi() may be strtol() in a header.
	assert_true(m->import_count == 1);
	free(m->imports[0].symbol);
	m->imports[0].symbol = strdup("atof");
	must_differ(&built, "bound to atof", "answer");
}

static void
an_import_of_another_version_is_named(void **state)
{
	GRAFT_CLEANUP(built_deinit) struct built built = usual();
	struct graft_patch_module *m = &built.module;

	(void)state;
	assert_true(m->import_count == 1);
	free(m->imports[0].version);
	m->imports[0].version = strdup("GLIBC_2.99");
	must_differ(&built, "GLIBC_2.99", "answer");
}

static void
a_call_to_another_function_is_named(void **state)
{
	GRAFT_CLEANUP(built_deinit) struct built built = usual();
	uint64_t one = address_of(built.old_image, "one");
	uint64_t two = address_of(built.old_image, "two");

	(void)state;
	assert_true(move_fixes(&built, one, two) > 0);
	must_differ(&built, "the instructions differ", "calls");
}

static void
a_fix_that_is_left_out_is_named(void **state)
{
	struct built all = usual();
	size_t count = all.module.fix_count;

	(void)state;
	built_deinit(&all);
	assert_true(count > 4);
	for (size_t i = 0; i < count; i++) {
		GRAFT_CLEANUP(built_deinit) struct built built = usual();
		struct graft_patch_module *m = &built.module;
		m->fix_count--;
		memmove(&m->fixes[i], &m->fixes[i + 1],
			(m->fix_count - i) * sizeof(*m->fixes));
		GRAFT_CLEANUP(graft_check_result_deinit)
		struct graft_check_result result = check(&built);
		assert_false(result.same);
	}
}

#define TABLE_OLD                                                              \
	"__attribute__((noinline)) static int a(int x) { return x + 1; }\n"    \
	"__attribute__((noinline)) static int b(int x) { return x + 2; }\n"    \
	"static int (*const t[])(int) = { a, b };\n"                           \
	"int (*pick(int i))(int) { return i < 0 ? a : b; }\n"                  \
	"int run(int i, int x) { return t[i & 1](x)"
#define TABLE_NEW                                                              \
	"__attribute__((noinline)) static int a(int x) { return x + 1; }\n"    \
	"__attribute__((noinline)) static int b(int x) { return x + 2; }\n"    \
	"__attribute__((noinline)) static int c(int x) { return x - 9; }\n"    \
	"static int (*const t[])(int) = { a, b, c, a };\n"                     \
	"int (*pick(int i))(int) { return i < 0 ? a : b; }\n"                  \
	"int run(int i, int x) { return t[i & 3](x)"

static void
a_pointer_in_a_carried_table_is_followed(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = build(LIBRARY, ".c", TABLE_OLD "; }\n",
				   TABLE_NEW "; }\n");
	uint64_t a = address_of(built.old_image, "a");
	uint64_t b = address_of(built.old_image, "b");

	(void)state;
	must_be_same(&built);
	assert_true(move_fixes(&built, b, a) > 0);
	must_differ(&built, "of this function", "");
}

static void
a_function_has_one_address(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = build(
		LIBRARY, ".c",
		"__attribute__((noinline)) static int a(int x) { return x + 1; }\n"
		"typedef int (*fn)(int);\n"
		"fn get(void) { return a; }\n"
		"int same(fn f) { return f == a; }\n",
		"__attribute__((noinline)) static int a(int x) { return x + 3; }\n"
		"typedef int (*fn)(int);\n"
		"fn get(void) { return a; }\n"
		"int same(fn f) { return f == a ? 2 : 0; }\n");
	struct graft_patch_module *m = &built.module;
	uint64_t old_a = address_of(built.old_image, "a");

	(void)state;
	must_be_same(&built);
	// The carried comparison names the carried a() instead of the old one.
	for (size_t i = 0; i < m->fix_count; i++) {
		if (fix_target(&built, &m->fixes[i]) != old_a)
			continue;
		m->fix_count--;
		memmove(&m->fixes[i], &m->fixes[i + 1],
			(m->fix_count - i) * sizeof(*m->fixes));
		must_differ(&built, "has another address elsewhere", "same");
		return;
	}
	fail_msg("no fix leads to a()");
}

static void
landing_pads_are_walked(void **state)
{
	static const char old_source[] =
		"__attribute__((noinline)) static int f(int x) { return x + 1; }\n"
		"extern void danger(int);\n"
		"int go(int x) { try { danger(x); } catch (int e) { return f(e); } return 0; }\n"
		"int other(int x) { return f(x) * 2; }\n";
	static const char new_source[] =
		"__attribute__((noinline)) static int f(int x) { return x + 5; }\n"
		"extern void danger(int);\n"
		"int go(int x) { try { danger(x); } catch (int e) { return f(e); } return 0; }\n"
		"int other(int x) { return f(x) * 2; }\n";
	GRAFT_CLEANUP(built_deinit)
	struct built built = build(CXX, ".cc", old_source, new_source);
	GRAFT_CLEANUP(graft_check_result_deinit)
	struct graft_check_result result = check(&built);

	(void)state;
	assert_true(result.same);
	assert_int_equal(result.new_unreached, 0);
}

static void
another_file_is_refused(void **state)
{
	static const struct graft_check_options options = { NULL, NULL };
	GRAFT_CLEANUP(built_deinit) struct built built = usual();
	struct graft_check_result result = { 0 };
	struct graft_error *err = graft_check(built.new_image, built.new_image,
					      &built.module, &options, &result);

	(void)state;
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	assert_non_null(strstr(graft_error_message(err), "SHA-256"));
	graft_error_free(err);
	err = graft_check(built.old_image, built.old_image, &built.module,
			  &options, &result);
	assert_non_null(err);
	assert_non_null(strstr(graft_error_message(err), "NEW"));
	graft_error_free(err);
}

static void
a_jump_over_other_bytes_is_refused(void **state)
{
	static const struct graft_check_options options = { NULL, NULL };
	GRAFT_CLEANUP(built_deinit) struct built built = usual();
	struct graft_check_result result = { 0 };

	(void)state;
	built.module.redirects[0].original[2] ^= 1;
	struct graft_error *err = graft_check(built.old_image, built.new_image,
					      &built.module, &options, &result);
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	graft_error_free(err);
}

static void
builds_that_differ_are_not_identical(void **state)
{
	GRAFT_CLEANUP(built_deinit) struct built built = usual();

	(void)state;
	built.module.verdict = GRAFT_VERDICT_IDENTICAL;
	must_differ(&built, "the instructions differ", "answer");
	graft_image_close(built.new_image);
	built.new_image = NULL;
	built.new_image = built_once(LIBRARY, OLD_SOURCE);
	memcpy(built.module.new_sha256, graft_image_sha256(built.new_image),
	       GRAFT_SHA256_SIZE);
	must_be_same(&built);
}

/** A table whose relocations overlap: what stands behind them counts too. */
#define OVERLAP(last)                                                          \
	"int v = 4;\n"                                                         \
	"asm(\".section .data.rel,\\\"aw\\\"\\n.globl tab\\n\"\n"              \
	"\".type tab,@object\\n.size tab,32\\n.balign 8\\n\"\n"                \
	"\"tab: .quad 0, 0, 0, " last "\\n\"\n"                                \
	"\".reloc tab, R_X86_64_64, v\\n\"\n"                                  \
	"\".reloc tab + 4, R_X86_64_64, v\\n.text\\n\");\n"                    \
	"extern char tab[32];\n"                                               \
	"int f(int x) { return x + tab[x & 31]; }\n"

static void
slots_that_overlap_hide_nothing(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = as_they_are(LIBRARY, OVERLAP("1"), OVERLAP("2"));

	(void)state;
	must_differ(&built, "do not start with the same contents", "tab");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_honest_hotpatch_is_the_same_as_new),
		cmocka_unit_test(what_was_walked_is_counted),
		cmocka_unit_test(slots_that_overlap_hide_nothing),
		cmocka_unit_test(a_missing_redirect_is_named),
		cmocka_unit_test(a_redirect_to_another_function_is_named),
		cmocka_unit_test(a_fix_to_a_neighbour_is_named),
		cmocka_unit_test(
			a_fix_to_a_neighbour_is_named_without_symbols_too),
		cmocka_unit_test(two_objects_that_are_swapped_are_named),
		cmocka_unit_test(every_byte_of_carried_code_counts),
		cmocka_unit_test(a_constant_that_is_altered_is_named),
		cmocka_unit_test(an_import_of_another_symbol_is_named),
		cmocka_unit_test(an_import_of_another_version_is_named),
		cmocka_unit_test(a_call_to_another_function_is_named),
		cmocka_unit_test(a_fix_that_is_left_out_is_named),
		cmocka_unit_test(a_pointer_in_a_carried_table_is_followed),
		cmocka_unit_test(a_function_has_one_address),
		cmocka_unit_test(landing_pads_are_walked),
		cmocka_unit_test(another_file_is_refused),
		cmocka_unit_test(a_jump_over_other_bytes_is_refused),
		cmocka_unit_test(builds_that_differ_are_not_identical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
