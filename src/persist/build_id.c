// SPDX-License-Identifier: Apache-2.0

#include "persist/build_id.h"

#include "base/cleanup.h"
#include "base/hex.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/** Program headers that are looked at; bytes of notes. */
	HEADERS_MAX = 256,
	NOTES_MAX = 64 * 1024,
};

/** A file within another one. */
struct part {
	int fd;
	uint64_t off;
	uint64_t size;
};

/** Read bytes of a file. @return false: they are not there. */
static bool
read_at(const struct part *part, uint64_t off, void *to, size_t len)
{
	size_t got = 0;

	if (off > part->size || len > part->size - off)
		return false;
	while (got < len) {
		const ssize_t n = pread(part->fd, (char *)to + got, len - got,
					(off_t)(part->off + off + got));
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

/** Round a length up to the alignment of notes. */
static size_t
align(size_t len, size_t to)
{
	return (len + to - 1) / to * to;
}

/** Find the build-id in notes. */
static bool
find(const uint8_t *notes, size_t len, size_t to,
     char ret[2 * GRAFT_BUILD_ID_READ_MAX + 1])
{
	Elf64_Nhdr note;

	for (size_t at = 0; len - at >= sizeof(note);) {
		memcpy(&note, notes + at, sizeof(note));
		const size_t name = at + sizeof(note);
		const size_t left = len - name;
		// Both are of 32 bits: their sum does not wrap.
		const size_t data = align(note.n_namesz, to);
		if (data > left || note.n_descsz > left - data)
			return false;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(notes + name, "GNU", 4) == 0) {
			if (!note.n_descsz ||
			    note.n_descsz > GRAFT_BUILD_ID_READ_MAX)
				return false;
			graft_hex_encode(notes + name + data, note.n_descsz,
					 ret);
			return true;
		}
		const size_t step = data + align(note.n_descsz, to);
		if (step > left)
			return false;
		at = name + step;
	}
	return false;
}

bool
graft_build_id_read(int fd, uint64_t off, uint64_t size,
		    char ret[2 * GRAFT_BUILD_ID_READ_MAX + 1])
{
	const struct part part = { fd, off, size };
	Elf64_Ehdr header;
	Elf64_Phdr program;

	if (!read_at(&part, 0, &header, sizeof(header)) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    header.e_machine != EM_X86_64 ||
	    header.e_phentsize != sizeof(program) ||
	    header.e_phnum > HEADERS_MAX)
		return false;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		if (header.e_phoff > size ||
		    !read_at(&part, header.e_phoff + i * sizeof(program),
			     &program, sizeof(program)))
			return false;
		if (program.p_type != PT_NOTE || program.p_filesz > NOTES_MAX)
			continue;
		const size_t len = (size_t)program.p_filesz;
		GRAFT_FREE uint8_t *notes = malloc(len + 1);
		if (notes && read_at(&part, program.p_offset, notes, len) &&
		    find(notes, len, program.p_align == 8 ? 8 : 4, ret))
			return true;
	}
	return false;
}
