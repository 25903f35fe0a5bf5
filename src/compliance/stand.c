// SPDX-License-Identifier: Apache-2.0

#include "compliance/stand.h"

#include "trust/instant.h"
#include "trust/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	DAY_S = 24 * 3600,
	WIDTH = 24,
	MINUTES_LEN = 16,
};

struct graft_compliance_stand
graft_compliance_stand_find(const struct graft_compliance *report, int64_t now,
			    int64_t late_s)
{
	struct graft_compliance_stand stand = { 0 };

	if (!report || report->expires <= now) {
		stand.silent = true;
		stand.silent_since = report ? report->made : 0;
	}
	if (!report)
		return stand;
	if (report->wanted_since && now - report->wanted_since > late_s)
		stand.late_s = now - report->wanted_since;
	if (report->looked_good && now - report->looked_good > late_s)
		stand.blind_s = now - report->looked_good;
	return stand;
}

void
graft_compliance_table_deinit(struct graft_compliance_table *table)
{
	graft_text_deinit(&table->text);
}

void
graft_compliance_table_begin(struct graft_compliance_table *table)
{
	if (table->facts)
		graft_text_put(&table->text, "[");
	else if (table->json)
		graft_text_put(&table->text, "{\"hosts\":[");
	else
		graft_text_printf(&table->text,
				  "%-*s  %-9s  %-10s  %-10s  %-16s  %s\n",
				  WIDTH, "HOST", "STATE", "LEVEL", "TARGET",
				  "REPORTED", "KEY");
}

/** Append a time to the minute. */
static void
put_minute(struct graft_text *text, int64_t at)
{
	char word[GRAFT_INSTANT_LEN];

	graft_instant_print(at, word);
	word[strlen("2026-11-10")] = ' ';
	graft_text_printf(text, "%.*s", MINUTES_LEN, word);
}

/** Append each reason, with who can do something about it and what. */
static void
put_reasons(struct graft_text *text, const struct graft_node *reasons)
{
	const struct graft_node *at = reasons ? graft_node_first(reasons)
					      : NULL;

	for (uint32_t i = 0; reasons && i < reasons->count; i++) {
		graft_text_put(text, "    ");
		graft_text_put_safe(text, graft_node_get(at, "text")->text);
		graft_text_put(text, "; ");
		graft_text_put_safe(text, graft_node_get(at, "owner")->text);
		graft_text_put(text, ": ");
		graft_text_put_safe(text, graft_node_get(at, "remedy")->text);
		graft_text_put(text, "\n");
		at = graft_node_next(at);
	}
}

/** Append what is not as it should be with a host that speaks. */
static void
put_notes(struct graft_text *text, const struct graft_compliance *report,
	  const struct graft_compliance_stand *stand)
{
	const struct graft_compliance_processes *p = &report->processes;

	if (stand->late_s)
		graft_text_printf(text,
				  "    late: a release that it should have is "
				  "%lld days old\n",
				  (long long)(stand->late_s / DAY_S));
	if (stand->blind_s)
		graft_text_printf(text,
				  "    late: it has not seen its repository "
				  "for %lld days\n",
				  (long long)(stand->blind_s / DAY_S));
	if (report->error) {
		graft_text_put(text, "    its last look for releases failed: ");
		graft_text_put_safe(text, report->error);
		graft_text_put(text, "\n");
	}
	if (p->due || p->refused || p->restart)
		graft_text_printf(text,
				  "    old code: %" PRIu64
				  " processes to be hotpatched, %" PRIu64
				  " refused, %" PRIu64 " need a restart\n",
				  p->due, p->refused, p->restart);
	if (report->restart_at) {
		graft_text_put(text, "    it restarts at ");
		put_minute(text, report->restart_at);
		graft_text_put(text, " UTC\n");
	}
	if (report->state != GRAFT_COMPLIANCE_CURRENT)
		put_reasons(text, report->reasons);
}

static void
put_row(struct graft_compliance_table *table,
	const struct graft_compliance_host *host,
	const struct graft_compliance_stand *stand)
{
	const struct graft_compliance *report = host->report;
	struct graft_text *text = &table->text;

	graft_text_printf(
		text, "%-*s  %-9s  %-10s  %-10s  ", WIDTH, host->host,
		stand->silent ? "silent"
			      : graft_compliance_state_name(report->state),
		report ? graft_level_write(report->facts.level).str : "-",
		report ? graft_level_write(report->target).str : "-");
	if (report)
		put_minute(text, report->made);
	else
		graft_text_printf(text, "%-*s", MINUTES_LEN, "never");
	graft_text_printf(text, "  %.12s%s\n", host->key_id,
			  host->first_use ? " (first use)" : "");
	if (host->wrong) {
		graft_text_put(text, "    ");
		graft_text_put_safe(text, graft_error_message(host->wrong));
		graft_text_put(text, "\n");
	}
	if (report && !stand->silent)
		put_notes(text, report, stand);
}

