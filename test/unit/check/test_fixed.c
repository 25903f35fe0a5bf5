// SPDX-License-Identifier: Apache-2.0

// Programs at a fixed address: what the checker says where the diff would have been
// blind. Hotpatches that the diff refuses are made all the same.

#include "built.h"

#define GCC "gcc -O2 -no-pie -fno-pie -Wl,--emit-relocs -Wl,--build-id -x c"

/** A command that puts sections where a number can name them. */
#define PLACED GCC " -Wl,-Ttext-segment=0x400000"

static void
differs(const char *old_source, const char *new_source, const char *what,
	const char *where)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = as_they_are(PLACED, old_source, new_source);

	must_differ(&built, what, where);
}

static void
is_same(const char *old_source, const char *new_source)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = as_they_are(PLACED, old_source, new_source);

	must_be_same(&built);
}

/** A hotpatch of two sources, spoken well of or not. */
static void
patch_differs(const char *old_source, const char *new_source, const char *what,
	      const char *where)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = build(PLACED, ".c", old_source, new_source);

	must_differ(&built, what, where);
}

static void
patch_is_same(const char *old_source, const char *new_source)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = build(PLACED, ".c", old_source, new_source);

	must_be_same(&built);
}

/** What stands in front of the table is named, and the table is meant. */
#define TABLE(before, last, read)                                                 \
	"static const long before[8] = {" before ", 2, 3, 4, 5, 6, 7, 8};\n"      \
	"static const long table[8] = {10, 20, 30, 40, 50, 60, 70, " last         \
	"};\n"                                                                    \
	"__attribute__((noinline)) long first(long i) {\n"                        \
	"const long *p = before; __asm__(\"\" : \"+r\"(p)); return p[i & 7]; }\n" \
	"__attribute__((noinline)) long second(long i) { " read " }\n"            \
	"int main(int n, char **v) { return (int)(first(n) + second((n & 7) + 5)); }\n"

#define INDEXED "return table[i - 5];"
#define ADDED                                                                       \
	"const long *p; __asm__(\"lea (,%1,8), %0\\n\\tadd %2, %0\" : \"=&r\"(p)\n" \
	": \"r\"(i), \"i\"((const char *)table - 40)); return *p;"

/** What is meant is 96,000 bytes behind what is named. */
#define FAR(last)                                                                 \
	"static const long before[20000] = {1, 2, 3};\n"                          \
	"static const long table[8] = {10, 20, 30, " last "};\n"                  \
	"__attribute__((noinline)) long first(long i) {\n"                        \
	"const long *p = before; __asm__(\"\" : \"+r\"(p)); return p[i & 7]; }\n" \
	"__attribute__((noinline)) long second(long i) { const long *p;\n"        \
	"__asm__(\"lea (,%1,8), %0\\n\\tadd %2, %0\" : \"=&r\"(p)\n"              \
	": \"r\"(i), \"i\"((const char *)table - 96000)); return *p; }\n"         \
	"int main(int n, char **v) {\n"                                           \
	"return (int)(first(n) + second((n & 3) + 12000)); }\n"

static void
what_an_index_leads_to_from_afar_is_compared(void **state)
{
	(void)state;
	is_same(FAR("40"), FAR("40"));
	differs(FAR("40"), FAR("41"), "the constants differ", "second");
}

static void
what_an_index_leads_to_is_compared(void **state)
{
	(void)state;
	is_same(TABLE("1", "80", INDEXED), TABLE("1", "80", INDEXED));
	is_same(TABLE("1", "80", ADDED), TABLE("1", "80", ADDED));
	differs(TABLE("1", "80", INDEXED), TABLE("1", "81", INDEXED),
		"the constants differ", "second");
	differs(TABLE("1", "80", ADDED), TABLE("1", "81", ADDED),
		"the constants differ", "second");
}

/** Text has no symbol; only an index leads to it. */
#define TEXT(last)                                                                     \
	"static const long numbers[16] = {1, 2, 3, 4, 5};\n"                           \
	"__attribute__((noinline)) long before(void) {\n"                              \
	"const char *t = \"previous text\"; __asm__(\"\" : \"+r\"(t)); return *t; }\n" \
	"__attribute__((noinline)) long letter(long i) {\n"                            \
	"return \"abcdefg" last "\"[i - 5]; }\n"                                       \
	"__attribute__((noinline)) long number(long i) {\n"                            \
	"const long *p = numbers; __asm__(\"\" : \"+r\"(p)); return p[i & 15]; }\n"    \
	"int main(int n, char **v) {\n"                                                \
	"return (int)(before() + letter((n & 7) + 5) + number(n)); }\n"

