// SPDX-License-Identifier: Apache-2.0

// Which service a control group is, and how it is restarted.

#include "host/unit.h"

#include "base/cleanup.h"
#include "proc/cgroup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/** One control group. */
struct example {
	const char *cgroup;
	enum graft_unit_kind kind;
	const char *name;
	const char *restart;
};

static const struct example EXAMPLES[] = {
	{ "/", GRAFT_UNIT_NONE, NULL, "restart process 7 (x y)" },
	{ "/system.slice/nginx.service", GRAFT_UNIT_SYSTEM, "nginx.service",
	  "systemctl restart nginx.service" },
	{ "/system.slice/system-postgresql.slice/postgresql@15-main.service",
	  GRAFT_UNIT_SYSTEM, "postgresql@15-main.service",
	  "systemctl restart postgresql@15-main.service" },
	// What is below a unit is what the unit made of itself.
	{ "/system.slice/a.service/evil.service/b", GRAFT_UNIT_SYSTEM,
	  "a.service", "systemctl restart a.service" },
	{ "/system.slice/dev-disk\\x2d1.service", GRAFT_UNIT_SYSTEM,
	  "dev-disk\\x2d1.service",
	  "systemctl restart $'dev-disk\\\\x2d1.service'" },
	{ "/system.slice/a'; reboot #.service", GRAFT_UNIT_SYSTEM,
	  "a'; reboot #.service",
	  "systemctl restart $'a\\'; reboot #.service'" },
	{ "/system.slice/\033[2J.service", GRAFT_UNIT_SYSTEM, "\033[2J.service",
	  "systemctl restart $'\\x1b[2J.service'" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/a.service",
	  GRAFT_UNIT_USER, "a.service",
	  "systemctl --user --machine=1000@.host restart a.service" },
	// What begins as an option does is none.
	{ "/user.slice/user-1000.slice/user@1000.service/-Hevil.service",
	  GRAFT_UNIT_USER, "-Hevil.service",
	  "systemctl --user --machine=1000@.host restart -- -Hevil.service" },
	{ "/user.slice/user-1000.slice/user@1000.service/init.scope",
	  GRAFT_UNIT_SYSTEM, "user@1000.service",
	  "systemctl restart user@1000.service" },
	// systemd would end what is in a scope, and start nothing.
	{ "/system.slice/run-r1.scope", GRAFT_UNIT_SYSTEM, "run-r1.scope",
	  "restart process 7 (x y) of run-r1.scope" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-a.scope",
	  GRAFT_UNIT_USER, "app-a.scope",
	  "restart process 7 (x y) of app-a.scope" },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID
	  ".scope/container",
	  GRAFT_UNIT_CONTAINER, ID,
	  "systemd-run --user --machine=1000@.host podman restart " ID },
	{ "/machine.slice/libpod-" ID ".scope/container", GRAFT_UNIT_CONTAINER,
	  ID, "podman restart " ID },
	{ "/machine.slice/machine-web.scope/payload", GRAFT_UNIT_CONTAINER,
	  "web", "machinectl reboot web" },
	{ "/machine.slice/machine--x.scope", GRAFT_UNIT_CONTAINER, "-x",
	  "machinectl reboot -- -x" },
	// "a-b", as systemd writes it: nobody else calls it so.
	{ "/machine.slice/machine-a\\x2db.scope", GRAFT_UNIT_CONTAINER,
	  "a\\x2db", "restart the container $'a\\\\x2db'" },
	{ "/lxc-one.scope", GRAFT_UNIT_CONTAINER, "one",
	  "restart the container one" },
	{ "/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope",
	  GRAFT_UNIT_CONTAINER, ID, "crictl stop " ID },
	{ "/user.slice/user-1000.slice/session-3.scope", GRAFT_UNIT_SESSION,
	  "session-3.scope", "log out and in: session-3.scope" },
	{ "/init.scope", GRAFT_UNIT_INIT, "init.scope",
	  "systemctl daemon-reexec" },
	{ "/system.slice/docker-" ID ".scope", GRAFT_UNIT_CONTAINER, ID,
	  "docker restart " ID },
	{ "/docker/" ID, GRAFT_UNIT_CONTAINER, ID, "docker restart " ID },
	{ "/kubepods/besteffort/pod1/" ID, GRAFT_UNIT_CONTAINER, ID,
	  "restart the container " ID },
	{ "/docker/" ID "0", GRAFT_UNIT_NONE, NULL, "restart process 7 (x y)" },
	{ "/.service", GRAFT_UNIT_NONE, NULL, "restart process 7 (x y)" },
	{ "///", GRAFT_UNIT_NONE, NULL, "restart process 7 (x y)" },
	{ "/a.slice", GRAFT_UNIT_NONE, NULL, "restart process 7 (x y)" },
};

static void
control_groups_name_their_units(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(EXAMPLES) / sizeof(*EXAMPLES); i++) {
		const struct example *example = &EXAMPLES[i];
		GRAFT_CLEANUP(graft_unit_deinit) struct graft_unit unit;
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
		assert_null(graft_unit_parse(example->cgroup, &unit));
		assert_int_equal(unit.kind, example->kind);
		if (example->name)
			assert_string_equal(unit.name, example->name);
		else
			assert_null(unit.name);
		graft_unit_put_restart(&unit, 7, "x y", &text);
		assert_string_equal(graft_text_str(&text), example->restart);
	}
}

static void
the_group_of_systemd_is_found_in_both_versions(void **state)
{
	static const char *const texts[][2] = {
		{ "0::/system.slice/a.service\n", "/system.slice/a.service" },
		{ "0::/a:b\n", "/a:b" },
		{ "12:cpu,cpuacct:/x\n1:name=systemd:/b.service\n0::/\n",
		  "/b.service" },
		{ "0::/v2\n1:name=systemd:/v1\n", "/v2" },
		{ "3:memory:/x\n", "/" },
		{ "0::/", "/" },
		{ "0::/no newline", "/no newline" },
		{ "", "/" },
		{ ":", "/" },
		{ "0::\n", "/" },
		{ "0::relative\n", "/" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		GRAFT_FREE char *path = NULL;
		assert_null(graft_cgroup_parse(texts[i][0], &path));
		assert_string_equal(path, texts[i][1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_groups_name_their_units),
		cmocka_unit_test(
			the_group_of_systemd_is_found_in_both_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
