// SPDX-License-Identifier: Apache-2.0

#include "proc/vmas.h"

#include "proc/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

// From linux/fs.h of Linux 6.11; the headers of older systems lack it.
struct procmap_query_arg {
	uint64_t size;
	uint64_t query_flags;
	uint64_t query_addr;
	uint64_t vma_start;
	uint64_t vma_end;
	uint64_t vma_flags;
	uint64_t vma_page_size;
	uint64_t vma_offset;
	uint64_t inode;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint32_t vma_name_size;
	uint32_t build_id_size;
	uint64_t vma_name_addr;
	uint64_t build_id_addr;
};

enum {
	VMA_READABLE = 0x01,
	VMA_WRITABLE = 0x02,
	VMA_EXECUTABLE = 0x04,
	VMA_SHARED = 0x08,
	QUERY_COVERING_OR_NEXT = 0x10,
};

struct graft_vmas {
	pid_t tid;
	/** /proc/PID/maps, or -1 if queries do not work. */
	int fd;
	/** Queries were seen to work since it was renewed. */
	bool works;
	/** Read when first asked after a renewal, if queries do not work. */
	struct graft_maps *maps;
};

static unsigned long
query_request(void)
{
	return _IOWR('f', 17, struct procmap_query_arg);
}

struct graft_error *
graft_vmas_new(pid_t pid, struct graft_vmas **ret)
{
	struct graft_vmas *vmas = calloc(1, sizeof(*vmas));
	if (!vmas)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "mappings");
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	vmas->tid = pid;
	vmas->fd = open(path, O_RDONLY | O_CLOEXEC);
	*ret = vmas;
	return NULL;
}

void
graft_vmas_use_text(struct graft_vmas *vmas)
{
	if (vmas->fd >= 0)
		(void)close(vmas->fd);
	vmas->fd = -1;
}

void
graft_vmas_renew(struct graft_vmas *vmas, pid_t tid)
{
	vmas->tid = tid;
	vmas->works = false;
	graft_maps_free(vmas->maps);
	vmas->maps = NULL;
}

/**
 * Ask the kernel.
 *
 * @param[in] flags QUERY_COVERING_OR_NEXT, and what the mapping must be.
 * @param[out] name Gets its name, if there is one; NULL: it is not asked for.
 * @return 1 if found, 0 if there is none, -1 if the kernel cannot say.
 */
static int
query(int fd, uint64_t addr, uint64_t flags, char name[GRAFT_VMA_NAME_SIZE],
      struct graft_vma *ret)
{
	struct procmap_query_arg arg = {
		.size = sizeof(arg),
		.query_flags = flags,
		.query_addr = addr,
		.vma_name_size = name ? GRAFT_VMA_NAME_SIZE : 0,
		.vma_name_addr = (uintptr_t)name,
	};
	if (ioctl(fd, query_request(), &arg) != 0)
		return errno == ENOENT ? 0 : -1;
	if (name && arg.vma_name_size == 0)
		name[0] = '\0';
	*ret = (struct graft_vma){
		.start = arg.vma_start,
		.end = arg.vma_end,
		.prot = (arg.vma_flags & VMA_READABLE ? PROT_READ : 0) |
			(arg.vma_flags & VMA_WRITABLE ? PROT_WRITE : 0) |
			(arg.vma_flags & VMA_EXECUTABLE ? PROT_EXEC : 0),
		.shared = (arg.vma_flags & VMA_SHARED) != 0,
		.off = arg.vma_offset,
		.dev = (uint64_t)arg.dev_major << 32 | arg.dev_minor,
		.inode = arg.inode,
	};
	return 1;
}

/** The first mapping that ends above an address. */
static const struct graft_map *
next_in_text(const struct graft_maps *maps, uint64_t addr)
{
	size_t low = 0;
	size_t high = maps->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (maps->maps[middle].end > addr)
			high = middle;
		else
			low = middle + 1;
	}
	return low < maps->count ? &maps->maps[low] : NULL;
}

static const struct graft_map *
next_with_in_text(const struct graft_maps *maps, uint64_t addr, int prot)
{
	const struct graft_map *end = maps->maps + maps->count;
	const struct graft_map *map = next_in_text(maps, addr);

	while (prot && map && map < end &&
	       ((map->prot & prot) != prot ||
		strcmp(map->path, "[vsyscall]") == 0))
		map++;
	return map == end ? NULL : map;
}

