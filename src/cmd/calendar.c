// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "base/file.h"
#include "base/settings.h"
#include "cmd/usage.h"
#include "release/calendar_print.h"
#include "release/zone.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS_PATH "/etc/graft/calendar.conf"

static const char usage[] =
	"usage: graft calendar [--year YEAR] [--ics | --json] [--config FILE]\n"
	"\n"
	"Show on which days releases come, which of them restart, and what each group of\n"
	"devices will live through: restarts and hotpatches, quarter by quarter.\n"
	"\n"
	"  -y, --year YEAR    from 2000 to 2999; without it this year\n"
	"      --ics          print iCalendar (RFC 5545), for other programs to subscribe to\n"
	"      --json         print JSON\n"
	"  -c, --config FILE  settings; without it " SETTINGS_PATH ", or if\n"
	"                     there is none the second Tuesday of each month, with\n"
	"                     baselines in January, April, July and October\n";

/** What a command line says. */
struct request {
	const char *config;
	int year;
	bool ics;
	bool json;
};

/** Read a year. */
static bool
read_year(const char *word, int *ret)
{
	char *end;
	long year = strtol(word, &end, 10);

	if (!*word || *end || year < GRAFT_YEAR_MIN || year > GRAFT_YEAR_MAX)
		return false;
	*ret = (int)year;
	return true;
}

/** Read a command line. False: there is nothing to do. */
static bool
parse(int argc, char **argv, struct request *request, int *status_ret)
{
	static const struct option options[] = {
		{ "year", required_argument, NULL, 'y' },
		{ "config", required_argument, NULL, 'c' },
		{ "ics", no_argument, NULL, 'i' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *wrong = NULL;
	int at;

	while (!wrong &&
	       (at = getopt_long(argc, argv, ":y:c:h", options, NULL)) != -1) {
		switch (at) {
		case 'y':
			if (!read_year(optarg, &request->year))
				wrong = "--year takes a year from 2000 to 2999";
			break;
		case 'c':
			request->config = optarg;
			break;
		case 'i':
			request->ics = true;
			break;
		case 'j':
			request->json = true;
			break;
		default:
			*status_ret = graft_usage_option(argv, at, usage);
			return false;
		}
	}
	if (!wrong && request->ics && request->json)
		wrong = "--ics and --json exclude each other";
	if (!wrong && optind < argc)
		wrong = "it takes no argument";
	if (wrong)
		*status_ret = graft_usage_wrong(argv, "%s", wrong);
	return !wrong;
}

/** Read the settings. Only a file that was named must be there. */
GRAFT_MUST_CHECK static struct graft_error *
read_calendar(const char *path, struct graft_calendar **ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	const char *from = path ? path : SETTINGS_PATH;
	size_t len = 0;
	struct graft_error *err =
		graft_file_read(from, GRAFT_SETTINGS_BYTES_MAX, &bytes, &len);

	if (err && !path && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return graft_calendar_parse("", 0, from, ret);
	}
	return err ? err
		   : graft_calendar_parse((const char *)bytes, len, from, ret);
}

struct graft_error *
graft_verb_calendar(int argc, char **argv, int *status_ret)
{
	struct request request = { 0 };
	GRAFT_CLEANUP(graft_calendar_freep)
	struct graft_calendar *calendar = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	if (!parse(argc, argv, &request, status_ret))
		return NULL;
	struct graft_error *err = read_calendar(request.config, &calendar);
	if (err)
		return err;
	graft_zone_enter(calendar->zone);
	struct graft_calendar_view view = { .calendar = calendar,
					    .year = request.year,
					    .now = time(NULL) };
	struct tm tm;
	if (!view.year && localtime_r(&view.now, &tm))
		view.year = tm.tm_year + 1900;
	err = request.ics    ? graft_calendar_print_ics(&view, &text)
	      : request.json ? graft_calendar_print_json(&view, &text)
			     : graft_calendar_print_text(&view, &text);
	if (!err && text.failed)
		err = graft_error_no_memory();
	if (err)
		return err;
	(void)fputs(graft_text_str(&text), stdout);
	*status_ret = 0;
	return NULL;
}
