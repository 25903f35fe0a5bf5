// SPDX-License-Identifier: Apache-2.0

#include "agent/table.h"

#include "base/vec.h"

#include <string.h>

void
graft_table_deinit(struct graft_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->processes[i]);
	free(table->processes);
	*table = (struct graft_table){ 0 };
}

/** Find the first process with this number or a larger one. */
static size_t
position(const struct graft_table *table, pid_t pid)
{
	size_t low = 0;
	size_t high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (table->processes[middle]->pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct graft_table_process *
graft_table_find(const struct graft_table *table, pid_t pid)
{
	size_t at = position(table, pid);

	return at < table->count && table->processes[at]->pid == pid
		       ? table->processes[at]
		       : NULL;
}

struct graft_error *
graft_table_get(struct graft_table *table, pid_t pid, uint64_t start_ticks,
		struct graft_table_process **ret)
{
	size_t at = position(table, pid);
	struct graft_table_process *process =
		at < table->count && table->processes[at]->pid == pid
			? table->processes[at]
			: NULL;

	table->added += !process || process->start_ticks != start_ticks;
	if (process && process->start_ticks != start_ticks)
		*process = (struct graft_table_process){ .pid = pid };
	if (!process) {
		struct graft_error *err = graft_vec_reserve(
			&table->processes, &table->room, table->count + 1,
			sizeof(*table->processes));
		if (err)
			return err;
		process = calloc(1, sizeof(*process));
		if (!process)
			return graft_error_no_memory();
		process->pid = pid;
		memmove(&table->processes[at + 1], &table->processes[at],
			(table->count - at) * sizeof(*table->processes));
		table->processes[at] = process;
		table->count++;
	}
	process->start_ticks = start_ticks;
	*ret = process;
	return NULL;
}

void
graft_table_drop(struct graft_table *table, pid_t pid)
{
	size_t at = position(table, pid);

	if (at >= table->count || table->processes[at]->pid != pid)
		return;
	free(table->processes[at]);
	table->count--;
	memmove(&table->processes[at], &table->processes[at + 1],
		(table->count - at) * sizeof(*table->processes));
}

void
graft_table_drop_others(struct graft_table *table, uint32_t round)
{
	size_t left = 0;

	for (size_t i = 0; i < table->count; i++) {
		if (table->processes[i]->round == round)
			table->processes[left++] = table->processes[i];
		else
			free(table->processes[i]);
	}
	table->count = left;
}

void
graft_table_set_needs(struct graft_table_process *process,
		      const struct graft_table_need *needs, size_t count)
{
	struct graft_table_need made[1 + GRAFT_TABLE_WANTS];

	if (count > 1 + GRAFT_TABLE_WANTS)
		count = 1 + GRAFT_TABLE_WANTS;
	for (size_t i = 0; i < count; i++) {
		made[i] = (struct graft_table_need){ .serial = needs[i].serial,
						     .what = needs[i].what };
		for (size_t k = 0; k < process->need_count; k++) {
			if (process->needs[k].serial != needs[i].serial)
				continue;
			made[i] = process->needs[k];
			made[i].what = needs[i].what;
		}
		made[i].displaced = needs[i].displaced;
	}
	memcpy(process->needs, made, count * sizeof(*made));
	process->need_count = count;
}

bool
graft_table_is_due(const struct graft_table_need *need, uint64_t now_us)
{
	if (!need->what || need->busy)
		return false;
	return need->tried != need->what || now_us >= need->retry_us;
}
