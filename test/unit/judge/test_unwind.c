// SPDX-License-Identifier: Apache-2.0

#include "diff/code/throws.h"
#include "pair.h"

#define GUARD                                                                  \
	"struct G { ~G(); }; void other(int);\n"                               \
	"int work(int x) { try { other(x); } catch (...) { return 3; } return x; }\n"

/** The note must name what is called: tables for another reason prove nothing. */
static void
must_name(const char *command, const char *o, const char *n, const char *what)
{
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(command, o, n);
	const struct graft_reason *note = find_reason(&result, "R-16", true);

	if (!note || !strstr(note->text, what))
		print_reasons(&result);
	assert_int_equal(result.verdict, GRAFT_VERDICT_HOTPATCH);
	assert_non_null(note);
	assert_non_null(strstr(note->text, what));
}

/** Nothing may be said of unwinding. */
static void
must_keep_quiet(const char *command, const char *o, const char *n)
{
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(command, o, n);

	assert_int_equal(result.verdict, GRAFT_VERDICT_HOTPATCH);
	assert_null(find_reason(&result, "R-16", true));
}

static void
a_function_with_landing_pads_needs_its_tables(void **state)
{
	(void)state;
	must_note(CXX,
		  "struct G { ~G(); }; void other(int);\n"
		  "int f(int x) { G g; other(x); return x + 1001; }\n",
		  "struct G { ~G(); }; void other(int);\n"
		  "int f(int x) { G g; other(x); return x + 1002; }\n",
		  "R-16");
}

static void
a_function_below_which_something_throws_needs_its_tables(void **state)
{
	(void)state;
	must_note(CXX,
		  "int f(int x) { if (x < 0) throw 1; return x + 1001; }\n"
		  "int g(int x) { return f(x) * 2; }\n",
		  "int f(int x) { if (x < 0) throw 1; return x + 1001; }\n"
		  "int g(int x) { return f(x) * 3; }\n",
		  "R-16");
}

static void
a_callback_in_a_module_with_exceptions_needs_its_tables(void **state)
{
	(void)state;
	must_note(CXX,
		  GUARD "int f(int (*c)(int), int x) { return c(x) + 1; }\n",
		  GUARD "int f(int (*c)(int), int x) { return c(x) + 2; }\n",
		  "R-16");
}

static void
a_function_that_calls_another_library_needs_its_tables(void **state)
{
	static const char o[] = GUARD
		"extern \"C\" int each(int (*)(int), int);\n"
		"static int hurl(int x) { throw x; }\n"
		"int f(int x) { return each(hurl, x) + 1001; }\n";
	static const char n[] = GUARD
		"extern \"C\" int each(int (*)(int), int);\n"
		"static int hurl(int x) { throw x; }\n"
		"int f(int x) { return each(hurl, x) + 1002; }\n";

	(void)state;
	must_name(CXX, o, n, "it calls each,");
}

static void
a_function_that_the_c_library_calls_back_needs_its_tables(void **state)
{
	static const char o[] = GUARD
		"#include <dirent.h>\n"
		"static int hurl(const dirent64 *e) { throw e->d_name[0]; }\n"
		"int f(dirent64 ***l) { return scandir64(\".\", l, hurl, 0) + 1001; }\n";
	static const char n[] = GUARD
		"#include <dirent.h>\n"
		"static int hurl(const dirent64 *e) { throw e->d_name[0]; }\n"
		"int f(dirent64 ***l) { return scandir64(\".\", l, hurl, 0) + 1002; }\n";

	(void)state;
	must_name(CXX, o, n, "it calls scandir64,");
}

static void
a_function_where_a_thread_may_be_cancelled_needs_its_tables(void **state)
{
	static const char o[] = GUARD
		"#include <unistd.h>\n"
		"int f(int x) { char c; return read(x, &c, 1) + 1001; }\n";
	static const char n[] = GUARD
		"#include <unistd.h>\n"
		"int f(int x) { char c; return read(x, &c, 1) + 1002; }\n";

	(void)state;
	must_name(CXX, o, n, "it calls read,");
}

static void
a_function_of_the_c_library_that_keeps_quiet_needs_no_tables(void **state)
{
	static const char o[] = GUARD
		"#include <string.h>\n"
		"int f(const char *s) { return (int)strlen(s) + 1001; }\n";
	static const char n[] = GUARD
		"#include <string.h>\n"
		"int f(const char *s) { return (int)strlen(s) + 1002; }\n";

	(void)state;
	must_keep_quiet(CXX, o, n);
}

static void
c_that_calls_another_library_needs_no_tables(void **state)
{
	(void)state;
	must_keep_quiet(
		LIBRARY,
		"int each(int, int); int f(int x) { return each(3, x) + 1; }\n",
		"int each(int, int); int f(int x) { return each(3, x) + 2; }\n");
}

