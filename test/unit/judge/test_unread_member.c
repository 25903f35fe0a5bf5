// SPDX-License-Identifier: Apache-2.0

#include "typed.h"

/** Sessions that are made, logged in, and asked; others print them. */
#define SESSIONS(make, login, ask, print)                                       \
	PRELUDE                                                                 \
	"struct session { int fd, state, spare; long hits; char name[32]; };\n" \
	"KEEP struct session *make(int fd) {\n"                                 \
	"  struct session *s = calloc(1, sizeof(*s)); if (!s) return s;\n"      \
	"  s->fd = fd; " make " return s; }\n"                                  \
	"KEEP int login(struct session *s, int word) {\n"                       \
	"  if (word != 77) return -1; s->state = 2; " login " return 0; }\n"    \
	"KEEP int ask(struct session *s, int what) {\n"                         \
	"  " ask " return s->state * 10 + what; }\n"                            \
	"KEEP int print(const struct session *s) { return s->fd * 3" print      \
	"; }\n"

static void
a_spare_member_that_became_a_flag_is_refused(void **state)
{
	(void)state;
	each_must_say(
		SESSIONS("", "", "", ""),
		SESSIONS("", "s->spare = 1;", "if (!s->spare) return -13;", ""),
		"R-19", "no code of OLD reads it");
}

static void
a_member_that_was_only_set_is_refused(void **state)
{
	(void)state;
	each_must_say(SESSIONS("s->spare = -1;", "", "", ""),
		      SESSIONS("s->spare = -1;", "s->spare = 4;",
			       "if (s->spare < 0) return -13;", ""),
		      "R-19", "no code of OLD reads it");
}

static void
a_member_that_others_read_is_no_new_one(void **state)
{
	(void)state;
	each_must_prove(SESSIONS("s->spare = 0;", "", "", " + s->spare"),
			SESSIONS("s->spare = 0;", "s->spare = 1;",
				 "if (!s->spare) return -13;", " + s->spare"));
}

static void
a_member_of_one_function_is_no_new_state(void **state)
{
	(void)state;
	each_must_prove(SESSIONS("", "", "", ""),
			SESSIONS("", "",
				 "if (s->hits > 1000) return -1; s->hits++;",
				 ""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spare_member_that_became_a_flag_is_refused),
		cmocka_unit_test(a_member_that_was_only_set_is_refused),
		cmocka_unit_test(a_member_that_others_read_is_no_new_one),
		cmocka_unit_test(a_member_of_one_function_is_no_new_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
