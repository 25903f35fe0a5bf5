// SPDX-License-Identifier: Apache-2.0

#include "trust/curl.h"

#define CURL_DISABLE_TYPECHECK
#include "trust/curl_api.h"
#include "trust/file_url.h"
#include "trust/secrets.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	REDIRECTS_MAX = 5,
	BUFFER_LEN = 64 * 1024,
	/** Bytes a second; below it for the time-out, a transfer ends. */
	SPEED_MIN = 1024,
	STATUS_OK = 200,
	STATUS_PARTIAL = 206,
	RANGE_LEN = 32,
	STATUS_FORBIDDEN = 403,
	STATUS_NOT_FOUND = 404,
	STATUS_GONE = 410,
	/** A proxy asks who we are. */
	STATUS_PROXY = 407,
};

struct graft_curl {
	struct graft_curl_api api;
	CURL *handle;
	char text[CURL_ERROR_SIZE];
};

/** One transfer. */
struct transfer {
	const struct graft_fetch_request *request;
	const struct graft_curl *curl;
	/** Bytes of the file that are behind us. */
	uint64_t seen;
	/** Bytes at the start that are there already, and come once more. */
	uint64_t skip;
	bool began;
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
	struct graft_error *err = graft_curl_api_get(&curl->api);
	if (err)
		return err;
	const struct graft_curl_api *api = &curl->api;
	if (api->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return graft_error_new(GRAFT_ERROR_LIBRARY,
				       "libcurl cannot start");
	CURL *h = curl->handle = api->easy_init();
	if (!h)
		return graft_error_no_memory();

	const long timeout = (long)timeout_s;
	bool all =
		api->easy_setopt(h, CURLOPT_ERRORBUFFER, curl->text) == 0 &&
		api->easy_setopt(h, CURLOPT_NOSIGNAL, 1L) == 0 &&
		api->easy_setopt(h, CURLOPT_PATH_AS_IS, 1L) == 0 &&
		api->easy_setopt(h, CURLOPT_BUFFERSIZE, (long)BUFFER_LEN) ==
			0 &&
		api->easy_setopt(h, CURLOPT_FAILONERROR, 1L) == 0 &&
		api->easy_setopt(h, CURLOPT_FOLLOWLOCATION, 1L) == 0 &&
		api->easy_setopt(h, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX) ==
			0 &&
		api->easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https") == 0 &&
		api->easy_setopt(h, CURLOPT_CONNECTTIMEOUT, timeout) == 0 &&
		api->easy_setopt(h, CURLOPT_LOW_SPEED_TIME, timeout) == 0 &&
		api->easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, (long)SPEED_MIN) ==
			0 &&
		api->easy_setopt(h, CURLOPT_USERAGENT,
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
	if (curl->handle)
		curl->api.easy_cleanup(curl->handle);
	free(curl);
}

/** A line "name:password", quoted as in a URL. */
struct quoted {
	char str[3 * GRAFT_SECRET_LEN];
};

static void
wipe_quoted(struct quoted *quoted)
{
	explicit_bzero(quoted, sizeof(*quoted));
}

/** Quote all but the first ':': libcurl divides the line there, and takes both sides out of their quotes. */
static void
quote_password(const char *line, struct quoted *ret)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *colon = strchr(line, ':');
	char *to = ret->str;

	for (const char *at = line; *at; at++) {
		const unsigned char c = (unsigned char)*at;
		if (at == colon) {
			*to++ = ':';
			continue;
		}
		*to++ = '%';
		*to++ = digits[c / 16];
		*to++ = digits[c % 16];
	}
	*to = '\0';
}

