// SPDX-License-Identifier: Apache-2.0

#include "elf/core.h"

#include "base/vec.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <unistd.h>

enum {
	/** Mappings of a process (vm.max_map_count is 65530 unless it was raised). */
	SEGMENTS_MAX = 1 << 20,
	/** Threads, and notes: some six for each thread. */
	THREADS_MAX = 1 << 16,
	NOTES_MAX = 1 << 20,
};

void
graft_core_close(struct graft_core *core)
{
	if (!core)
		return;
	if (core->fd >= 0)
		(void)close(core->fd);
	free(core->segments);
	free(core->threads);
	free(core);
}

/** Read a piece of the file. @param[out] ret false: the file ends before. */
GRAFT_MUST_CHECK static struct graft_error *
read_at(const struct graft_core *core, uint64_t off, void *buf, size_t len,
	bool *ret)
{
	*ret = false;
	for (size_t done = 0; done < len;) {
		if (off + done > INT64_MAX)
			return NULL;
		ssize_t got = pread(core->fd, (char *)buf + done, len - done,
				    (off_t)(off + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return graft_error_os(errno, "read the core dump");
		if (got == 0)
			return NULL;
		done += (size_t)got;
	}
	*ret = true;
	return NULL;
}

/** Read a piece without which there is no dump. */
GRAFT_MUST_CHECK static struct graft_error *
must_read(const struct graft_core *core, uint64_t off, void *buf, size_t len)
{
	bool read;
	struct graft_error *err = read_at(core, off, buf, len, &read);

	if (err || read)
		return err;
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "the core dump ends in its tables");
}

/** Read how many program headers there are. */
GRAFT_MUST_CHECK static struct graft_error *
read_count(const struct graft_core *core, const Elf64_Ehdr *header, size_t *ret)
{
	Elf64_Shdr section;

	*ret = header->e_phnum;
	if (header->e_phnum == PN_XNUM) {
		// Then the first section header has the number (elf(5)).
		struct graft_error *err = must_read(core, header->e_shoff,
						    &section, sizeof(section));
		if (err)
			return err;
		*ret = section.sh_info;
	}
	if (*ret > SEGMENTS_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "the core dump has %zu segments", *ret);
	return NULL;
}

/** Bytes of a structure in a note, or nothing. */
static bool
take(struct graft_core *core, const Elf64_Nhdr *note, uint64_t off, void *buf,
     size_t len, struct graft_error **err_ret)
{
	bool read = false;

	if (note->n_descsz >= len)
		*err_ret = read_at(core, off, buf, len, &read);
	return read;
}

/** Take what a note of the name "CORE" says. @param[in] off Of its contents. */
GRAFT_MUST_CHECK static struct graft_error *
take_note(struct graft_core *core, const Elf64_Nhdr *note, uint64_t off,
	  size_t *room)
{
	struct graft_error *err = NULL;
	struct elf_prstatus status;
	struct elf_prpsinfo info;

	if (note->n_type == NT_PRPSINFO &&
	    take(core, note, off, &info, sizeof(info), &err)) {
		core->pid = info.pr_pid;
		memcpy(core->comm, info.pr_fname, sizeof(info.pr_fname));
		return NULL;
	}
	if (err || note->n_type != NT_PRSTATUS ||
	    !take(core, note, off, &status, sizeof(status), &err))
		return err;
	if (core->thread_count == THREADS_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "the core dump has too many threads");
	err = graft_vec_reserve(&core->threads, room, core->thread_count + 1,
				sizeof(*core->threads));
	if (err)
		return err;
	struct user_regs_struct regs;
	_Static_assert(sizeof(regs) == sizeof(status.pr_reg), "registers");
	memcpy(&regs, &status.pr_reg, sizeof(regs));
	core->threads[core->thread_count++] = (struct graft_core_thread){
		.tid = status.pr_pid,
		.pc = regs.rip,
	};
	return NULL;
}

static uint64_t
align_note(uint64_t len)
{
	return (len + 3) & ~UINT64_C(3);
}

GRAFT_MUST_CHECK static struct graft_error *
read_notes(struct graft_core *core, const Elf64_Phdr *ph, size_t *room)
{
	uint64_t at = 0;

	for (int i = 0; i < NOTES_MAX; i++) {
		Elf64_Nhdr note;
		char name[8] = "";
		bool read;
		if (ph->p_filesz - at < sizeof(note))
			return NULL;
		struct graft_error *err = read_at(core, ph->p_offset + at,
						  &note, sizeof(note), &read);
		if (err || !read)
			return err;
		uint64_t contents = at + sizeof(note) +
				    align_note(note.n_namesz);
		uint64_t end = contents + align_note(note.n_descsz);
		if (end > ph->p_filesz)
			return NULL;
		if (note.n_namesz == sizeof("CORE"))
			err = read_at(core, ph->p_offset + at + sizeof(note),
				      name, sizeof("CORE"), &read);
		if (!err && strcmp(name, "CORE") == 0)
			err = take_note(core, &note, ph->p_offset + contents,
					room);
		if (err)
			return err;
		at = end;
	}
	return graft_error_new(GRAFT_ERROR_LIMIT,
			       "the core dump has too many notes");
}

static int
by_address(const void *a, const void *b)
{
	const struct graft_core_segment *one = a;
	const struct graft_core_segment *two = b;

	return (one->addr > two->addr) - (one->addr < two->addr);
}

/** Take a segment as far as the file goes. */
static void
take_segment(struct graft_core *core, const Elf64_Phdr *ph, uint64_t size)
{
	uint64_t len = ph->p_filesz < ph->p_memsz ? ph->p_filesz : ph->p_memsz;

	if (ph->p_offset >= size)
		return;
	if (len > size - ph->p_offset)
		len = size - ph->p_offset;
	if (!len || ph->p_vaddr > UINT64_MAX - len)
		return;
	core->segments[core->segment_count++] = (struct graft_core_segment){
		.addr = ph->p_vaddr,
		.len = len,
		.off = ph->p_offset,
		.flags = ph->p_flags,
	};
}

GRAFT_MUST_CHECK static struct graft_error *
read_headers(struct graft_core *core, const Elf64_Ehdr *header, size_t count,
	     uint64_t size)
{
	size_t room = 0;

	core->segments = calloc(count + 1, sizeof(*core->segments));
	if (!core->segments)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++) {
		Elf64_Phdr ph;
		struct graft_error *err =
			must_read(core, header->e_phoff + i * sizeof(ph), &ph,
				  sizeof(ph));
		if (!err && ph.p_type == PT_NOTE)
			err = read_notes(core, &ph, &room);
		if (err)
			return err;
		if (ph.p_type == PT_LOAD)
			take_segment(core, &ph, size);
	}
	if (core->segment_count)
		qsort(core->segments, core->segment_count,
		      sizeof(*core->segments), by_address);
	for (size_t i = 1; i < core->segment_count; i++) {
		const struct graft_core_segment *last = &core->segments[i - 1];
		if (last->addr + last->len > core->segments[i].addr)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"segments of the core dump overlap");
	}
	return NULL;
}

