// SPDX-License-Identifier: Apache-2.0

#include "elf/debuginfod.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

/** What of the library is used. */
struct library {
	void *handle;
	debuginfod_client *(*begin)(void);
	int (*find)(debuginfod_client *client, const unsigned char *id, int len,
		    char **path);
	void (*end)(debuginfod_client *client);
	void (*set_progress)(debuginfod_client *client,
			     debuginfod_progressfn_t fn);
	void (*set_data)(debuginfod_client *client, void *data);
};

/** How long it may take, as its progress function sees it. */
struct limit {
	uint64_t until_us;
	bool passed;
};

/** Find a function; POSIX says that a pointer to data can hold it. */
static bool
find_symbol(void *handle, const char *name, void *at)
{
	void *symbol = dlsym(handle, name);

	*(void **)at = symbol;
	return symbol != NULL;
}

static struct graft_error *
load(struct library *library)
{
	// It stays: curl and its crypto do not like to be unloaded.
	library->handle = dlopen(DEBUGINFOD_SONAME, RTLD_NOW | RTLD_LOCAL);
	if (!library->handle)
		return graft_error_new(GRAFT_ERROR_LIBRARY, "%s", dlerror());
	if (!find_symbol(library->handle, "debuginfod_begin",
			 &library->begin) ||
	    !find_symbol(library->handle, "debuginfod_find_debuginfo",
			 &library->find) ||
	    !find_symbol(library->handle, "debuginfod_end", &library->end) ||
	    !find_symbol(library->handle, "debuginfod_set_progressfn",
			 &library->set_progress) ||
	    !find_symbol(library->handle, "debuginfod_set_user_data",
			 &library->set_data))
		return graft_error_new(GRAFT_ERROR_LIBRARY,
				       "%s lacks a function",
				       DEBUGINFOD_SONAME);
	return NULL;
}

/** Called about once a second; anything but 0 gives up. */
static int
go_on(debuginfod_client *client, long done, long total)
{
	// Nothing but the client is handed in, and what was set for it can only
	// be asked of the library.
	void *handle = dlopen(DEBUGINFOD_SONAME, RTLD_NOW | RTLD_NOLOAD);
	void *(*get_data)(debuginfod_client *) = NULL;

	(void)done;
	(void)total;
	if (!handle ||
	    !find_symbol(handle, "debuginfod_get_user_data", &get_data))
		return 1;
	struct limit *limit = get_data(client);
	limit->passed = graft_clock_monotonic_us() >= limit->until_us;
	(void)dlclose(handle);
	return limit->passed;
}

static struct graft_error *
fetch(const struct library *library, debuginfod_client *client,
      const uint8_t *id, size_t id_len, uint64_t limit_us, char **path_ret,
      int *fd_ret)
{
	struct limit limit = {
		.until_us = graft_clock_monotonic_us() + limit_us,
	};

	library->set_data(client, &limit);
	library->set_progress(client, go_on);
	int fd = library->find(client, id, (int)id_len, path_ret);
	if (fd >= 0) {
		*fd_ret = fd;
		return NULL;
	}
	if (limit.passed || fd == -ETIME || fd == -ETIMEDOUT)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "no answer within %llu s",
				       (unsigned long long)limit_us / 1000000);
	if (fd == -ENOENT)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "no server has this build");
	return graft_error_os(-fd, "ask the servers");
}

struct graft_error *
graft_debuginfod_fetch(const uint8_t *id, size_t id_len, uint64_t limit_us,
		       char **path_ret, uint8_t **bytes_ret, size_t *len_ret)
{
	struct library library = { 0 };
	GRAFT_FREE char *path = NULL;
	GRAFT_CLOSE int fd = -1;
	struct graft_error *err = load(&library);

	if (err)
		return err;
	debuginfod_client *client = library.begin();
	if (!client)
		return graft_error_new(GRAFT_ERROR_LIBRARY, "debuginfod_begin");
	err = fetch(&library, client, id, id_len, limit_us, &path, &fd);
	library.end(client);
	// What was just fetched was written through this descriptor.
	if (!err && lseek(fd, 0, SEEK_SET) < 0)
		err = graft_error_os(errno, "rewind");
	if (!err)
		err = graft_file_read_fd(fd, GRAFT_LIMIT_ELF_BYTES, bytes_ret,
					 len_ret);
	if (!err)
		*path_ret = GRAFT_TAKE(path);
	return err;
}
