// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/readers.h"

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

static bool
prints(const char *name)
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
graft_import_parses(const char *name)
{
	static const char *const names[] = {
		"memcmp",
		"bcmp",
		"memchr",
		"memrchr",
		"rawmemchr",
		"memmem",
		"strcmp",
		"strncmp",
		"strcasecmp",
		"strncasecmp",
		"strcoll",
		"strverscmp",
		"strchr",
		"strrchr",
		"strchrnul",
		"strstr",
		"strcasestr",
		"strpbrk",
		"strspn",
		"strcspn",
		"strtok",
		"strtok_r",
		"strsep",
		"atoi",
		"atol",
		"atoll",
		"atof",
		"strtol",
		"strtoul",
		"strtoll",
		"strtoull",
		"strtod",
		"strtof",
		"strtoimax",
		"strtoumax",
		"__isoc23_strtol",
		"__isoc23_strtoul",
		"__isoc23_strtoll",
		"__isoc23_strtoull",
		"sscanf",
		"__isoc99_sscanf",
		"__isoc23_sscanf",
		"vsscanf",
		"fnmatch",
		"strptime",
		"regexec",
		"g_strcmp0",
		"g_str_equal",
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
	       prints(name);
}

bool
graft_import_takes_nothing(const char *name)
{
	static const char *const names[] = { "__stack_chk_fail", "abort" };

	return is_among(name, names, sizeof(names) / sizeof(*names));
}
