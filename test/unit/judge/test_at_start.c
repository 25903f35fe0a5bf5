// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

/** A program that starts, and then answers lines. */
#define LINES(state, start, use)                                                            \
	"#include <stdio.h>\n#include <signal.h>\n#include <fcntl.h>\n"                     \
	"#include <sys/stat.h>\n" PRELUDE state                                             \
	"KEEP static void begin(void) { " start " }\n"                                      \
	"KEEP static int answer(char *line) { " use " }\n"                                  \
	"KEEP static int other(char *line) { return line[1] + (line[2] ? 0 : line[3]); }\n" \
	"int main(void) { char line[99]; begin(); "                                         \
	"while (fgets(line, 99, stdin)) printf(\"%d\\n\", answer(line) + "                  \
	"other(line)); return 0; }\n"

#define LIMIT                                                                  \
	"static volatile long limit, asked; static int (*ops[8])(int);\n"      \
	"KEEP static int one(int n) { return n + 1; }\n"                       \
	"KEEP static int two(int n) { return n + 2; }\n"                       \
	"KEEP static void on(int at, int (*op)(int)) { ops[at] = op; }\n"      \
	"KEEP void option(int n) { limit = n + asked; asked = n - limit; }\n"

static void
what_is_set_at_the_start_must_not_be_counted_on(void **state)
{
	(void)state;
	must_refuse(PROGRAM, LINES(LIMIT, "on(1, one);", "return line[0];"),
		    LINES(LIMIT, "on(1, one); limit = 10;",
			  "return line[0] > limit;"),
		    "R-21");
	must_accept(PROGRAM, LINES(LIMIT, "on(1, one);", "return line[0];"),
		    LINES(LIMIT, "on(1, one); limit = 10;",
			  "return line[0] > 10;"));
	must_accept(PROGRAM,
		    LINES(LIMIT, "limit = 9; on(1, one);", "return line[0];"),
		    LINES(LIMIT, "on(1, one); limit = 9;",
			  "return line[0] > limit;"));
}

static void
what_is_registered_at_the_start_must_not_be_counted_on(void **state)
{
	(void)state;
	must_refuse(PROGRAM,
		    LINES(LIMIT, "on(1, one);", "return ops[1](line[0]);"),
		    LINES(LIMIT, "on(1, one); on(2, two);",
			  "return ops[1](line[0]) + ops[2](1);"),
		    "R-21");
	must_refuse(PROGRAM,
		    LINES(LIMIT, "on(1, one); on(2, two);",
			  "return ops[line[0] & 7](1);"),
		    LINES(LIMIT, "on(1, one); on(3, two);",
			  "return ops[line[0] & 7](3);"),
		    "R-21");
	must_note(
		PROGRAM, LINES(LIMIT, "on(1, one);", "return line[0];"),
		LINES(LIMIT, "on(1, one); on(2, two);", "return line[0] > 7;"),
		"R-21");
}

#define STOP                                                                   \
	"static volatile int stopped; static int runs;\n"                      \
	"KEEP static void stop(int n) { stopped = n; }\n"                      \
	"KEEP void run(int n) { stopped = 0; runs = n; }\n"

static void
a_handler_that_is_put_up_at_the_start_is_not_there(void **state)
{
	(void)state;
	must_refuse(PROGRAM,
		    LINES(STOP, "signal(SIGHUP, stop);", "return line[0];"),
		    LINES(STOP, "signal(SIGHUP, stop); signal(SIGTERM, stop);",
			  "return stopped ? -1 : line[0];"),
		    "R-21");
	must_note(PROGRAM,
		  LINES(STOP, "signal(SIGHUP, stop);", "return line[0];"),
		  LINES(STOP, "signal(SIGHUP, stop); signal(SIGTERM, stop);",
			"return line[0] + 1;"),
		  "R-21");
}

static void
what_the_process_has_from_its_start_must_not_be_counted_on(void **state)
{
	(void)state;
	must_refuse(
		PROGRAM,
		LINES("", "puts(\"on\");",
		      "mode_t was = umask(077); int fd = open(line, O_CREAT, 0666); umask(was); return fd;"),
		LINES("", "puts(\"on\"); umask(077);",
		      "return open(line, O_CREAT, 0666);"),
		"R-21");
	must_note(PROGRAM, LINES("", "puts(\"on\");", "return line[0];"),
		  LINES("", "puts(\"on\"); umask(077);", "return line[0] > 5;"),
		  "R-21");
}

static void
what_is_called_again_and_again_is_no_start(void **state)
{
	const char *was = LINES(LIMIT "KEEP static void set(int n) "
				      "{ if (n > 3) asked = n; }\n",
				"on(1, one);", "set(line[0]); return line[1];");
	const char *is = LINES(LIMIT "KEEP static void set(int n) "
				     "{ if (n > 3) asked = n; limit = 5; }\n",
			       "on(1, one);",
			       "set(line[0]); return line[1] > limit;");

	(void)state;
	must_accept(PROGRAM, was, is);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_is_set_at_the_start_must_not_be_counted_on),
		cmocka_unit_test(
			what_is_registered_at_the_start_must_not_be_counted_on),
		cmocka_unit_test(
			a_handler_that_is_put_up_at_the_start_is_not_there),
		cmocka_unit_test(
			what_the_process_has_from_its_start_must_not_be_counted_on),
		cmocka_unit_test(what_is_called_again_and_again_is_no_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
