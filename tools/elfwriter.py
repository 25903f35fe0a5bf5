#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write odd, broken and hostile ELF files for the tests of src/elf.

    elfwriter.py DIRECTORY

The name of each file begins with what the reader has to make of it: `good-`, or
the wire name of the error (`bad-input-`, `unsupported-`, `limit-`). All are
variants of one small library that has a section of every kind that is read.
Addresses are file offsets, and nothing is aligned to pages, so that the file is
small enough to try every prefix and every bit of it.
"""
import pathlib
import struct
import sys

PROGBITS, SYMTAB, STRTAB, RELA, DYNAMIC, NOTE, NOBITS, REL = 1, 2, 3, 4, 6, 7, 8, 9
DYNSYM, RELR, VERNEED, VERSYM = 11, 19, 0x6FFFFFFE, 0x6FFFFFFF
W, A, X, TLS = 1, 2, 4, 0x400
UNDEF, ABS = 0, 0xFFF1
MAX = (1 << 64) - 1


class Names:
    """A table of names."""

    def __init__(self):
        self.data = b"\0"

    def __call__(self, name):
        at = self.data.find(b"\0" + name.encode() + b"\0")
        if at < 0:
            at = len(self.data) - 1
            self.data += name.encode() + b"\0"
        return at + 1 if name else 0


class Section:
    def __init__(self, name, kind, flags, content, seg=None, align=8, link=None,
                 info=None, entsize=0, size=None):
        self.name, self.kind, self.flags = name, kind, flags
        self.content, self.seg, self.align = content, seg, align
        self.link, self.info, self.entsize, self.size = link, info, entsize, size
        self.off = 0
        self.header = {}  # fields to lie about: index in Elf64_Shdr -> value


def symbol(name, info, index, value=0, size=0):
    return struct.pack("<IBBHQQ", name, info, 0, index, value, size)


def entry(ident, body):
    """An entry of .eh_frame: its length, its id, and a body padded to 4."""
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", 4 + len(body), ident) + body


def rel32(value):
    return struct.pack("<i", value)


class Elf:
    """The small library. Change it, then call write()."""

    def __init__(self):
        self.dynstr, self.strtab = Names(), Names()
        self.at, self.index = {}, {}
        self.ehdr = {}        # index in Elf64_Ehdr -> value
        self.after = None     # last word on the bytes
        self.fdes = [(0, 16), (16, 16)]
        self.build_id = bytes(range(20))
        self.relr_words = lambda a: [a[".data"], 0b111]
        self.needed_version = 0
        self.plt_code = self.plain_plt
        self.tail = b""
        sym = 24
        self.sections = [
            Section(".note.gnu.build-id", NOTE, A, self.note, "r", 4),
            Section(".dynsym", DYNSYM, A, self.dynsym, "r", 8, ".dynstr", 1, sym),
            Section(".dynstr", STRTAB, A, lambda a: self.dynstr.data, "r", 1),
            Section(".gnu.version", VERSYM, A, lambda a: struct.pack("<4H", 0, 2, 1, 1),
                    "r", 2, ".dynsym", 0, 2),
            Section(".gnu.version_r", VERNEED, A, self.verneed, "r", 8, ".dynstr", 1),
            Section(".rela.dyn", RELA, A, self.rela_dyn, "r", 8, ".dynsym", 0, sym),
            Section(".rela.plt", RELA, A, self.rela_plt, "r", 8, ".dynsym", ".got", sym),
            Section(".relr.dyn", RELR, A, self.relr, "r", 8, None, 0, 8),
            Section(".eh_frame", PROGBITS, A, self.eh_frame, "r"),
            Section(".eh_frame_hdr", PROGBITS, A, lambda a: b"\x01\x1b\xff\xff" + rel32(
                a[".eh_frame"] - a[".eh_frame_hdr"] - 4), "r", 4),
            Section(".gcc_except_table", PROGBITS, A, lambda a: b"\xff\xff\x01\0", "r", 4),
            Section(".plt", PROGBITS, A | X, lambda a: self.plt_code(a), "x", 16, entsize=16),
            Section(".text", PROGBITS, A | X, lambda a: (b"\x90" * 15 + b"\xc3") * 3, "x", 16),
            Section(".tbss", NOBITS, A | W | TLS, lambda a: b"", "w", 8, size=16),
            Section(".data.rel.ro", PROGBITS, A | W,
                    lambda a: struct.pack("<Q", 0), "w"),
            Section(".dynamic", DYNAMIC, A | W, self.dynamic, "w", 8, ".dynstr", 0, 16),
            Section(".got", PROGBITS, A | W, lambda a: struct.pack("<Q", a[".plt"] + 22), "w"),
            Section(".data", PROGBITS, A | W,
                    lambda a: struct.pack("<3Q", a[".text"], a[".text"] + 16, a[".data"]), "w"),
            Section(".bss", NOBITS, A | W, lambda a: b"", "w", size=32),
            Section(".rela.text", RELA, 0, self.rela_text, None, 8, ".symtab", ".text", sym),
            Section(".symtab", SYMTAB, 0, self.symtab, None, 8, ".strtab", 5, sym),
            Section(".strtab", STRTAB, 0, lambda a: self.strtab.data, None, 1),
        ]

    def __getitem__(self, name):
        return next(s for s in self.sections if s.name == name)

    def note(self, _):
        return struct.pack("<III", 4, len(self.build_id), 3) + b"GNU\0" + self.build_id

    def dynsym(self, a):
        text, ro = self.index.get(".text", 0), self.index.get(".data.rel.ro", 0)
        return (symbol(0, 0, 0) + symbol(self.dynstr("puts"), 0x12, UNDEF)
                + symbol(self.dynstr("api"), 0x12, text, a[".text"], 16)
                + symbol(self.dynstr("table"), 0x11, ro, a[".data.rel.ro"], 8))

    def verneed(self, _):
        return (struct.pack("<HHIII", 1, 1, self.dynstr("libc.so.6"), 16, self.needed_version)
                + struct.pack("<IHHII", 0, 0, 2, self.dynstr("GLIBC_2.2.5"), 0))

    def rela_dyn(self, a):
        return struct.pack("<QQq", a[".data.rel.ro"], 8, a[".text"])

    def rela_plt(self, a):
        return struct.pack("<QQq", a[".got"], 1 << 32 | 7, 0)

    def relr(self, a):
        words = self.relr_words(a)
        return struct.pack(f"<{len(words)}Q", *words)

    def rela_text(self, a):
        return struct.pack("<QQq", a[".text"] + 33, 6 << 32 | 4, -4)

    def plain_plt(self, a):
        disp = a[".got"] - (a[".plt"] + 22)
        return (b"\xff\x35" + rel32(0) + b"\xff\x25" + rel32(0) + b"\x0f\x1f\x40\0"
                + b"\xff\x25" + rel32(disp) + b"\x68\0\0\0\0\xe9" + rel32(-32))

    def symtab(self, a):
        text, n = self.index.get(".text", 0), self.strtab
        dyn = self.index.get(".dynamic", 0)
        return (symbol(0, 0, 0) + symbol(n("odd.c"), 4, ABS)
                + symbol(n("helper"), 2, text, a[".text"] + 16, 16)
                + symbol(0, 4, ABS) + symbol(n("_DYNAMIC"), 1, dyn, a[".dynamic"])
                + symbol(n("api@@ODD_1"), 0x12, text, a[".text"], 16)
                + symbol(n("puts@GLIBC_2.2.5"), 0x12, UNDEF)
                + symbol(n("label"), 0x10, text, a[".text"] + 4)
                + symbol(n("alias"), 0x22, text, a[".text"], 16))

    def eh_frame(self, a):
        here = a[".eh_frame"]
        out = entry(0, b"\x01zR\0\x01\x78\x10\x01\x1b\x0c\x07\x08\x90\x01\0\0")
        for start, size in self.fdes:
            at = len(out)
            out += entry(at + 4, rel32(a[".text"] + start - (here + at + 8))
                         + struct.pack("<I", size) + b"\0")
        cie = len(out)
        # Personality through a slot, language-specific data, signal frame.
        out += entry(0, b"\x01zPLRS\0\x01\x78\x10\x07\x9b"
                     + rel32(a[".got"] - (here + cie + 20)) + b"\x1b\x1b")
        at = len(out)
        out += entry(at + 4 - cie, rel32(a[".text"] + 32 - (here + at + 8))
                     + struct.pack("<I", 16) + b"\x04"
                     + rel32(a[".gcc_except_table"] - (here + at + 17)))
        return out + self.tail + b"\0\0\0\0"

    def dynamic(self, a):
        n = self.dynstr
        tags = [(1, n("libc.so.6")), (14, n("libodd.so.1")), (5, a[".dynstr"]),
                (6, a[".dynsym"]), (10, len(n.data)), (11, 24),
                (7, a[".rela.dyn"]), (8, 24), (9, 24),
                (23, a[".rela.plt"]), (2, 24), (20, 7),
                (36, a[".relr.dyn"]), (35, 8 * len(self.relr_words(a))), (37, 8),
                (0x6FFFFFF0, a[".gnu.version"]), (0x6FFFFFFE, a[".gnu.version_r"]),
                (0x6FFFFFFF, 1), (0, 0)]
        return b"".join(struct.pack("<QQ", *t) for t in tags)

    def lay_out(self):
        """Place the sections; returns the bytes behind the headers."""
        out = bytearray(64 + 56 * 6)
        for s in self.sections:
            data = s.content(self.at)
            out += b"\0" * (-len(out) % max(s.align, 1)) if s.align < 4096 else b""
            s.off = len(out)
            self.at[s.name] = s.off if s.flags & A else 0
            if s.kind != NOBITS:
                s.size = len(data)
                out += data
        return out

    def load(self, seg, flags):
        part = [s for s in self.sections if s.seg == seg]
        start = 0 if seg == "r" else part[0].off
        file_end = max(s.off + s.size for s in part if s.kind != NOBITS)
        end = max(s.off + s.size for s in part if not s.flags & TLS)
        return struct.pack("<IIQQQQQQ", 1, flags, start, start, start,
                           file_end - start, end - start, 1)

    def headers(self):
        dyn, ro, tbss = self[".dynamic"], self[".data.rel.ro"], self[".tbss"]
        dyn_end = dyn.off + dyn.size
        return (self.load("r", 4) + self.load("x", 5) + self.load("w", 6)
                + struct.pack("<IIQQQQQQ", 2, 6, dyn.off, dyn.off, dyn.off, dyn.size, dyn.size, 8)
                + struct.pack("<IIQQQQQQ", 0x6474E552, 4, ro.off, ro.off, ro.off,
                              dyn_end - ro.off, dyn_end - ro.off, 1)
                + struct.pack("<IIQQQQQQ", 7, 4, tbss.off, tbss.off, tbss.off, 0, tbss.size, 8))

    def write(self):
        self.at = dict.fromkeys([s.name for s in self.sections], 0)
        self.index = {s.name: i + 1 for i, s in enumerate(self.sections)}
        # Names are all known after one pass, addresses after two.
        for _ in range(3):
            out = self.lay_out()
        names = Names()
        table = bytes(64)
        for s in self.sections:
            info = self.index.get(s.info, s.info or 0)
            fields = [names(s.name), s.kind, s.flags, self.at[s.name], s.off, s.size,
                      self.index.get(s.link, 0), info, s.align, s.entsize]
            for i, value in s.header.items():
                fields[i] = value
            table += struct.pack("<IIQQQQIIQQ", *fields)
        name = names(".shstrtab")
        table += struct.pack("<IIQQQQIIQQ", name, STRTAB, 0, 0, len(out), len(names.data),
                             0, 0, 1, 0)
        out += names.data + b"\0" * (-(len(out) + len(names.data)) % 8)
        count = len(self.sections) + 2
        ehdr = [b"\x7fELF\x02\x01\x01" + bytes(9), 3, 62, 1, 0, 64, len(out), 0,
                64, 56, 6, 64, count, count - 1]
        for i, value in self.ehdr.items():
            ehdr[i] = value
        out[:64] = struct.pack("<16sHHIQQQIHHHHHH", *ehdr)
        out[64:64 + 336] = self.headers()
        out += table
        if self.after:
            out = self.after(out) or out
        return bytes(out)


VARIANTS = {}


def variant(name):
    def register(fn):
        VARIANTS[name] = fn
        return fn
    return register


def field(file_name, section, index, value):
    """A variant that lies in one field of one section header."""
    def lie(elf):
        elf[section].header[index] = value
    VARIANTS[file_name] = lie


def ident(file_name, index, value):
    """A variant that lies in the ELF header."""
    def lie(elf):
        elf.ehdr[index] = value
    VARIANTS[file_name] = lie


def patched(file_name, fn):
    """A variant whose finished bytes are changed."""
    def lie(elf):
        elf.after = fn
    VARIANTS[file_name] = lie


NAME, TYPE, FLAGS, ADDR, OFF, SIZE, LINK, INFO, ALIGN, ENTSIZE = range(10)
VARIANTS["good-plain"] = lambda elf: None
ident("unsupported-machine", 2, 183)
ident("unsupported-object-file", 1, 1)
ident("unsupported-core-file", 1, 4)
ident("unsupported-type-none", 1, 0)
ident("unsupported-no-section-table", 6, 0)
ident("unsupported-32-bit", 0, b"\x7fELF\x01\x01\x01" + bytes(9))
ident("unsupported-big-endian", 0, b"\x7fELF\x02\x02\x01" + bytes(9))
ident("unsupported-version", 0, b"\x7fELF\x02\x01\x07" + bytes(9))
ident("unsupported-no-elf", 0, b"#!/bin/sh\n" + bytes(6))
ident("bad-input-section-table-past-the-end", 6, 1 << 40)
ident("bad-input-section-table-wraps", 6, MAX - 8)
ident("bad-input-program-headers-past-the-end", 5, 1 << 40)
ident("bad-input-size-of-section-headers", 11, 40)
ident("bad-input-size-of-program-headers", 9, 32)
ident("bad-input-names-of-sections-nowhere", 13, 9999)
ident("bad-input-names-of-sections-none", 13, 0)
ident("limit-sections", 12, 60000)
ident("limit-sections-extended", 12, 0)
ident("limit-program-headers", 10, 5000)
field("bad-input-size-past-the-end", ".text", SIZE, 1 << 20)
field("bad-input-size-wraps", ".text", SIZE, MAX)
field("bad-input-offset-past-the-end", ".data", OFF, 1 << 33)
field("bad-input-offset-shifted", ".text", OFF, 64)
field("bad-input-address-shifted", ".data", ADDR, 0x100000)
field("bad-input-address-wraps", ".bss", ADDR, MAX - 7)
field("bad-input-bss-huge", ".bss", SIZE, 1 << 46)
field("bad-input-huge-alignment", ".data", ALIGN, 1 << 63)
field("bad-input-odd-alignment", ".data", ALIGN, 24)
field("bad-input-alignment-and-address", ".got", ALIGN, 1 << 29)
field("bad-input-section-name-nowhere", ".got", NAME, 0x7FFFFFFF)
field("bad-input-symbols-of-wrong-size", ".dynsym", ENTSIZE, 16)
field("bad-input-symbols-of-size-zero", ".dynsym", ENTSIZE, 0)
field("bad-input-symbols-without-names", ".dynsym", LINK, 0)
field("bad-input-symbols-with-code-as-names", ".symtab", LINK, 13)
field("bad-input-two-symbol-tables", ".rela.text", TYPE, SYMTAB)
field("bad-input-dynamic-not-typed", ".dynamic", TYPE, PROGBITS)
field("bad-input-relocations-not-typed", ".rela.dyn", TYPE, PROGBITS)
field("bad-input-dynsym-not-typed", ".dynsym", TYPE, PROGBITS)
field("bad-input-versions-not-typed", ".gnu.version", TYPE, PROGBITS)
field("unsupported-debug-file-only", ".text", TYPE, NOBITS)
field("good-version-names-not-typed", ".gnu.version_r", TYPE, PROGBITS)
field("good-unused-static-relocations", ".rela.text", INFO, 0)


@variant("bad-input-sections-overlap-in-the-file")
def overlap(elf):
    elf[".rela.text"].header = {OFF: 0, SIZE: 2000}
    elf[".strtab"].header = {OFF: 0, SIZE: 2000}


@variant("bad-input-sections-overlap-in-memory")
def overlap_in_memory(elf):
    def shift(out):
        got, data = elf[".got"], elf[".data"]
        at = out.rfind(struct.pack("<QQQ", data.off, data.off, data.size))
        struct.pack_into("<QQQ", out, at, got.off, got.off, data.size)
    elf.after = shift


@variant("good-empty-sections")
def empty(elf):
    for i, seg in ((2, "r"), (16, "w")):
        elf.sections.insert(i, Section(f".empty{i}", PROGBITS, A, lambda a: b"", seg))
    elf.sections.append(Section(".empty", PROGBITS, 0, lambda a: b""))


@variant("bad-input-names-do-not-end")
def names_do_not_end(elf):
    def content(_):
        return elf.strtab.data[:-1] + b"x"
    elf[".strtab"].content = content


@variant("bad-input-names-empty")
def names_empty(elf):
    elf[".strtab"].content = lambda a: b""


@variant("bad-input-name-of-symbol-nowhere")
def name_nowhere(elf):
    old = elf.symtab
    elf[".symtab"].content = lambda a: old(a) + symbol(1 << 30, 2, 1)


@variant("bad-input-symbol-in-no-section")
def symbol_nowhere(elf):
    old = elf.symtab
    elf[".symtab"].content = lambda a: old(a) + symbol(0, 2, 0x4000)


@variant("bad-input-symbol-wraps")
def symbol_wraps(elf):
    old = elf.symtab
    elf[".symtab"].content = lambda a: old(a) + symbol(0, 2, 1, MAX - 3, 100)


@variant("good-symbols-nest-deeply")
def symbols_nest(elf):
    old = elf.symtab
    elf[".symtab"].content = lambda a: old(a) + b"".join(
        symbol(elf.strtab("nested"), 2, elf.index.get(".text", 0), a[".text"] + i, 48 - 2 * i)
        for i in range(24))


@variant("bad-input-more-versions-than-symbols")
def more_versions(elf):
    elf[".gnu.version"].content = lambda a: struct.pack("<5H", 0, 2, 1, 1, 1)


@variant("good-version-index-unknown")
def version_unknown(elf):
    elf[".gnu.version"].content = lambda a: struct.pack("<4H", 0, 0x7FFF, 0xFFFF, 1)


@variant("bad-input-versions-leave-the-section")
def versions_leave(elf):
    elf.needed_version = 1 << 31


@variant("bad-input-versions-chain-overlaps")
def versions_chain(elf):
    # Every definition lists all entries behind it: the square of the section.
    elf[".gnu.version_r"].content = lambda a: struct.pack("<HHIII", 1, 0xFFFF, 0, 16, 0) + \
        struct.pack("<IHHII", 0, 0, 2, 0, 0)


@variant("bad-input-frame-header-elsewhere")
def frame_header_elsewhere(elf):
    elf[".eh_frame_hdr"].content = lambda a: b"\x01\x1b\xff\xff" + rel32(64)


@variant("unsupported-frame-header-version")
def frame_header_version(elf):
    elf[".eh_frame_hdr"].content = lambda a: b"\x02\x1b\xff\xff" + rel32(64)


@variant("bad-input-extents-overlap")
def fdes_overlap(elf):
    elf.fdes = [(0, 17), (16, 16)]


@variant("bad-input-extents-twice")
def fdes_twice(elf):
    elf.fdes = [(0, 16), (0, 16)]


@variant("bad-input-extent-outside-of-code")
def fde_outside(elf):
    elf.fdes = [(0, 16), (16, 1 << 20)]


@variant("bad-input-extent-of-data")
def fde_of_data(elf):
    elf.fdes = [(-600, 8)]


@variant("good-extent-of-nothing")
def fde_of_nothing(elf):
    elf.fdes = [(0, 16), (0, 0), (16, 16)]


@variant("good-lists-of-extents-joined")
def fdes_joined(elf):
    elf.tail = b"\0\0\0\0" + entry(0, b"\x03\0\x01\x78\x10")


def tail(file_name, body):
    def lie(elf):
        elf.tail = body
    VARIANTS[file_name] = lie


tail("bad-input-frame-length", struct.pack("<II", 0x7FFFFFF0, 0))
tail("bad-input-frame-length-64", struct.pack("<IQI", 0xFFFFFFFF, MAX, 0))
tail("bad-input-frame-too-short", struct.pack("<IH", 2, 0))
tail("bad-input-frame-without-cie", entry(12, bytes(16)))
tail("bad-input-frame-cie-before-section", entry(0x7FFFFFFF, bytes(16)))
tail("bad-input-cie-without-end", struct.pack("<II", 8, 0) + b"\x01zRL")
tail("bad-input-cie-leb-without-end", entry(0, b"\x01zR\0" + b"\x80" * 24))
tail("bad-input-cie-data-longer-than-cie", entry(0, b"\x01zR\0\x01\x78\x10\x7f\x1b"))
tail("bad-input-cie-personality-cut", entry(0, b"\x01zP\0\x01\x78\x10\x02\x1b\x00"))
tail("unsupported-cie-version", entry(0, b"\x09\0\x01\x78\x10"))
tail("unsupported-cie-augmentation", entry(0, b"\x01zQ\0\x01\x78\x10\x01\x1b"))
tail("unsupported-cie-without-length", entry(0, b"\x01eh\0" + bytes(8) + b"\x01\x78\x10"))
tail("unsupported-cie-encoding", entry(0, b"\x01zR\0\x01\x78\x10\x01\x3b"))


def relr(file_name, words):
    def lie(elf):
        elf.relr_words = words
    VARIANTS[file_name] = lie


relr("bad-input-relr-bitmap-first", lambda a: [MAX])
relr("bad-input-relr-outside", lambda a: [1 << 40])
relr("bad-input-relr-runs-out", lambda a: [a[".data"], MAX])
relr("bad-input-relr-in-bss", lambda a: [a[".bss"]])
relr("bad-input-relr-descends", lambda a: [a[".data"] + 8, a[".data"]])
relr("bad-input-relr-twice", lambda a: [a[".data"], a[".data"]])
relr("bad-input-relr-and-rela", lambda a: [a[".data.rel.ro"]])
relr("good-relr-one", lambda a: [a[".data"]])


def rela(file_name, section, content):
    def lie(elf):
        elf[section].content = content
    VARIANTS[file_name] = lie


rela("bad-input-relocation-of-no-symbol", ".rela.plt",
     lambda a: struct.pack("<QQq", a[".got"], 99 << 32 | 7, 0))
rela("bad-input-relocation-of-no-place", ".rela.dyn",
     lambda a: struct.pack("<QQq", 1 << 60, 8, 0))
rela("bad-input-two-relocations-of-one-place", ".rela.dyn",
     lambda a: struct.pack("<QQq", a[".got"], 8, 0))
rela("bad-input-relocation-of-half-an-entry", ".rela.text", lambda a: bytes(36))
rela("good-relocation-of-nothing", ".rela.dyn", lambda a: bytes(24))


@variant("bad-input-build-id-long")
def build_id_long(elf):
    elf.build_id = bytes(200)


@variant("bad-input-build-id-empty")
def build_id_empty(elf):
    elf.build_id = b""


@variant("good-notes-cut")
def notes_cut(elf):
    elf[".note.gnu.build-id"].content = lambda a: struct.pack("<III", 4, 1 << 31, 3) + b"GNU\0"


def plt(file_name, stub):
    """A variant with another kind of stub: bytes, with None for the operand."""
    def change(elf):
        def code(a):
            head = bytes(16)
            before, after = stub
            disp = a[".got"] - (a[".plt"] + 16 + len(before) + 4)
            body = before + rel32(disp) + after
            return head + body + b"\xcc" * (-len(body) % 16)
        elf.plt_code = code
    VARIANTS[file_name] = change


plt("good-plt-endbr", (b"\xf3\x0f\x1e\xfa\xff\x25", b""))
plt("good-plt-endbr-bnd", (b"\xf3\x0f\x1e\xfa\xf2\xff\x25", b""))
plt("good-plt-bnd", (b"\xf2\xff\x25", b"\x90"))
plt("good-plt-mold", (b"\xf3\x0f\x1e\xfa\x41\xbb\0\0\0\0\xff\x25", b""))
plt("good-plt-retpoline", (b"\x4c\x8b\x1d", b"\xe8" + bytes(24)))
VARIANTS["good-plt-none"] = lambda elf: setattr(elf, "plt_code", lambda a: b"\xcc" * 32)
VARIANTS["good-plt-cut"] = lambda elf: setattr(elf, "plt_code", lambda a: b"\xf3\x0f\x1e\xfa\xff\x25")

patched("bad-input-header-only", lambda out: out[:64])
patched("bad-input-half-a-header", lambda out: out[:40])
patched("bad-input-magic-only", lambda out: out[:4])
patched("unsupported-empty", lambda out: out[:0] or bytearray(b"\0"))
patched("good-bytes-behind-the-end", lambda out: out + b"x" * 100)


def segment(file_name, index, at, value):
    """A variant that lies in one 8-byte field of a program header."""
    patched(file_name, lambda out: struct.pack_into("<Q", out, 64 + 56 * index + at, value))


segment("bad-input-segment-past-the-end", 2, 32, 1 << 20)
segment("bad-input-segment-wraps", 2, 40, MAX)
segment("bad-input-segment-smaller-in-memory", 0, 40, 1)
segment("bad-input-segment-address-wraps", 2, 16, MAX - 16)
segment("bad-input-segments-overlap", 1, 16, 8)
segment("bad-input-segment-alignment", 0, 48, 3)
segment("bad-input-segment-alignment-huge", 0, 48, 1 << 62)
segment("bad-input-dynamic-elsewhere", 3, 16, 0x1234)


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name, change in VARIANTS.items():
        elf = Elf()
        change(elf)
        (out / name).write_bytes(elf.write())


if __name__ == "__main__":
    main()
