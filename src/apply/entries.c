// SPDX-License-Identifier: Apache-2.0

#include "apply/entries.h"

#include "base/hex.h"
#include "proc/status.h"

#include <stdlib.h>
#include <string.h>

void
graft_entries_deinit(struct graft_entries *entries)
{
	free(entries->ids);
	*entries = (struct graft_entries){ 0 };
}

void
graft_entries_boot_id(char ret[GRAFT_BOOT_ID_SIZE])
{
	ssize_t len = graft_proc_slurp(ret, GRAFT_BOOT_ID_SIZE, "%s",
				       "/proc/sys/kernel/random/boot_id");
	if (len < 0)
		len = 0;
	ret[len] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

GRAFT_MUST_CHECK static struct graft_error *
begin_one(struct graft_ledger *ledger, const struct graft_entries_who *who,
	  enum graft_ledger_verb verb, const struct graft_header *header,
	  int64_t *id_ret)
{
	char build_id[2 * GRAFT_PATCH_BUILD_ID_MAX + 1];

	graft_hex_encode(header->old_build_id, header->old_build_id_len,
			 build_id);
	struct graft_ledger_entry entry = {
		.verb = verb,
		.pid = who->pid,
		.start_ticks = who->start_ticks,
		.boot_id = (char *)who->boot_id,
		.comm = (char *)who->comm,
		.patch_id = (char *)header->id,
		.module = header->module,
		.build_id = build_id,
		.header_addr = header->addr,
		.header_len = header->len,
		.function_count = header->redirect_count,
	};
	return graft_ledger_begin(ledger, &entry, id_ret);
}

/** Write the outcome of all entries. */
GRAFT_MUST_CHECK static struct graft_error *
finish(struct graft_ledger *ledger, const struct graft_entries *entries,
       enum graft_ledger_outcome outcome, uint64_t pause_us, const char *note)
{
	struct graft_error *first = NULL;

	for (size_t i = 0; i < entries->count; i++) {
		struct graft_error *err = graft_ledger_finish(
			ledger, entries->ids[i], outcome, pause_us, note);
		if (first)
			graft_error_free(err);
		else
			first = err;
	}
	return first;
}

struct graft_error *
graft_entries_begin(struct graft_ledger *ledger,
		    const struct graft_entries_who *who,
		    enum graft_ledger_verb verb,
		    const struct graft_header *const *headers, size_t count,
		    struct graft_entries *ret)
{
	GRAFT_CLEANUP(graft_entries_deinit)
	struct graft_entries entries = { 0 };

	entries.ids = calloc(count + 1, sizeof(*entries.ids));
	if (!entries.ids)
		return graft_error_no_memory();
	while (entries.count < count) {
		struct graft_error *err =
			begin_one(ledger, who, verb, headers[entries.count],
				  &entries.ids[entries.count]);
		if (err) {
			graft_error_free(finish(ledger, &entries,
						GRAFT_LEDGER_UNDONE, 0,
						graft_error_message(err)));
			return err;
		}
		entries.count++;
	}
	*ret = entries;
	entries = (struct graft_entries){ 0 };
	return NULL;
}

struct graft_error *
graft_entries_conclude(struct graft_ledger *ledger,
		       const struct graft_entries *entries, uint64_t pause_us,
		       const char *note, struct graft_error *err)
{
	enum graft_ledger_outcome outcome = GRAFT_LEDGER_DONE;

	if (err)
		outcome = graft_error_code(err) == GRAFT_ERROR_TARGET_GONE
				  ? GRAFT_LEDGER_GONE
				  : GRAFT_LEDGER_UNDONE;
	struct graft_error *bad = finish(ledger, entries, outcome, pause_us,
					 err ? graft_error_message(err) : note);
	if (!err)
		return bad;
	graft_error_free(bad);
	return err;
}
