// SPDX-License-Identifier: Apache-2.0

#include "built.h"

#include "elf/subjects.h"
#include "elf/types.h"

static const char source[] =
	"enum color { RED, GREEN = 5, BLUE = -1 };\n"
	"typedef struct { int x; } point;\n"
	"struct s {\n"
	"	char c;\n"
	"	enum color color;\n"
	"	unsigned low : 3;\n"
	"	unsigned high : 5;\n"
	"	point at[4][2];\n"
	"	union { long l; double d; };\n"
	"	struct opaque *opaque;\n"
	"	int (*call)(struct s *, ...);\n"
	"	const struct s *volatile next;\n"
	"};\n"
	"struct s global;\n"
	"static int hidden[7];\n"
	"__thread long local;\n"
	"int first(struct s *p, short n)\n"
	"{\n"
	"	static int counter = 3;\n"
	"	struct s *walk = p;\n"
	"	while (walk->next) walk = (struct s *)walk->next;\n"
	"	return counter++ + n + hidden[n & 3]++ + walk->c + (int)local;\n"
	"}\n"
	"long second(void) { static int counter = 4; return counter++; }\n";

static const char *const compilers[] = {
	"gcc -gdwarf-4 -O2",     "gcc -gdwarf-5 -O0",
	"gcc -gdwarf-5 -O2 -gz", "clang -gdwarf-4 -O0",
	"clang -gdwarf-5 -O2",   "gcc -gdwarf-5 -O2 -flto",
	"gcc -gdwarf-3 -O1",     "gcc -gdwarf-4 -fdebug-types-section",
};

/** A compiled source and what is known of it. */
struct known {
	struct graft_image *image;
	struct graft_dwarf *dwarf;
};

static struct known
compile(const char *compiler, const char *name, const char *text)
{
	struct built built = built_make();
	struct known known = { 0 };
	char line[256];

	built_write(&built, name, text);
	snprintf(line, sizeof(line), "%s -fPIC -shared -o lib %s", compiler,
		 name);
	built_run(&built, line);
	known.image = built_open(&built, "lib", NULL);
	built_remove(&built);
	must(graft_dwarf_open(known.image, &known.dwarf));
	must(graft_dwarf_scan(known.dwarf));
	return known;
}

static void
forget(struct known *known)
{
	graft_dwarf_close(known->dwarf);
	graft_image_close(known->image);
}

static const struct graft_subject *
find_variable(const struct known *known, const char *name, const char *scope,
	      uint32_t *ret)
{
	uint32_t count = graft_dwarf_subject_count(known->dwarf);

	for (uint32_t i = 0; i < count; i++) {
		const struct graft_subject *s =
			graft_dwarf_subject(known->dwarf, i);
		if (!s->is_function && strcmp(s->name, name) == 0 &&
		    strcmp(s->scope, scope) == 0) {
			*ret = i;
			return s;
		}
	}
	fail_msg("no variable %s", name);
	return NULL;
}

static const struct graft_type *
peel(const struct known *known, uint32_t type)
{
	const struct graft_type *ret;

	must(graft_dwarf_type_peel(known->dwarf, type, &type, &ret));
	return ret;
}

static const struct graft_member *
member_of(const struct graft_type *type, const char *name)
{
	for (size_t i = 0; i < type->member_count; i++) {
		if (strcmp(type->members[i].name, name) == 0)
			return &type->members[i];
	}
	fail_msg("no member %s", name);
	return NULL;
}

static void
check_struct(const struct known *known, const struct graft_type *s)
{
	assert_int_equal(s->kind, GRAFT_TYPE_IS_STRUCT);
	assert_string_equal(s->name, "s");
	assert_int_equal(s->size, 80);
	assert_int_equal(s->member_count, 9);
	assert_int_equal(member_of(s, "color")->bit_off, 32);
	assert_int_equal(member_of(s, "low")->bit_off, 64);
	assert_int_equal(member_of(s, "low")->bit_size, 3);
	assert_int_equal(member_of(s, "high")->bit_off, 67);
	assert_int_equal(member_of(s, "high")->bit_size, 5);
	const struct graft_type *at = peel(known, member_of(s, "at")->type);
	assert_int_equal(at->kind, GRAFT_TYPE_IS_ARRAY);
	assert_int_equal(at->elements, 8);
	assert_int_equal(at->size, 32);
	assert_int_equal(peel(known, at->target)->size, 4);
	assert_int_equal(s->members[5].bit_off, 44 * 8 + 32);
	const struct graft_type *call = peel(known, member_of(s, "call")->type);
	assert_int_equal(call->kind, GRAFT_TYPE_IS_POINTER);
	const struct graft_type *function = peel(known, call->target);
	assert_int_equal(function->kind, GRAFT_TYPE_IS_FUNCTION);
	assert_int_equal(function->member_count, 1);
	assert_true(function->variadic);
	const struct graft_type *opaque = peel(known,
					       member_of(s, "opaque")->type);
	assert_true(peel(known, opaque->target)->declaration);
	const struct graft_type *next = peel(known, member_of(s, "next")->type);
	assert_ptr_equal(peel(known, next->target), s);
	const struct graft_type *color = peel(known,
					      member_of(s, "color")->type);
	assert_int_equal(color->enumerator_count, 3);
	assert_string_equal(color->enumerators[2].name, "BLUE");
	assert_int_equal(color->enumerators[2].value, -1);
}

