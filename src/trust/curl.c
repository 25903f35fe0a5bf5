// SPDX-License-Identifier: Apache-2.0

#include "trust/curl.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>

enum {
	REDIRECTS_MAX = 5,
	BUFFER_LEN = 64 * 1024,
	/** Bytes a second; below it for the time-out, a transfer ends. */
	SPEED_MIN = 1024,
	STATUS_OK = 200,
	STATUS_FORBIDDEN = 403,
	STATUS_NOT_FOUND = 404,
	STATUS_GONE = 410,
};

struct graft_curl {
	CURL *handle;
	char text[CURL_ERROR_SIZE];
};

/** One transfer. */
struct transfer {
	const struct graft_fetch_request *request;
	uint64_t seen;
	/** Why our side ended it. */
	struct graft_error *err;
};

struct graft_error *
graft_curl_open(uint32_t timeout_s, struct graft_curl **ret)
{
	GRAFT_CLEANUP(graft_curl_closep)
	struct graft_curl *curl = calloc(1, sizeof(*curl));
	if (!curl)
		return graft_error_no_memory();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return graft_error_new(GRAFT_ERROR_LIBRARY,
				       "libcurl cannot start");
	CURL *h = curl->handle = curl_easy_init();
	if (!h)
		return graft_error_no_memory();

	const long timeout = (long)timeout_s;
	bool all = curl_easy_setopt(h, CURLOPT_ERRORBUFFER, curl->text) == 0 &&
		   curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) == 0 &&
		   curl_easy_setopt(h, CURLOPT_PATH_AS_IS, 1L) == 0 &&
		   curl_easy_setopt(h, CURLOPT_BUFFERSIZE, (long)BUFFER_LEN) ==
			   0 &&
		   curl_easy_setopt(h, CURLOPT_FAILONERROR, 1L) == 0 &&
		   curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 1L) == 0 &&
		   curl_easy_setopt(h, CURLOPT_MAXREDIRS,
				    (long)REDIRECTS_MAX) == 0 &&
		   curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR,
				    "http,https,file") == 0 &&
		   curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, timeout) == 0 &&
		   curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, timeout) == 0 &&
		   curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT,
				    (long)SPEED_MIN) == 0 &&
		   curl_easy_setopt(h, CURLOPT_USERAGENT,
				    "graft/" GRAFT_VERSION) == 0;
	if (!all)
		return graft_error_new(GRAFT_ERROR_LIBRARY,
				       "libcurl lacks what is needed");
	*ret = GRAFT_TAKE(curl);
	return NULL;
}

void
graft_curl_close(struct graft_curl *curl)
{
	if (!curl)
		return;
	curl_easy_cleanup(curl->handle);
	free(curl);
}

GRAFT_MUST_CHECK static struct graft_error *
too_long(const struct graft_fetch_request *request)
{
	return graft_error_new(GRAFT_ERROR_LIMIT,
			       "it is longer than the %llu bytes that are "
			       "accepted",
			       (unsigned long long)request->max_bytes);
}

static size_t
take_bytes(char *bytes, size_t one, size_t len, void *context)
{
	struct transfer *transfer = context;

	(void)one;
	transfer->seen += len;
	transfer->err = transfer->seen > transfer->request->max_bytes
				? too_long(transfer->request)
				: transfer->request->sink(
					  transfer->request->sink_context,
					  bytes, len);
	return transfer->err ? CURL_WRITEFUNC_ERROR : len;
}

/** Make the error of a status that is none of success. */
GRAFT_MUST_CHECK static struct graft_error *
status_error(long status)
{
	if (status == STATUS_NOT_FOUND || status == STATUS_FORBIDDEN ||
	    status == STATUS_GONE)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "the server does not have it (status "
				       "%ld)",
				       status);
	return graft_error_new(GRAFT_ERROR_UNREACHABLE,
			       "the server answers with status %ld", status);
}

/** Make the error of a transfer that failed, other than by our sink. */
GRAFT_MUST_CHECK static struct graft_error *
transfer_error(const struct graft_curl *curl, const struct transfer *transfer,
	       CURLcode code)
{
	long status = 0;

	switch (code) {
	case CURLE_HTTP_RETURNED_ERROR:
		(void)curl_easy_getinfo(curl->handle, CURLINFO_RESPONSE_CODE,
					&status);
		return status_error(status);
	case CURLE_FILE_COULDNT_READ_FILE:
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "there is no such file");
	case CURLE_FILESIZE_EXCEEDED:
		return too_long(transfer->request);
	case CURLE_OUT_OF_MEMORY:
		return graft_error_no_memory();
	case CURLE_PARTIAL_FILE:
		return graft_error_new(GRAFT_ERROR_UNREACHABLE,
				       "it was cut off after %llu bytes",
				       (unsigned long long)transfer->seen);
	case CURLE_OPERATION_TIMEDOUT:
		return graft_error_new(GRAFT_ERROR_UNREACHABLE,
				       "the server is too slow: %llu bytes "
				       "came (%s)",
				       (unsigned long long)transfer->seen,
				       curl->text);
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "no URL of http, https or a file");
	default:
		return graft_error_new(
			GRAFT_ERROR_UNREACHABLE, "%s",
			curl->text[0] ? curl->text : curl_easy_strerror(code));
	}
}

static bool
set_up(CURL *h, struct transfer *transfer)
{
	const struct graft_fetch_request *request = transfer->request;
	const char *redirects = strncasecmp(request->url, "http:", 5) == 0
					? "http,https"
					: "https";

	return curl_easy_setopt(h, CURLOPT_URL, request->url) == 0 &&
	       curl_easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, redirects) ==
		       0 &&
	       curl_easy_setopt(h, CURLOPT_MAXFILESIZE_LARGE,
				(curl_off_t)request->max_bytes) == 0 &&
	       curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)request->max_ms) ==
		       0 &&
	       curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_bytes) == 0 &&
	       curl_easy_setopt(h, CURLOPT_WRITEDATA, transfer) == 0;
}

static struct graft_error *
fetch(void *context, const struct graft_fetch_request *request)
{
	struct graft_curl *curl = context;
	struct transfer transfer = { .request = request };
	long status = 0;

	curl->text[0] = '\0';
	if (!set_up(curl->handle, &transfer))
		return graft_error_new(GRAFT_ERROR_LIBRARY,
				       "libcurl takes no such request");
	CURLcode code = curl_easy_perform(curl->handle);
	if (transfer.err)
		return transfer.err;
	if (code != CURLE_OK)
		return transfer_error(curl, &transfer, code);
	// 0: not HTTP. A part of it, or nothing, is not it.
	if (curl_easy_getinfo(curl->handle, CURLINFO_RESPONSE_CODE, &status) !=
	    CURLE_OK)
		status = -1;
	return status == 0 || status == STATUS_OK ? NULL : status_error(status);
}

struct graft_fetcher
graft_curl_fetcher(struct graft_curl *curl)
{
	return (struct graft_fetcher){ .fetch = fetch, .context = curl };
}
