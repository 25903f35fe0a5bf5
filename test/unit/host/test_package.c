// SPDX-License-Identifier: Apache-2.0

// What dpkg's log and a changelog say of an upgrade.

#include "host/package.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char LOG[] =
	"2026-11-20 12:00:01 startup archives unpack\n"
	"2026-11-20 12:00:01 upgrade libssl3:amd64 3.0.11-1 3.0.13-1\n"
	"2026-11-20 12:00:02 status half-installed libssl3:amd64 3.0.11-1\n"
	"2026-11-20 12:00:03 upgrade libssl3:i386 3.0.10-1 3.0.13-1\n"
	"2026-11-20 12:00:03 upgrade libssl3-dev:amd64 3.0.9-1 3.0.13-1\n"
	"2026-11-21 12:00:01 upgrade libssl3:amd64 3.0.12-1 3.0.13-1\n"
	"2026-11-21 12:00:01 upgrade libssl3:amd64 3.0.13-1 3.0.14-1\n"
	"2026-11-21 12:00:01 upgrade cut:amd64 1";

static void
before(const char *name, const char *version, const char *expected)
{
	GRAFT_FREE char *got = NULL;

	assert_null(graft_package_old_version(LOG, strlen(LOG), name, version,
					      &got));
	if (expected)
		assert_string_equal(got, expected);
	else
		assert_null(got);
}

static void
the_last_upgrade_to_a_version_counts(void **state)
{
	(void)state;
	before("libssl3:amd64", "3.0.13-1", "3.0.12-1");
	before("libssl3:i386", "3.0.13-1", "3.0.10-1");
	before("libssl3:amd64", "3.0.14-1", "3.0.13-1");
	before("libssl3:amd64", "3.0.11-1", NULL);
	before("libssl3", "3.0.13-1", "3.0.12-1");
	before("libssl", "3.0.13-1", NULL);
	before("libssl3:amd6", "3.0.13-1", NULL);
	before("cut:amd64", "1", NULL);
}

static const char CHANGELOG[] =
	"openssl (3.0.14-1) bookworm-security; urgency=medium\n\n"
	"  * CVE-2026-1111 (one), CVE-2026-22222; CVE-2026-1111 again\n"
	"  * no: CVE-2026-1 xCVE-20-1234 CVE-2026_1234 CVE-2026-123\n\n"
	" -- A <a@example.org>  Fri, 20 Nov 2026 12:00:00 +0000\n\n"
	"openssl (3.0.13-1) bookworm-security; urgency=medium\n\n"
	"  * mentions openssl (3.0.12-1) in a line: CVE-2026-3333\n\n"
	"openssl (3.0.12-1) bookworm; urgency=medium\n\n"
	"  * CVE-2025-4444\n";

static void
finds(const char *text, const char *old_version, const char *expected)
{
	struct graft_package package = { 0 };
	char all[256] = "";

	assert_null(graft_package_find_cves(text, strlen(text), old_version,
					    &package));
	for (size_t i = 0; i < package.cve_count; i++) {
		(void)strcat(all, package.cves[i]);
		(void)strcat(all, " ");
		free(package.cves[i]);
	}
	free(package.cves);
	assert_string_equal(all, expected);
}

static void
what_was_fixed_since_the_old_version_is_found(void **state)
{
	(void)state;
	finds(CHANGELOG, "3.0.13-1", "CVE-2026-1111 CVE-2026-22222 ");
	finds(CHANGELOG, "3.0.12-1",
	      "CVE-2026-1111 CVE-2026-22222 CVE-2026-3333 ");
	// Of an unknown one: what the last upload fixed.
	finds(CHANGELOG, NULL, "CVE-2026-1111 CVE-2026-22222 ");
	finds(CHANGELOG, "3.0.14-1", "");
	// A rebuild has its entry in another file; who goes back has fixed nothing.
	finds(CHANGELOG, "3.0.13-1+b2", "CVE-2026-1111 CVE-2026-22222 ");
	finds(CHANGELOG, "3.0.13-0ubuntu3",
	      "CVE-2026-1111 CVE-2026-22222 CVE-2026-3333 ");
	finds(CHANGELOG, "3.0.15-1", "");
	finds("", "1", "");
	finds("CVE-2026-123", NULL, "");
	finds("CVE-2026-1234", NULL, "CVE-2026-1234 ");
	finds("a (1) b\nCVE-2026-99999999999999999999999999999", NULL, "");
}

static void
a_host_without_such_files_has_no_packages(void **state)
{
	static const char *const paths[] = { "/no such file", "/",
					     "/a*[b]?\\c" };
	GRAFT_CLEANUP(graft_packages_freep)
	struct graft_packages *packages = NULL;

	(void)state;
	assert_null(graft_packages_find(paths, 3, &packages));
	assert_int_equal(packages->count, 0);
	for (size_t i = 0; i < 3; i++)
		assert_true(packages->of[i] == SIZE_MAX);
}

static void
the_package_of_a_program_is_found(void **state)
{
	static const char *const paths[] = {
		"/usr/bin/dpkg-query", "/usr/lib/x86_64-linux-gnu/libc.so.6",
		"/usr/bin/dpkg"
	};
	GRAFT_CLEANUP(graft_packages_freep)
	struct graft_packages *packages = NULL;

	(void)state;
	assert_null(graft_packages_find(paths, 3, &packages));
	assert_int_equal(packages->count, 2);
	assert_int_equal(packages->of[0], packages->of[2]);
	const struct graft_package *dpkg = &packages->packages[packages->of[0]];
	assert_string_equal(dpkg->name, "dpkg");
	assert_string_equal(dpkg->source, "dpkg");
	assert_non_null(dpkg->version);
	// Where /lib is a link, dpkg still lists it there.
	const struct graft_package *libc = &packages->packages[packages->of[1]];
	assert_string_equal(libc->name, "libc6:amd64");
	assert_string_equal(libc->source, "glibc");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_upgrade_to_a_version_counts),
		cmocka_unit_test(what_was_fixed_since_the_old_version_is_found),
		cmocka_unit_test(a_host_without_such_files_has_no_packages),
		cmocka_unit_test(the_package_of_a_program_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
