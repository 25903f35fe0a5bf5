// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

/** Items that are made in one function, ended in another, and used in a third. */
#define ITEMS(head, make, end, use)                                                       \
	PRELUDE "#include <sys/mman.h>\n"                                                 \
		"struct item { struct item *next; long v; };\n"                           \
		"static struct item *first;\n" head                                       \
		"KEEP int add(long v) { struct item *i = " make ";\n"                     \
		" if (!i) return -1; i->v = v; i->next = first; first = i; return 0; }\n" \
		"KEEP void drop(void) { struct item *i = first; if (!i) return;\n"        \
		" first = i->next; " end "; }\n"                                          \
		"KEEP long sum(long n) { long s = n & 7; " use                            \
		" for (struct item *i = first; i; i = i->next) s += i->v; return s; }\n"

#define MALLOC "malloc(sizeof(struct item))"
#define MAPPED "mmap(0, sizeof(*i), 3, 34, -1, 0)"

static const char *const commands[] = {
	"gcc -O2 -fPIC -shared -s -x c",
	"gcc -g -O2 -fPIC -shared -x c",
	"clang -g -O0 -fPIC -shared -x c",
};

static void
each_must_refuse(const char *old_source, const char *new_source,
		 const char *rule)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		must_refuse(commands[i], old_source, new_source, rule);
}

static void
each_must_accept(const char *old_source, const char *new_source)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		GRAFT_CLEANUP(graft_verdict_result_deinit)
		struct graft_verdict_result result =
			judge_pair(commands[i], old_source, new_source);
		if (result.verdict != GRAFT_VERDICT_HOTPATCH)
			print_reasons(&result);
		assert_int_equal(result.verdict, GRAFT_VERDICT_HOTPATCH);
	}
}

static void
objects_that_are_made_and_ended_in_another_way_are_refused(void **state)
{
	(void)state;
	each_must_refuse(ITEMS("", MALLOC, "free(i)", ""),
			 ITEMS("", MAPPED, "munmap(i, sizeof(*i))", ""),
			 "R-20");
	each_must_refuse(ITEMS("", MAPPED, "munmap(i, sizeof(*i))", ""),
			 ITEMS("", MALLOC, "free(i)", ""), "R-20");
}

/** Logs that are opened in one function, written in a second and closed in a third. */
#define LOGS(open_log, write_log, close_log)                                          \
	PRELUDE "#include <fcntl.h>\n#include <stdint.h>\n#include <stdio.h>\n"       \
		"#include <unistd.h>\n"                                               \
		"struct log { void *handle; long lines; };\n"                         \
		"KEEP int start(struct log *l, const char *p) { " open_log            \
		" }\n"                                                                \
		"KEEP int put(struct log *l, const char *t, size_t n) { l->lines++; " \
		"return " write_log " == n; }\n"                                      \
		"KEEP void end(struct log *l) { " close_log                           \
		"; l->handle = 0; }\n"

static void
streams_that_became_descriptors_are_refused(void **state)
{
#define STREAM(open_log)                                                       \
	LOGS(open_log " return l->handle ? 0 : -1;",                           \
	     "fwrite(t, 1, n, l->handle)", "fclose(l->handle)")
#define DESCRIPTOR(open_log, more)                                             \
	LOGS("intptr_t fd = " open_log "; l->handle = (void *)(fd + 1);"       \
	     " return fd < 0 ? -1 : 0;",                                       \
	     "(size_t)write((int)(intptr_t)l->handle - 1, t, n)",              \
	     more "close((int)(intptr_t)l->handle - 1)")

	(void)state;
	each_must_refuse(STREAM("l->handle = fopen(p, \"a\");"),
			 DESCRIPTOR("open(p, O_WRONLY | O_APPEND)", ""),
			 "R-20");
	each_must_refuse(DESCRIPTOR("open(p, O_WRONLY | O_APPEND)", ""),
			 STREAM("l->handle = fopen(p, \"a\");"), "R-20");
	// A file of one function is nobody else's, in whichever way it is written.
#define PID_FILE(write_it) LOGS("return p != NULL;", "n", write_it)
	each_must_accept(
		PID_FILE(
			"FILE *f = fopen(\"/run/x\", \"w\"); if (f) { fputs(\"7\", f); fclose(f); }"),
		PID_FILE(
			"int fd = open(\"/run/x\", O_WRONLY | O_CREAT | O_EXCL, 0600); if (fd >= 0) { (void)!write(fd, \"7\", 1); close(fd); }"));
	// Another way to the same kind.
	each_must_accept(DESCRIPTOR("open(p, O_WRONLY | O_APPEND)", ""),
			 DESCRIPTOR("openat(AT_FDCWD, p, O_WRONLY | O_APPEND)",
				    "if (l->lines > 5) fsync(3); "));
}

