// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Fuzz what graftd decodes. The first byte of the input chooses what the rest is: 'c' a
 * configuration, 'm' a message between its processes, 'q' a quarantine, 'r' a
 * request over its socket, 's', 'o', 't' and 'w' an answer of `graft sync`, `apply`,
 * `status` and `show`, 'n' a packet of the process connector, 'e' a mapped file
 * whose build-id is read.
 */

#include "agent/answer.h"
#include "agent/config.h"
#include "agent/connector.h"
#include "agent/content.h"
#include "agent/message.h"
#include "agent/request.h"
#include "fuzz.h"
#include "ledger/quarantine.h"

#include <sys/mman.h>
#include <unistd.h>

static void
fuzz_config(const char *text, size_t size)
{
	GRAFT_CLEANUP(graft_config_freep) struct graft_config *config = NULL;
	GRAFT_CLEANUP(graft_config_freep) struct graft_config *other = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text once = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text twice = { 0 };
	struct graft_error *err = graft_config_parse(text, size, "f", &config);

	if (err) {
		refused(err);
		return;
	}
	graft_config_print(config, &once);
	must(graft_config_parse(graft_text_str(&once), once.len, "f", &other));
	graft_config_print(other, &twice);
	promise(strcmp(graft_text_str(&once), graft_text_str(&twice)) == 0);
}

static void
fuzz_message(const uint8_t *data, size_t size)
{
	struct graft_message message;
	uint8_t bytes[GRAFT_MESSAGE_MAX];
	struct graft_error *err = graft_message_decode(data, size, &message);

	if (err) {
		refused(err);
		return;
	}
	promise(graft_message_encode(&message, bytes) == size);
	promise(memcmp(bytes, data, size) == 0);
}

static void
fuzz_quarantine(const char *text, size_t size)
{
	GRAFT_CLEANUP(graft_quarantine_freep)
	struct graft_quarantine *quarantine = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text again = { 0 };
	struct graft_error *err = graft_quarantine_parse(text, size, "q",
							 &quarantine);

	if (err) {
		refused(err);
		return;
	}
	graft_quarantine_print(quarantine, &again);
	promise(again.len == size && memcmp(again.str, text, size) == 0);
}

static void
fuzz_request(const char *text, size_t size)
{
	struct graft_request request;
	struct graft_request other;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text again = { 0 };
	struct graft_error *err = graft_request_parse(text, size, &request);

	if (err) {
		refused(err);
		return;
	}
	must(graft_request_print(&request, &again));
	must(graft_request_parse(again.str, again.len, &other));
	promise(request.verb == other.verb &&
		strcmp(request.id, other.id) == 0);
}

static void
fuzz_answer(char kind, const char *text, size_t size)
{
	GRAFT_CLEANUP(graft_answer_freep) struct graft_answer *answer = NULL;
	GRAFT_CLEANUP(graft_answer_patch_deinit)
	struct graft_answer_patch patch = { 0 };
	struct graft_error *err;

	if (kind == 's')
		err = graft_answer_parse_sync(text, size, &answer);
	else if (kind == 'o')
		err = graft_answer_parse_outcomes(text, size, &answer);
	else if (kind == 't')
		err = graft_answer_parse_status(text, size, &answer);
	else
		err = graft_answer_parse_show(text, size, &patch);
	if (err) {
		refused(err);
		return;
	}
	for (size_t i = 0; answer && i < answer->count; i++)
		promise(answer->items[i].pid > 0 &&
			strlen(answer->items[i].id) <= GRAFT_QUARANTINE_ID_LEN);
	for (size_t i = 0; i < patch.count; i++)
		promise(patch.modules[i].path &&
			patch.modules[i].build_id_len <=
				GRAFT_ANSWER_BUILD_ID_MAX);
}

static void
fuzz_connector(const uint8_t *data, size_t size)
{
	struct graft_connector_event event = { 0 };
	uint32_t answer;

	if (graft_connector_decode(data, size, &event, &answer))
		promise(event.pid > 0 && event.signal >= 0 &&
			event.signal < 128);
}

static void
fuzz_build_id(const uint8_t *data, size_t size)
{
	uint8_t build_id[GRAFT_CONTENT_BUILD_ID_MAX];
	GRAFT_CLOSE int fd = memfd_create("fuzz", MFD_CLOEXEC);

	promise(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	promise(graft_content_read_build_id(fd, build_id) <= sizeof(build_id));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	GRAFT_FREE uint8_t *copy = copy_input(data + 1, size - 1);
	const char *text = (const char *)copy;
	char kind = (char)data[0];

	size--;
	if (!copy)
		return 0;
	switch (kind) {
	case 'c':
		fuzz_config(text, size);
		break;
	case 'm':
		fuzz_message(copy, size);
		break;
	case 'q':
		fuzz_quarantine(text, size);
		break;
	case 'r':
		fuzz_request(text, size);
		break;
	case 'n':
		fuzz_connector(copy, size);
		break;
	case 'e':
		fuzz_build_id(copy, size);
		break;
	default:
		if (strchr("sotw", kind))
			fuzz_answer(kind, text, size);
		break;
	}
	return 0;
}