/** Read a line "name:password". @param[out] ret Wiped by the caller. */
GRAFT_MUST_CHECK static struct graft_error *
read_password(const char *path, char ret[GRAFT_SECRET_LEN])
{
	GRAFT_CLOSE int fd = -1;
	size_t len = 0;
	struct graft_error *err = graft_secrets_open_file(path, &fd);

	while (!err && len < GRAFT_SECRET_LEN - 1) {
		// Not through stdio, which keeps copies.
		const ssize_t n = read(fd, ret + len,
				       GRAFT_SECRET_LEN - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = graft_error_os(errno, "read %s", path);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (err)
		return err;
	ret[len] = '\0';
	len = strcspn(ret, "\r\n");
	// One line, perhaps ended; a NUL would end it for libcurl.
	if (strspn(ret + len, "\r\n") != strlen(ret + len) || ret[0] == ':' ||
	    !memchr(ret, ':', len))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s: it is no line name:password", path);
	ret[len] = '\0';
	return NULL;
}

struct graft_error *
graft_curl_set_proxy(struct graft_curl *curl,
		     const struct graft_curl_proxy *proxy)
{
	GRAFT_CLEANUP(graft_secrets_wipe)
	char password[GRAFT_SECRET_LEN] = { 0 };
	GRAFT_CLEANUP(wipe_quoted) struct quoted quoted = { 0 };
	const struct graft_curl_api *api = &curl->api;
	CURL *h = curl->handle;
	struct graft_error *err = proxy->url && proxy->password_file
					  ? read_password(proxy->password_file,
							  password)
					  : NULL;

	if (err)
		return graft_error_prefix(err, "the password of the proxy");
	if (*password)
		quote_password(password, &quoted);
	// What is empty keeps libcurl from looking into the environment.
	const bool all = api->easy_setopt(h, CURLOPT_PROXY,
					  proxy->url ? proxy->url : "") == 0 &&
			 api->easy_setopt(h, CURLOPT_NOPROXY,
					  proxy->except ? proxy->except : "") ==
				 0 &&
			 api->easy_setopt(h, CURLOPT_PROXYUSERPWD,
					  *password ? quoted.str : NULL) == 0;
	return all ? NULL
		   : graft_error_new(GRAFT_ERROR_LIBRARY,
				     "libcurl lacks what is needed");
}

/** Find out at the first bytes whether a server gives the part that was asked for. */
static void
begin(struct transfer *transfer)
{
	const uint64_t offset = transfer->request->offset;
	long status = 0;

	transfer->began = true;
	(void)transfer->curl->api.easy_getinfo(transfer->curl->handle,
					       CURLINFO_RESPONSE_CODE, &status);
	if (status == STATUS_OK)
		transfer->skip = offset;
	else
		transfer->seen = offset;
}

static size_t
take_bytes(char *bytes, size_t one, size_t len, void *context)
{
	struct transfer *transfer = context;

	(void)one;
	if (!transfer->began)
		begin(transfer);
	transfer->seen += len;
	const size_t over = transfer->skip < len ? (size_t)transfer->skip : len;
	transfer->skip -= over;
	transfer->err = transfer->seen > transfer->request->max_bytes
				? graft_fetch_too_long(transfer->request)
				: transfer->request->sink(
					  transfer->request->sink_context,
					  bytes + over, len - over);
	return transfer->err ? CURL_WRITEFUNC_ERROR : len;
}

/** Tell for how long the server wants to be left alone. */
static void
tell_retry_after(const struct graft_curl *curl,
		 const struct graft_fetch_request *request)
{
	curl_off_t seconds = 0;

	if (!request->retry_after_s ||
	    curl->api.easy_getinfo(curl->handle, CURLINFO_RETRY_AFTER,
				   &seconds) != CURLE_OK ||
	    seconds <= 0)
		return;
	*request->retry_after_s = seconds < UINT32_MAX ? (uint32_t)seconds
						       : UINT32_MAX;
}

/** Make the error of a proxy that lets nobody by. */
GRAFT_MUST_CHECK static struct graft_error *
proxy_asks(void)
{
	return graft_error_new(GRAFT_ERROR_UNREACHABLE,
			       "the proxy wants another name and password "
			       "(status %d)",
			       STATUS_PROXY);
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
	if (status == STATUS_PROXY)
		return proxy_asks();
	return graft_error_new(GRAFT_ERROR_UNREACHABLE,
			       "the server answers with status %ld", status);
}

/** Make the error of a transfer that failed, other than by our sink. */
GRAFT_MUST_CHECK static struct graft_error *
transfer_error(const struct graft_curl *curl, const struct transfer *transfer,
	       CURLcode code)
{
	long status = 0;

	(void)curl->api.easy_getinfo(curl->handle, CURLINFO_HTTP_CONNECTCODE,
				     &status);
	if (status == STATUS_PROXY)
		return proxy_asks();
	switch (code) {
	case CURLE_HTTP_RETURNED_ERROR:
		(void)curl->api.easy_getinfo(curl->handle,
					     CURLINFO_RESPONSE_CODE, &status);
		tell_retry_after(curl, transfer->request);
		return status_error(status);
	case CURLE_FILESIZE_EXCEEDED:
		return graft_fetch_too_long(transfer->request);
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
		// What we ask for first is; then a server sends us there.
		if (strncasecmp(transfer->request->url, "http", 4) == 0)
			return graft_error_new(GRAFT_ERROR_UNREACHABLE,
					       "the server answers in a way "
					       "that is not followed (%s)",
					       curl->text);
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "no URL of http, https or a file");
	default:
		break;
	}
	// libcurl repeats a proxy of the environment that it cannot read, with the password in it.
	if (code == CURLE_COULDNT_RESOLVE_PROXY ||
	    strncmp(curl->text, "Unsupported proxy", 17) == 0)
		return graft_error_new(GRAFT_ERROR_UNREACHABLE,
				       "the proxy cannot be found, or is none");
	return graft_error_new(GRAFT_ERROR_UNREACHABLE, "%s",
			       curl->text[0] ? curl->text
					     : curl->api.easy_strerror(code));
}

static bool
set_up(const struct graft_curl *curl, struct transfer *transfer)
{
	const struct graft_fetch_request *request = transfer->request;
	const struct graft_curl_api *api = &curl->api;
	const char *redirects = strncasecmp(request->url, "http:", 5) == 0
					? "http,https"
					: "https";
	CURL *h = curl->handle;
	char range[RANGE_LEN];

	(void)snprintf(range, sizeof(range), "%" PRIu64 "-", request->offset);
	return api->easy_setopt(h, CURLOPT_URL, request->url) == 0 &&
	       api->easy_setopt(h, CURLOPT_RANGE,
				request->offset ? range : NULL) == 0 &&
	       api->easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, redirects) ==
		       0 &&
	       api->easy_setopt(h, CURLOPT_MAXFILESIZE_LARGE,
				(curl_off_t)request->max_bytes) == 0 &&
	       api->easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)request->max_ms) ==
		       0 &&
	       api->easy_setopt(h, CURLOPT_WRITEFUNCTION, take_bytes) == 0 &&
	       api->easy_setopt(h, CURLOPT_WRITEDATA, transfer) == 0;
}

static struct graft_error *
fetch(void *context, const struct graft_fetch_request *request)
{
	struct graft_curl *curl = context;
	struct transfer transfer = { .request = request, .curl = curl };
	long status = 0;

	if (graft_file_url_is(request->url))
		return graft_file_url_fetch(request);
	curl->text[0] = '\0';
	if (!set_up(curl, &transfer))
		return graft_error_new(GRAFT_ERROR_LIBRARY,
				       "libcurl takes no such request");
	CURLcode code = curl->api.easy_perform(curl->handle);
	if (transfer.err)
		return transfer.err;
	if (code != CURLE_OK)
		return transfer_error(curl, &transfer, code);
	// A part of it, or nothing, is not it.
	if (curl->api.easy_getinfo(curl->handle, CURLINFO_RESPONSE_CODE,
				   &status) != CURLE_OK)
		status = -1;
	return status == STATUS_OK ||
			       (request->offset && status == STATUS_PARTIAL)
		       ? NULL
		       : status_error(status);
}

struct graft_fetcher
graft_curl_fetcher(struct graft_curl *curl)
{
	return (struct graft_fetcher){ .fetch = fetch, .context = curl };
}