static void
a_pool_in_the_place_of_malloc_is_refused(void **state)
{
	// The pool is there in both, for others.
#define POOL                                                                                           \
	"static struct item *spare;\n"                                                                 \
	"KEEP struct item *take(void) { struct item *i = spare; if (i) spare = i->next; return i; }\n" \
	"KEEP void put(struct item *i) { i->next = spare; spare = i; }\n"

	(void)state;
	each_must_refuse(ITEMS(POOL, MALLOC, "free(i)", ""),
			 ITEMS(POOL, "take()", "put(i)", ""), "R-20");
	each_must_refuse(ITEMS(POOL, "take()", "put(i)", ""),
			 ITEMS(POOL, MALLOC, "free(i)", ""), "R-20");
}

static void
a_pool_that_asks_malloc_itself_is_refused(void **state)
{
#define FILLED                                                                                  \
	"static struct item *spare;\n"                                                          \
	"KEEP struct item *take(void) { struct item *i = spare; if (!i) return malloc(4096);\n" \
	" spare = i->next; return i; }\n"                                                       \
	"KEEP void put(struct item *i) { i->next = spare; spare = i; }\n"

	(void)state;
	each_must_refuse(ITEMS(FILLED, MALLOC, "free(i)", ""),
			 ITEMS(FILLED, "take()", "put(i)", ""), "R-20");
}

static void
a_wrapper_that_both_builds_have_may_be_used(void **state)
{
#define WRAPPED                                                                              \
	"KEEP void *xmalloc(size_t n) { void *p = malloc(n); if (!p) abort(); return p; }\n" \
	"KEEP void xfree(void *p) { free(p); }\n"

	(void)state;
	each_must_accept(
		ITEMS(WRAPPED, MALLOC, "free(i)", ""),
		ITEMS(WRAPPED, "xmalloc(sizeof(struct item))", "xfree(i)", ""));
}

static void
operators_of_cxx_are_families_too(void **state)
{
	static const char *const form =
		"struct item { item *next; long v; };\nstatic item *first;\n"
		"__attribute__((noinline)) void add(long v) { item *i = new item%s;\n"
		" i->v = v; i->next = first; first = i; }\n"
		"__attribute__((noinline)) void drop() { item *i = first;\n"
		" if (i) { first = i->next; delete%s i; } }\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), form, "", "");
	snprintf(n, sizeof(n), form, "[1]", "[]");
	must_refuse("g++ -g -O2 -fPIC -shared -x c++", o, n, "R-20");
	must_refuse("g++ -O2 -fPIC -shared -s -x c++", o, n, "R-20");
}

static void
a_buffer_of_one_function_may_be_made_in_any_way(void **state)
{
	(void)state;
	each_must_accept(
		ITEMS("", MALLOC, "free(i)", ""),
		ITEMS("", MALLOC, "free(i)",
		      "long *b = malloc(8 * 16); if (!b) return n; b[n & 15] = n;"
		      " asm volatile(\"\" : : \"r\"(b) : \"memory\"); s += b[3]; free(b);"));
	each_must_accept(
		ITEMS("", MALLOC, "free(i)",
		      "long *b = malloc(8 * 16); if (!b) return n; b[n & 15] = n;"
		      " asm volatile(\"\" : : \"r\"(b) : \"memory\"); s += b[3]; free(b);"),
		ITEMS("", MALLOC, "free(i)",
		      "long b[16]; b[n & 15] = n;"
		      " asm volatile(\"\" : : \"r\"(b) : \"memory\"); s += b[3];"));
}

static void
what_is_freed_on_one_more_way_or_by_a_helper_is_accepted(void **state)
{
	(void)state;
	each_must_accept(
		ITEMS("", MALLOC, "free(i)", ""),
		ITEMS("", MALLOC,
		      "if (i->v == 77) { free(i); drop(); return; } free(i)",
		      ""));
	each_must_accept(
		ITEMS("", MALLOC, "free(i)", ""),
		ITEMS("KEEP struct item *make(void) { return malloc(sizeof(struct item)); }\n"
		      "KEEP void end(struct item *i) { free(i); }\n",
		      "make()", "end(i)", ""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			objects_that_are_made_and_ended_in_another_way_are_refused),
		cmocka_unit_test(streams_that_became_descriptors_are_refused),
		cmocka_unit_test(a_pool_in_the_place_of_malloc_is_refused),
		cmocka_unit_test(a_pool_that_asks_malloc_itself_is_refused),
		cmocka_unit_test(a_wrapper_that_both_builds_have_may_be_used),
		cmocka_unit_test(operators_of_cxx_are_families_too),
		cmocka_unit_test(
			a_buffer_of_one_function_may_be_made_in_any_way),
		cmocka_unit_test(
			what_is_freed_on_one_more_way_or_by_a_helper_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