static void
the_list_of_the_c_library_is_in_order(void **state)
{
	// First and last, and what is around each underscore and digit.
	static const char *const yes[] = {
		"_IO_do_write", "__call_tls_dtors", "__open64_2", "_exit",
		"ftw",          "nftw64",           "qsort_r",    "bsearch",
		"twalk_r",      "tdestroy",         "argp_parse", "fts64_open",
		"dlopen",       "pthread_once",     "lfind",      "lsearch",
		"pthread_exit", "dl_iterate_phdr",  "wscanf",     "xdr_vector",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		assert_true(graft_throws_libc(yes[i]));
	assert_false(graft_throws_libc("memcpy"));
	assert_false(graft_throws_libc("pthread_mutex_lock"));
	assert_false(graft_throws_libc("zzz"));
	assert_false(graft_throws_libc(""));
}

static void
a_leaf_in_a_module_with_exceptions_is_accepted(void **state)
{
	(void)state;
	must_accept(CXX, GUARD "int f(int x) { return x + 1001; }\n",
		    GUARD "int f(int x) { return x + 1002; }\n");
}

static void
a_cleanup_in_c_needs_its_tables(void **state)
{
	static const char o[] = PRELUDE
		"void other(int); static void done(int *p) { other(*p); }\n"
		"int f(int x) { __attribute__((cleanup(done))) int k = x; other(x); return k + 1; }\n";
	static const char n[] = PRELUDE
		"void other(int); static void done(int *p) { other(*p); }\n"
		"int f(int x) { __attribute__((cleanup(done))) int k = x; other(x); return k + 2; }\n";

	(void)state;
	must_note("cc -O2 -fPIC -shared -fexceptions -x c", o, n, "R-16");
	must_accept("cc -O2 -fPIC -shared -x c", o, n);
}

static void
functions_that_catch_other_types_have_changed(void **state)
{
	static const char both[] =
		"void other(int);\n"
		"int f(int x) { try { other(x); } catch (A) { return 3; } return x; }\n"
		"int g(int x) { try { other(x); } catch (B) { return 4; } return x; }\n";
	char o[512];
	char n[512];

	(void)state;
	(void)snprintf(o, sizeof(o), "#define A int\n#define B long\n%s", both);
	(void)snprintf(n, sizeof(n), "#define A long\n#define B int\n%s", both);
	must_note(CXX, o, n, "R-16");
}

static void
a_new_type_that_is_caught_moves_no_data(void **state)
{
	static const char o[] =
		"void other(int); int before = 5, after[3] = { 7, 8, 9 };\n"
		"int f(int x) { before++; after[x]++; return x; }\n"
		"int g(int x) { try { other(x); } catch (...) { return -1; } return x; }\n";
	static const char n[] =
		"void other(int); int before = 5, after[3] = { 7, 8, 9 };\n"
		"int f(int x) { before++; after[x]++; return x; }\n"
		"int g(int x) { try { other(x); } catch (long y) { return y; } return x; }\n";

	(void)state;
	must_note(CXX, o, n, "R-16");
	must_note(CXX, n, o, "R-16");
}

static void
a_callback_from_c_is_noted(void **state)
{
	(void)state;
	must_note(LIBRARY, "int f(int (*c)(int), int x) { return c(x) + 1; }\n",
		  "int f(int (*c)(int), int x) { return c(x) + 2; }\n", "R-16");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_with_landing_pads_needs_its_tables),
		cmocka_unit_test(
			a_function_below_which_something_throws_needs_its_tables),
		cmocka_unit_test(
			a_callback_in_a_module_with_exceptions_needs_its_tables),
		cmocka_unit_test(
			a_function_that_calls_another_library_needs_its_tables),
		cmocka_unit_test(
			a_function_that_the_c_library_calls_back_needs_its_tables),
		cmocka_unit_test(
			a_function_where_a_thread_may_be_cancelled_needs_its_tables),
		cmocka_unit_test(
			a_function_of_the_c_library_that_keeps_quiet_needs_no_tables),
		cmocka_unit_test(c_that_calls_another_library_needs_no_tables),
		cmocka_unit_test(the_list_of_the_c_library_is_in_order),
		cmocka_unit_test(
			a_leaf_in_a_module_with_exceptions_is_accepted),
		cmocka_unit_test(a_cleanup_in_c_needs_its_tables),
		cmocka_unit_test(functions_that_catch_other_types_have_changed),
		cmocka_unit_test(a_new_type_that_is_caught_moves_no_data),
		cmocka_unit_test(a_callback_from_c_is_noted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
