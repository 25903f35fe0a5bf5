// SPDX-License-Identifier: Apache-2.0

// What graftd tells of itself: JSON and metrics.

#include "../folder.h"
#include "agent/updates.h"
#include "base/file.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
metrics_are_lines_that_prometheus_takes(void **state)
{
	(void)state;
	struct graft_agent_state all = { .looks = 7, .quarantined = 1 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	char name[100];
	char type[20];
	size_t metrics = 0;

	graft_agent_state_put_metrics(&all, &text);
	const char *str = graft_text_str(&text);
	assert_non_null(strstr(str, "\ngraft_looks_total 7\n"));
	assert_non_null(strstr(str, "\ngraft_hotpatches_quarantined 1\n"));
	assert_int_equal(str[text.len - 1], '\n');
	// HELP, TYPE and the value, of the same name, each time.
	for (const char *at = str; *at; metrics++) {
		assert_int_equal(sscanf(at, "# HELP %99s ", name), 1);
		at = strchr(at, '\n') + 1;
		char again[100];
		assert_int_equal(sscanf(at, "# TYPE %99s %19s", again, type),
				 2);
		assert_string_equal(name, again);
		assert_true(strcmp(type, "gauge") == 0 ||
			    strcmp(type, "counter") == 0);
		// Counters end so, by the custom of Prometheus.
		size_t len = strlen(name);
		assert_int_equal(strcmp(type, "counter") == 0,
				 strcmp(name + len - 6, "_total") == 0);
		at = strchr(at, '\n') + 1;
		assert_memory_equal(at, name, len);
		at = strchr(at, '\n') + 1;
	}
	assert_true(metrics > 20);
}

static void
write_text(const char *path, const char *text)
{
	must(graft_file_write(path, text, strlen(text), 0600));
}

static void
what_is_known_of_updates_is_read(void **state)
{
	(void)state;
	struct graft_agent_state all = { 0 };
	struct graft_updates updates = { 0 };

	graft_updates_read(&updates, "state", &all);
	assert_int_equal(all.update_look_s, 0);
	must(graft_updates_write_next("state", 1795000000));
	write_text("state/device.conf",
		   "edition = server\nlevel = 2026-10.1\n");
	write_text("state/update/last.json",
		   "{\"at\":300,\"good_at\":200,\"failures\":2,\"said\":"
		   "{\"device\":{\"target\":\"2026-11\"}}}");
	graft_updates_read(&updates, "state", &all);
	assert_int_equal(all.update_look_s, 300);
	assert_int_equal(all.update_good_s, 200);
	assert_int_equal(all.update_failures, 2);
	assert_int_equal(all.update_next_s, 1795000000);
	assert_int_equal(all.update_level, 20261001);
	assert_int_equal(all.update_target, 20261100);
	assert_int_equal(all.update_restart, 0);
	must(graft_dir_make("state/restart", 0700));
	write_text("state/restart/record", "");
	// What is damaged is not known, and what came anew is.
	write_text("state/update/last.json", "{\"at\":-3");
	write_text("state/update/next", "999999999999999");
	write_text("state/device.conf", "level = soon\n");
	graft_updates_read(&updates, "state", &all);
	assert_int_equal(all.update_look_s, 0);
	assert_int_equal(all.update_target, 0);
	assert_int_equal(all.update_next_s, 0);
	assert_int_equal(all.update_level, 0);
	assert_int_equal(all.update_restart, 1);
}

static void
json_has_the_numbers_and_the_quarantine(void **state)
{
	(void)state;
	struct graft_agent_state all = {
		.paused = 1,
		.held_count = 1,
		.held[0] = { .id = "abc",
			     .of_user = true,
			     .uid = 1000,
			     .time_us = 3000000,
			     .comm = "x\xff" },
	};
	cJSON *root = graft_agent_state_to_json(&all);

	assert_non_null(root);
	assert_int_equal(cJSON_GetObjectItem(root, "paused")->valueint, 1);
	cJSON *held =
		cJSON_GetArrayItem(cJSON_GetObjectItem(root, "quarantine"), 0);
	assert_int_equal(cJSON_GetObjectItem(held, "since")->valueint, 3);
	assert_int_equal(cJSON_GetObjectItem(held, "user")->valueint, 1000);
	assert_string_equal(cJSON_GetObjectItem(held, "comm")->valuestring,
			    "x\\xff");
	cJSON_Delete(root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_lines_that_prometheus_takes),
		cmocka_unit_test(json_has_the_numbers_and_the_quarantine),
		cmocka_unit_test_setup_teardown(
			what_is_known_of_updates_is_read, enter_directory,
			leave_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
