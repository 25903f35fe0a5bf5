// SPDX-License-Identifier: Apache-2.0

#include "persist/scripts.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/** Count what is found in a script of one line. */
static size_t
count(const char *line)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text script = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	size_t found = 0;

	graft_text_printf(&script, "#!/bin/sh\nset -e\n%s\n", line);
	assert_null(graft_scripts_scan("postinst", script.str, script.len, &out,
				       &found));
	if (found)
		assert_non_null(strstr(out.str, "postinst, line 3: "));
	return found;
}

static void
what_acts_on_services_directly_is_found(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"systemctl restart foo.service",
		"\tsystemctl --no-block try-restart foo || true",
		"if true; then systemctl -q start foo; fi",
		"service foo restart",
		"[ -x /etc/init.d/foo ] && /etc/init.d/foo restart",
		"/etc/init.d/foo force-reload >/dev/null",
		"start-stop-daemon --stop --exec /usr/sbin/foo",
		"systemctl stop foo",
		"(service foo condrestart)",
		"systemctl restart foo || invoke-rc.d foo restart",
		"deb-systemd-invoke stop a; systemctl start b",
		"echo restarting; service foo restart",
		"pkill -HUP foo",
		"killall food || true",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		if (count(lines[i]) != 1)
			fail_msg("not found: %s", lines[i]);
	}
}

static void
what_asks_first_or_does_nothing_is_not(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"invoke-rc.d foo restart",
		"deb-systemd-invoke $_dh_action foo.service >/dev/null || true",
		"systemctl --system daemon-reload >/dev/null || true",
		"systemctl enable foo",
		"# systemctl restart foo",
		"echo run systemctl restart foo yourself",
		"if [ -x \"/etc/init.d/foo\" ]; then",
		"update-rc.d foo defaults >/dev/null",
		"myservice foo restart",
		"systemctl is-active foo",
		"chmod 755 /etc/init.d/foo",
		"[ -x /etc/init.d/foo ] && invoke-rc.d foo restart || exit $?",
		"deb-systemd-invoke stop dbus.socket dbus.service || exit $?",
		"command -v systemctl >/dev/null && deb-systemd-invoke stop a",
		"command -v pkill >/dev/null",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		if (count(lines[i]) != 0)
			fail_msg("found: %s", lines[i]);
	}
}

static void
a_script_that_is_a_program_is_named(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	size_t found = 0;

	assert_null(graft_scripts_scan("preinst", "\177ELF", 4, &out, &found));
	assert_int_equal(found, 1);
	assert_non_null(strstr(out.str, "preinst: a program"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_acts_on_services_directly_is_found),
		cmocka_unit_test(what_asks_first_or_does_nothing_is_not),
		cmocka_unit_test(a_script_that_is_a_program_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
