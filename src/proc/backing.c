// SPDX-License-Identifier: Apache-2.0

#include "proc/backing.h"

#include "proc/status.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PAGE_SIZE = 4096,
	/** Pages that are asked for at least. */
	AHEAD = 16,
};

// Documentation/admin-guide/mm/pagemap.rst of the kernel.
static const uint64_t PAGE_PRESENT = (uint64_t)1 << 63;
static const uint64_t PAGE_SWAPPED = (uint64_t)1 << 62;
static const uint64_t PAGE_FILE = (uint64_t)1 << 61;

static uint64_t
in_ns(struct timespec time)
{
	return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

/** Say whether memory looks like a file but is made to be written to. */
static bool
is_no_file(const struct graft_map *map)
{
	static const char *const begins[] = { "/memfd:", "/dev/", "/SYSV",
					      "/[" };
	bool no_file = map->inode == 0 || map->shared || map->path[0] != '/';

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		no_file |= strncmp(map->path, begins[i], strlen(begins[i])) ==
			   0;
	return no_file;
}

void
graft_backings_deinit(struct graft_backings *backings)
{
	if (backings->open)
		(void)close(backings->pagemap);
	backings->open = false;
}

// PIDFD_GET_MNT_NAMESPACE of linux/pidfd.h, since Linux 6.11.
static unsigned long
mounts_request(void)
{
	return _IO(0xff, 3);
}

/** Read the number of the namespace of mounts that a process has. */
static bool
read_mounts(const struct graft_backings *backings, uint64_t *ret)
{
	struct stat mounts;
	char path[64];
	GRAFT_CLOSE
	int fd = backings->has_pidfd
			 ? ioctl(backings->pidfd, mounts_request(), 0)
			 : -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", backings->pid);
	if ((fd < 0 ? stat(path, &mounts) : fstat(fd, &mounts)) != 0)
		return false;
	*ret = mounts.st_ino;
	return true;
}

/** Find out whose process it is. */
static bool
ask_user(struct graft_backings *backings)
{
	struct graft_proc_status status = { 0 };
	char text[4096];

	if (backings->has_uid)
		return true;
	if (graft_proc_slurp(text, sizeof(text), "/proc/%d/status",
			     backings->pid) <= 0)
		return false;
	graft_proc_status_parse(text, &status);
	backings->uid = status.uid;
	backings->has_uid = true;
	return true;
}

/** Find out whose process it is, and which files it sees. */
static bool
ask(struct graft_backings *backings)
{
	if (!backings->has_mounts)
		backings->has_mounts = read_mounts(backings, &backings->mounts);
	return backings->has_mounts && ask_user(backings);
}

/** Say whether a file lies on a disk: its numbers are those of the host then, whatever is
 * mounted where. Other file systems have numbers without a device. */
static bool
is_on_disk(const struct graft_map *map)
{
	return map->dev >> 32 != 0;
}

bool
graft_backing_read(struct graft_backings *backings, const struct graft_map *map,
		   struct graft_backing *ret)
{
	struct stat file;

	if (is_no_file(map) || !graft_map_stat_file(backings->pid, map, &file))
		return false;
	if (!ask(backings))
		return false;
	*ret = (struct graft_backing){
		.dev = file.st_dev,
		.inode = file.st_ino,
		.size = (uint64_t)file.st_size,
		.changed_ns = in_ns(file.st_ctim),
		.written_ns = in_ns(file.st_mtim),
		.uid = backings->uid,
		.mounts = backings->mounts,
	};
	return true;
}

/** FNV-1a of a text. */
static uint64_t
hash(const char *text)
{
	uint64_t value = 0xcbf29ce484222325U;

	for (; *text; text++)
		value = (value ^ (uint8_t)*text) * 0x100000001b3U;
	return value;
}

bool
graft_backing_name(struct graft_backings *backings, const struct graft_map *map,
		   const uint8_t *build_id, size_t build_id_len,
		   struct graft_backing *ret)
{
	uint64_t id[2];
	bool disk = is_on_disk(map);

	if (is_no_file(map) || map->deleted || build_id_len < sizeof(id) ||
	    !(disk ? ask_user(backings) : ask(backings)))
		return false;
	memcpy(id, build_id, sizeof(id));
	*ret = (struct graft_backing){
		// No device has such a number.
		.dev = ~map->dev,
		.inode = map->inode,
		.size = hash(map->path),
		.changed_ns = id[0],
		.written_ns = id[1],
		.uid = backings->uid,
		.mounts = disk ? 0 : backings->mounts,
	};
	return true;
}

/** Open the page map, once. @return Its descriptor, or -1. */
static int
page_map(struct graft_backings *backings)
{
	char path[64];

	if (backings->open)
		return backings->pagemap;
	(void)snprintf(path, sizeof(path), "/proc/%d/pagemap", backings->pid);
	backings->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	backings->open = backings->pagemap >= 0;
	return backings->pagemap;
}

/**
 * Read what the page map says of some pages, a little more than is asked for: mappings of
 * one module lie beside each other.
 *
 * @param[in] count At most GRAFT_BACKINGS_PAGES.
 * @return NULL: it cannot be read.
 */
static const uint64_t *
read_pages(struct graft_backings *backings, uint64_t first, size_t count)
{
	uint64_t *pages = backings->pages;
	uint64_t at = first - backings->pages_first;

	if (first >= backings->pages_first && at <= backings->pages_count &&
	    count <= backings->pages_count - at)
		return &pages[at];
	int fd = page_map(backings);
	size_t some = count < AHEAD ? AHEAD : count;
	backings->pages_count = 0;
	if (fd < 0)
		return NULL;
	ssize_t got = pread(fd, pages, some * sizeof(*pages),
			    (off_t)(first * sizeof(*pages)));
	if (got < 0)
		return NULL;
	backings->pages_first = first;
	backings->pages_count = (size_t)got / sizeof(*pages);
	return count <= backings->pages_count ? pages : NULL;
}

/** Look at all pages of a mapping. */
static bool
shows(struct graft_backings *backings, const struct graft_map *map)
{
	uint64_t first = map->start / PAGE_SIZE;
	uint64_t count = (map->end - map->start) / PAGE_SIZE;

	if (map->shared)
		return false;
	for (uint64_t done = 0; done < count;) {
		size_t some = count - done < GRAFT_BACKINGS_PAGES
				      ? count - done
				      : GRAFT_BACKINGS_PAGES;
		const uint64_t *pages = read_pages(backings, first + done,
						   some);
		for (size_t i = 0; i < some; i++) {
			// One that is in no page table is read from the file.
			bool ours = !pages || (pages[i] & PAGE_PRESENT &&
					       !(pages[i] & PAGE_FILE));
			if (ours || pages[i] & PAGE_SWAPPED)
				return false;
		}
		done += some;
	}
	return true;
}

bool
graft_backing_shows(struct graft_backings *backings,
		    const struct graft_map *map)
{
	for (size_t i = 0; i < backings->shown_count; i++) {
		if (backings->shown[i] == map->start)
			return true;
	}
	if (!shows(backings, map))
		return false;
	if (backings->shown_count < GRAFT_BACKINGS_SHOWN)
		backings->shown[backings->shown_count++] = map->start;
	return true;
}