static void
a_struct_is_read_with_its_members(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(compilers) / sizeof(*compilers); i++) {
		struct known known = compile(compilers[i], "source.c", source);
		uint32_t number;
		uint32_t type;
		char place[64];
		find_variable(&known, "global", "", &number);
		must(graft_dwarf_subject_type(known.dwarf, number, &type));
		const struct graft_type *s = peel(&known, type);
		check_struct(&known, s);
		graft_dwarf_type_place(known.dwarf, type, 1, place,
				       sizeof(place));
		// Units of types alone do not say.
		if (!strstr(compilers[i], "types-section"))
			assert_string_equal(place, "source.c:5");
		forget(&known);
	}
}

static void
variables_are_named_with_the_function_around_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(compilers) / sizeof(*compilers); i++) {
		struct known known = compile(compilers[i], "source.c", source);
		uint32_t a;
		uint32_t b;
		uint32_t c;
		const struct graft_subject *x = find_variable(&known, "counter",
							      "first", &a);
		const struct graft_subject *y = find_variable(&known, "counter",
							      "second", &b);
		size_t units;
		assert_int_not_equal(x->addr, y->addr);
		assert_string_equal(
			graft_dwarf_units(known.dwarf, &units)[x->unit].name,
			"source.c");
		const struct graft_subject *local =
			find_variable(&known, "local", "", &c);
		assert_true(local->is_thread_local);
		const uint8_t *bytes = graft_image_bytes(known.image, x->addr,
							 4);
		assert_non_null(bytes);
		assert_int_equal(bytes[0], 3);
		assert_int_equal(
			graft_dwarf_variable_before(known.dwarf, x->addr + 1),
			a);
		assert_false(x->external);
		forget(&known);
	}
}

static void
functions_have_their_parameters_and_locals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(compilers) / sizeof(*compilers); i++) {
		struct known known = compile(compilers[i], "source.c", source);
		uint32_t f = graft_dwarf_function_at(
			known.dwarf, addr_of(known.image, "first") + 1);
		GRAFT_CLEANUP(graft_locals_deinit)
		struct graft_locals locals = { 0 };
		assert_int_not_equal(f, GRAFT_DWARF_NONE);
		assert_string_equal(graft_dwarf_subject(known.dwarf, f)->name,
				    "first");
		must(graft_dwarf_locals(known.dwarf, f, &locals));
		assert_true(locals.count >= 3);
		const struct graft_local *parameters[3];
		size_t count = 0;
		for (size_t k = 0; k < locals.count; k++) {
			if (locals.list[k].parameter && count < 3)
				parameters[count++] = &locals.list[k];
		}
		assert_int_equal(count, 2);
		assert_string_equal(parameters[0]->name, "p");
		assert_int_equal(peel(&known, parameters[1]->type)->size, 2);
		assert_int_equal(peel(&known, locals.result)->size, 4);
		assert_true(locals.prototyped);
		assert_false(locals.variadic);
		bool walk = false;
		for (size_t k = 0; k < locals.count; k++)
			walk |= strcmp(locals.list[k].name, "walk") == 0;
		assert_true(walk);
		forget(&known);
	}
}

static void
names_of_cxx_hold_their_namespaces(void **state)
{
	static const char *const both[] = { "g++ -g -O2", "clang++ -g -O1" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct known known = compile(
			both[i], "source.cc",
			"namespace n { struct base { virtual ~base(); virtual int one(); int b; };\n"
			"struct outer : base { enum class e { A, B } x; struct in { int y; } z;\n"
			" int one() override; virtual int two(); static int shared; };\n"
			"base::~base() {} int base::one() { return 1; }\n"
			"int outer::one() { return z.y; } int outer::two() { return b; }\n"
			"int outer::shared = 4; outer object; }\n");
		const struct graft_named_type *named;
		const struct graft_type *type;
		size_t count;
		uint32_t number;
		must(graft_dwarf_types_named(known.dwarf, "n::outer", &named,
					     &count));
		assert_int_equal(count, 1);
		must(graft_dwarf_type_of(known.dwarf, named, &number));
		must(graft_dwarf_type(known.dwarf, number, &type));
		assert_string_equal(type->name, "n::outer");
		assert_int_equal(type->member_count, 3);
		assert_true(type->members[0].base);
		// g++ counts the destructor that nobody wrote.
		assert_in_range(type->virtual_count, 2, 3);
		must(graft_dwarf_types_named(known.dwarf, "n::outer::in",
					     &named, &count));
		assert_int_equal(count, 1);
		must(graft_dwarf_types_named(known.dwarf, "n::outer::e", &named,
					     &count));
		assert_int_equal(count, 1);
		must(graft_dwarf_types_named(known.dwarf, "n::none", &named,
					     &count));
		assert_int_equal(count, 0);
		find_variable(&known, "shared", "", &number);
		forget(&known);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_struct_is_read_with_its_members),
		cmocka_unit_test(
			variables_are_named_with_the_function_around_them),
		cmocka_unit_test(functions_have_their_parameters_and_locals),
		cmocka_unit_test(names_of_cxx_hold_their_namespaces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
