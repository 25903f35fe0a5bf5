// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Fuzz what an update reads that others wrote. The first byte of the input chooses what the rest is:
 * what apt-get printed ('a'), a file whose build-id is read ('b'), a record ('r'), or when a host may
 * restart ('w'). Properties: a plan that is taken names what is wanted; a build-id is of digits; what a record
 * says, it says again; a restart is neither told of nor made in the past.
 */

#include "fuzz.h"
#include "persist/build_id.h"
#include "update/apt.h"
#include "update/record.h"
#include "update/window.h"

#include <sys/mman.h>
#include <unistd.h>

static void
fuzz_apt(const uint8_t *data, size_t size)
{
	struct graft_wanted packages[] = {
		{ .name = "libx1", .version = "1.2", .older = true },
		{ .name = "libx-dev", .version = "1.2" },
	};
	const struct graft_wanted_list wanted = { packages, 2, 2, 1 };
	GRAFT_CLEANUP(graft_apt_plan_deinit) struct graft_apt_plan plan = { 0 };
	GRAFT_FREE char *text = strndup((const char *)data, size);

	if (!text)
		return;
	struct graft_error *err = graft_apt_read_plan(&wanted, text, &plan);
	if (err)
		refused(err);
	else
		promise(strstr(graft_text_str(&plan.upgrades), "libx1") &&
			!strstr(text, "\nRemv ") && !strstr(text, "\nPurg "));
}

static void
fuzz_build_id(const uint8_t *data, size_t size)
{
	char digits[2 * GRAFT_BUILD_ID_READ_MAX + 1] = "";
	static int fd = -1;

	// One file for all inputs: to make one costs more than to read it.
	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) < 0 ||
	    pwrite(fd, data, size, 0) != (ssize_t)size)
		return;
	if (graft_build_id_read(fd, 0, size, digits))
		promise(strlen(digits) % 2 == 0 && *digits &&
			strspn(digits, "0123456789abcdef") == strlen(digits));
	else
		promise(!*digits);
}

static void
fuzz_record(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text one = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text other = { 0 };
	struct graft_update_record record = { 0 };
	struct graft_error *err = graft_update_record_decode(
		(const char *)data, size, "fuzz", &record);

	if (err) {
		refused(err);
		return;
	}
	graft_update_record_encode(&record, &one);
	graft_update_record_deinit(&record);
	promise(!one.failed);
	// An update of no release is none that is written.
	err = graft_update_record_decode(one.str, one.len, "again", &record);
	if (err) {
		refused(err);
		return;
	}
	graft_update_record_encode(&record, &other);
	graft_update_record_deinit(&record);
	promise(strcmp(graft_text_str(&one), graft_text_str(&other)) == 0);
}

static void
fuzz_window(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_window_freep) struct graft_window *window = NULL;
	const int64_t now = 1795000000;
	struct graft_error *err = graft_window_parse((const char *)data, size,
						     "fuzz", &window);

	if (err) {
		refused(err);
		return;
	}
	for (int64_t age = 0; age < 40 * 86400; age += 86400 + 3600) {
		const struct graft_window_due due = graft_window_find(
			window, now - age, now - age / 2, now);
		promise(due.known == window->given);
		promise(!due.known ||
			(due.warn_at >= now && due.restart_at >= due.warn_at));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (*data) {
	case 'a':
		fuzz_apt(data + 1, size - 1);
		break;
	case 'b':
		fuzz_build_id(data + 1, size - 1);
		break;
	case 'r':
		fuzz_record(data + 1, size - 1);
		break;
	case 'w':
		fuzz_window(data + 1, size - 1);
		break;
	default:
		break;
	}
	return 0;
}