struct graft_error *
graft_core_open_fd(int fd, struct graft_core **ret)
{
	Elf64_Ehdr header;
	struct stat st;
	size_t count;
	GRAFT_CLEANUP(graft_core_closep)
	struct graft_core *core = calloc(1, sizeof(*core));

	if (!core) {
		(void)close(fd);
		return graft_error_no_memory();
	}
	core->fd = fd;
	if (fstat(fd, &st) != 0)
		return graft_error_os(errno, "look at the core dump");
	bool read = false;
	struct graft_error *err = read_at(core, 0, &header, sizeof(header),
					  &read);
	if (err)
		return err;
	if (!read || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    header.e_type != ET_CORE || header.e_machine != EM_X86_64 ||
	    header.e_phentsize != sizeof(Elf64_Phdr))
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "it is no core dump of x86-64");
	err = read_count(core, &header, &count);
	if (!err)
		err = read_headers(core, &header, count, (uint64_t)st.st_size);
	if (err)
		return err;
	*ret = GRAFT_TAKE(core);
	return NULL;
}

struct graft_error *
graft_core_open(const char *path, struct graft_core **ret)
{
	// What is named may be a FIFO: never wait for its other end.
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return graft_error_new(GRAFT_ERROR_NOT_FOUND, "%s: %s", path,
				       strerror(errno));
	if (fd < 0)
		return graft_error_os(errno, "open %s", path);
	struct graft_error *err = graft_core_open_fd(fd, ret);
	return err ? graft_error_prefix(err, "%s", path) : NULL;
}

/** Find the segment that holds an address. */
static const struct graft_core_segment *
find(const struct graft_core *core, uint64_t addr)
{
	size_t low = 0;
	size_t high = core->segment_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct graft_core_segment *at = &core->segments[mid];
		if (addr < at->addr)
			high = mid;
		else if (addr - at->addr >= at->len)
			low = mid + 1;
		else
			return at;
	}
	return NULL;
}

struct graft_error *
graft_core_read(const struct graft_core *core, uint64_t addr, void *buf,
		size_t len, bool *ret)
{
	*ret = false;
	for (size_t done = 0; done < len;) {
		const struct graft_core_segment *at = find(core, addr + done);
		if (!at)
			return NULL;
		uint64_t from = addr + done - at->addr;
		size_t some = at->len - from < len - done
				      ? (size_t)(at->len - from)
				      : len - done;
		bool read;
		struct graft_error *err = read_at(
			core, at->off + from, (char *)buf + done, some, &read);
		if (err || !read)
			return err;
		done += some;
	}
	*ret = true;
	return NULL;
}
