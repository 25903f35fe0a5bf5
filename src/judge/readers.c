// SPDX-License-Identifier: Apache-2.0

#include "judge/readers.h"

#include <stddef.h>
#include <string.h>

static bool
is_among(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

bool
graft_import_prints(const char *name)
{
	// `fprintf_chk` and the like are what _FORTIFY_SOURCE makes of them.
	static const char *const names[] = {
		"printf",
		"fprintf",
		"dprintf",
		"sprintf",
		"snprintf",
		"asprintf",
		"vprintf",
		"vfprintf",
		"vdprintf",
		"vsprintf",
		"vsnprintf",
		"vasprintf",
		"__printf_chk",
		"__fprintf_chk",
		"__dprintf_chk",
		"__sprintf_chk",
		"__snprintf_chk",
		"__asprintf_chk",
		"__vprintf_chk",
		"__vfprintf_chk",
		"__vsprintf_chk",
		"__vsnprintf_chk",
		"__vasprintf_chk",
		"puts",
		"fputs",
		"fputs_unlocked",
		"fwrite",
		"fwrite_unlocked",
		"write",
		"perror",
		"strlen",
		"syslog",
		"vsyslog",
		"__syslog_chk",
		"__vsyslog_chk",
		"warn",
		"warnx",
		"vwarn",
		"vwarnx",
		"err",
		"errx",
		"verr",
		"verrx",
		"error",
		"__assert_fail",
		"sd_journal_print",
		"sd_journal_send",
	};

	return is_among(name, names, sizeof(names) / sizeof(*names));
}

bool
graft_import_only_reads(const char *name)
{
	static const char *const names[] = {
		"memcmp", "bcmp",    "memcpy",  "memmove",     "mempcpy",
		"memchr", "strcmp",  "strlen",  "strcasecmp",  "strncmp",
		"strspn", "strcspn", "strnlen", "strncasecmp",
	};

	return is_among(name, names, sizeof(names) / sizeof(*names)) ||
	       graft_import_prints(name);
}

bool
graft_import_takes_nothing(const char *name)
{
	static const char *const names[] = { "__stack_chk_fail", "abort" };

	return is_among(name, names, sizeof(names) / sizeof(*names));
}