struct graft_error *
graft_vmas_prepare(struct graft_vmas *vmas)
{
	if (graft_vmas_has_queries(vmas) || vmas->maps)
		return NULL;
	return graft_maps_read(vmas->tid, &vmas->maps);
}

bool
graft_vmas_has_queries(struct graft_vmas *vmas)
{
	struct graft_vma vma;

	// An old kernel, or another memory since an execve(2).
	if (vmas->fd >= 0 && !vmas->works &&
	    query(vmas->fd, 0, QUERY_COVERING_OR_NEXT, NULL, &vma) < 0)
		graft_vmas_use_text(vmas);
	vmas->works = vmas->fd >= 0;
	return vmas->works;
}

/** Find a mapping. @param[in] prot PROT_*: only those that have all of it count. */
GRAFT_MUST_CHECK static struct graft_error *
find(struct graft_vmas *vmas, uint64_t addr, int prot, struct graft_vma *ret,
     bool *found_ret)
{
	if (vmas->fd >= 0) {
		uint64_t flags = QUERY_COVERING_OR_NEXT |
				 (prot & PROT_READ ? VMA_READABLE : 0) |
				 (prot & PROT_WRITE ? VMA_WRITABLE : 0) |
				 (prot & PROT_EXEC ? VMA_EXECUTABLE : 0);
		int found = query(vmas->fd, addr, flags, NULL, ret);
		if (found >= 0) {
			vmas->works = true;
			*found_ret = found;
			return NULL;
		}
		graft_vmas_use_text(vmas);
	}
	struct graft_error *err = graft_vmas_prepare(vmas);
	if (err)
		return err;
	const struct graft_map *map = next_with_in_text(vmas->maps, addr, prot);
	*found_ret = map;
	if (map) {
		*ret = (struct graft_vma){
			.start = map->start,
			.end = map->end,
			.prot = map->prot,
			.shared = map->shared,
			.off = map->off,
			.dev = map->dev,
			.inode = map->inode,
		};
	}
	return NULL;
}

struct graft_error *
graft_vmas_next(struct graft_vmas *vmas, uint64_t addr, struct graft_vma *ret,
		bool *found_ret)
{
	return find(vmas, addr, 0, ret, found_ret);
}

struct graft_error *
graft_vmas_next_code(struct graft_vmas *vmas, uint64_t addr,
		     struct graft_vma *ret, bool *found_ret)
{
	return find(vmas, addr, PROT_EXEC, ret, found_ret);
}

struct graft_error *
graft_vmas_next_data(struct graft_vmas *vmas, uint64_t addr,
		     struct graft_vma *ret, bool *found_ret)
{
	return find(vmas, addr, PROT_READ | PROT_WRITE, ret, found_ret);
}

struct graft_error *
graft_vmas_name(struct graft_vmas *vmas, const struct graft_vma *vma,
		char ret[GRAFT_VMA_NAME_SIZE])
{
	struct graft_vma same;
	const char *name = NULL;

	if (vmas->fd >= 0) {
		// A name that is too long is an error, and another one.
		char got[GRAFT_VMA_NAME_SIZE];
		if (query(vmas->fd, vma->start, QUERY_COVERING_OR_NEXT, got,
			  &same) == 1 &&
		    same.start == vma->start && !same.inode)
			name = got;
		(void)snprintf(ret, GRAFT_VMA_NAME_SIZE, "%s",
			       name ? name : "?");
		return NULL;
	}
	struct graft_error *err = graft_vmas_prepare(vmas);
	if (err)
		return err;
	const struct graft_map *map = next_in_text(vmas->maps, vma->start);
	if (map && map->start == vma->start && !map->inode &&
	    strlen(map->path) < GRAFT_VMA_NAME_SIZE)
		name = map->path;
	(void)snprintf(ret, GRAFT_VMA_NAME_SIZE, "%s", name ? name : "?");
	return NULL;
}

void
graft_vmas_free(struct graft_vmas *vmas)
{
	if (!vmas)
		return;
	graft_vmas_use_text(vmas);
	graft_maps_free(vmas->maps);
	free(vmas);
}