static void
text_without_a_symbol_behind_an_index_is_compared(void **state)
{
	(void)state;
	is_same(TEXT("h"), TEXT("h"));
	differs(TEXT("h"), TEXT("X"), "instead of", "letter");
}

#define SIZED(value)                                                           \
	"__asm__(\".data\\n\\t.globl wide\\n\\t.type wide, @object\\n\\t\"\n"  \
	"\".size wide, 0x401010\\nwide:\\t.quad 1\\n\\t.text\");\n"            \
	"__attribute__((noinline)) long sized(long x) { long n;\n"             \
	"__asm__(\"mov $\" " value                                             \
	" \", %k0\" : \"=r\"(n)); return x + n; }\n"                           \
	"int main(int n, char **v) { return (int)sized(n); }\n"

static void
a_number_that_is_carried_is_explained_by_a_relocation(void **state)
{
	(void)state;
	patch_is_same(SIZED("\"7\""), SIZED("\"8\""));
	patch_differs(SIZED("\"7\""), SIZED("\"wide@SIZE\""),
		      "the number 0x401010 would be an address", "sized");
	patch_differs(SIZED("\"7\""), SIZED("\"0x401020\""),
		      "the number 0x401020 would be an address", "sized");
}

#define WORDS(value)                                                                    \
	"static int twice(int x) { return 2 * x; }\n"                                   \
	"static int (*const ways[2])(int) = {twice, twice};\n"                          \
	"static const unsigned long words[2] = {" value ", 9};\n"                       \
	"__attribute__((noinline)) int word(int x) {\n"                                 \
	"const unsigned long *p = words; int (*const *way)(int) = ways;\n"              \
	"__asm__(\"\" : \"+r\"(p), \"+r\"(way)); return (int)p[x & 1] + way[0](x); }\n" \
	"int main(int n, char **v) { return word(n); }\n"

static void
a_word_of_a_carried_constant_is_explained_by_a_relocation(void **state)
{
	(void)state;
	patch_is_same(WORDS("7"), WORDS("8"));
	patch_differs(WORDS("7"), WORDS("0x401010"),
		      "the word 0x401010 would be an address", "word");
}

/** An object where a number names it: no relocation says that it is meant. */
#define UNSAID(value)                                                                   \
	"__attribute__((section(\".unsaid\"), used)) static long unsaid[4] = {1, 2};\n" \
	"__attribute__((noinline)) long unknown(long x) {\n"                            \
	"return x + *(volatile long *)" value "; }\n"                                   \
	"__attribute__((noinline)) long other(long x) { return x + 1; }\n"              \
	"int main(int n, char **v) {\n"                                                 \
	"return v ? (int)other(n) : (int)unknown(n); }\n"

static void
code_that_stays_has_no_address_that_nothing_explains(void **state)
{
	static const char place[] = PLACED
		" -Wl,--section-start=.unsaid=0x500000";
	static const char *const values[] = { "0x500000", "0x500008" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char source[1024];
		snprintf(source, sizeof(source), UNSAID("%s"), values[i]);
		GRAFT_CLEANUP(built_deinit)
		struct built built = as_they_are(place, source, source);
		must_differ(&built, "would be an address", "unknown");
	}
	// Flags are round, and there may be code.
	is_same(UNSAID("0x410000"), UNSAID("0x410000"));
	is_same(UNSAID("0x401003"), UNSAID("0x401003"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_index_leads_to_is_compared),
		cmocka_unit_test(what_an_index_leads_to_from_afar_is_compared),
		cmocka_unit_test(
			text_without_a_symbol_behind_an_index_is_compared),
		cmocka_unit_test(
			a_number_that_is_carried_is_explained_by_a_relocation),
		cmocka_unit_test(
			a_word_of_a_carried_constant_is_explained_by_a_relocation),
		cmocka_unit_test(
			code_that_stays_has_no_address_that_nothing_explains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