/** Append what a host says; the report itself whole, as it was signed. */
static void
put_json(struct graft_compliance_table *table,
	 const struct graft_compliance_host *host,
	 const struct graft_compliance_stand *stand)
{
	const struct graft_compliance *report = host->report;
	struct graft_text *text = &table->text;

	graft_text_printf(text,
			  "%s{\"host\":\"%s\",\"state\":\"%s\",\"key\":\"%s\","
			  "\"first_use\":%s",
			  table->count ? "," : "", host->host,
			  stand->silent
				  ? "silent"
				  : graft_compliance_state_name(report->state),
			  host->key_id, host->first_use ? "true" : "false");
	graft_text_put(text, ",\"silent_since\":");
	graft_json_put_instant(text, stand->silent_since);
	graft_text_printf(text,
			  ",\"late\":%s,\"late_days\":%lld,"
			  "\"blind_days\":%lld,\"wrong\":",
			  stand->late_s || stand->blind_s ? "true" : "false",
			  (long long)(stand->late_s / DAY_S),
			  (long long)(stand->blind_s / DAY_S));
	if (host->wrong) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text safe = { 0 };
		graft_text_put_safe(&safe, graft_error_message(host->wrong));
		graft_json_put_string(text, graft_text_str(&safe), safe.len);
	} else {
		graft_text_put(text, "null");
	}
	graft_text_put(text, ",\"report\":");
	if (report)
		graft_json_put_node(text, report->signed_part);
	else
		graft_text_put(text, "null");
	graft_text_put(text, "}");
}

/** Append the facts of a host under its name. */
static void
put_facts(struct graft_compliance_table *table,
	  const struct graft_compliance_host *host)
{
	char name[GRAFT_FACT_LEN + 2];

	(void)snprintf(name, sizeof(name), "\"%.*s\"", GRAFT_FACT_LEN - 1,
		       host->host);
	struct graft_json_member members[] = { { "name", name } };
	graft_text_put(&table->text, table->count ? ",\n" : "\n");
	graft_json_put_merged(
		&table->text,
		graft_node_get(host->report->signed_part, "facts"), members, 1);
}

struct graft_error *
graft_compliance_table_add(void *arg, const struct graft_compliance_host *host)
{
	struct graft_compliance_table *table = arg;
	const struct graft_compliance_stand stand = graft_compliance_stand_find(
		host->report, table->now, table->late_s);

	if (table->facts && stand.silent)
		return NULL;
	if (table->facts)
		put_facts(table, host);
	else if (table->json)
		put_json(table, host, &stand);
	else
		put_row(table, host, &stand);
	table->count++;
	table->wrong += host->wrong != NULL;
	table->first_use += host->first_use;
	table->silent += stand.silent;
	const bool late = stand.late_s || stand.blind_s;
	table->late += late;
	table->fine += !stand.silent && !late &&
		       host->report->state == GRAFT_COMPLIANCE_CURRENT;
	if (!stand.silent)
		table->states[host->report->state]++;
	return table->text.failed ? graft_error_no_memory() : NULL;
}

struct graft_error *
graft_compliance_table_end(struct graft_compliance_table *table)
{
	struct graft_text *text = &table->text;

	if (table->facts)
		graft_text_put(text, "\n]\n");
	else if (table->json)
		graft_text_printf(text, "],\"count\":%zu,\"states\":{",
				  table->count);
	else
		graft_text_printf(text, "%zu host%s: ", table->count,
				  table->count == 1 ? "" : "s");
	for (size_t i = 0; !table->facts && i < GRAFT_COMPLIANCE_STATES; i++) {
		if (table->json || table->states[i])
			graft_text_printf(
				text, table->json ? "\"%s\":%zu," : "%s %zu, ",
				graft_compliance_state_name(i),
				table->states[i]);
	}
	if (table->json)
		graft_text_printf(text,
				  "\"silent\":%zu},\"late\":%zu,"
				  "\"first_use\":%zu,\"wrong\":%zu}\n",
				  table->silent, table->late, table->first_use,
				  table->wrong);
	else if (!table->facts)
		graft_text_printf(text, "silent %zu; late %zu\n", table->silent,
				  table->late);
	return text->failed ? graft_error_no_memory() : NULL;
}
