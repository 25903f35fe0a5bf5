// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What is fixed on a host, as scanners read it: OpenVEX 0.2.0 and CycloneDX 1.5. A
 * vulnerability that an upgrade fixed on disk is fixed in memory only if no process runs
 * old code of that source package.
 */

#ifndef GRAFT_REPORT_VEX_H
#define GRAFT_REPORT_VEX_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A source package that was upgraded, and what that fixed. All strings are borrowed. */
struct graft_report_fix {
	/** "openssl", "3.0.13-1". */
	const char *source;
	const char *version;
	/** Names of the binary packages, "libssl3:amd64" or "nginx". */
	const char *const *packages;
	size_t package_count;
	/** "CVE-2026-1234". */
	const char *const *cves;
	size_t cve_count;
	/** No process runs code from before: each maps the new files, or was hotpatched. */
	bool in_memory;
	/** Otherwise who does, and what helps, in sentences. */
	const char *rest;
};

/** What a report is about. */
struct graft_report_fixes {
	const struct graft_report_fix *fixes;
	size_t count;
	/** Unix time in seconds. */
	uint64_t now;
	/** Name of the host, and who its packages are of: "debian". */
	const char *host;
	const char *vendor;
	/** Processes that could not be looked at: nothing counts as in memory then. */
	size_t unseen;
};

/**
 * Append the fixes as an OpenVEX document and a newline.
 *
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if there is nothing to say: such a document has a
 * statement at least.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_report_print_openvex(const struct graft_report_fixes *fixes,
			   struct graft_text *text);

/** Append the fixes as a CycloneDX document of vulnerabilities, and a newline. */
GRAFT_MUST_CHECK struct graft_error *
graft_report_print_cyclonedx(const struct graft_report_fixes *fixes,
			     struct graft_text *text);

#endif /* GRAFT_REPORT_VEX_H */
