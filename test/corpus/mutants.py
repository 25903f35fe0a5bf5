# SPDX-License-Identifier: Apache-2.0
"""The kinds of change that the corpus is made of, and their truth.

A kind is a program that rewrites any source of sources/ at its anchors; nothing
here knows a source by name. Its label says what is true of the change, from what
it is and not from what any tool says of it:

  safe          a running process can be switched; `hotpatch` (or `identical`, where
                the two builds answer alike) is right
  unsafe        it cannot; `baseline` for one of the kind's rules is right
  undecidable   it cannot, but an innocent change of the source gives the same
                bytes; only by the kind and the configuration (see `blind`)
  trap          a hotpatch is right if its references are resolved rightly, so only
                one that misbehaves alive is wrong; a refusal is right for its rules
"""
import re

SAFE, UNSAFE, UNDECIDABLE, TRAP = "safe", "unsafe", "undecidable", "trap"
KINDS = {}


class Kind:
    """A kind of change.

    blind: configurations of debug information (`g`, `strip`) in which the change is
    undecidable. forms: the forms of the build that it is made in. linker: flags that
    both builds are linked with.
    """

    def __init__(self, name, label, rules, anchor, edit, blind=(), forms=("exe", "so"),
                 linker=(), compiler=(), lto=True):
        self.name, self.label, self.rules = name, label, rules
        self.anchor, self.edit = anchor, edit
        self.blind, self.forms = blind, forms
        self.linker, self.compiler, self.lto = list(linker), list(compiler), lto

    def label_in(self, debug):
        return UNDECIDABLE if debug in self.blind else self.label

    def instances(self, text):
        """How many mutants of this kind a source gives."""
        if callable(self.anchor):
            return self.anchor(text)
        return len(re.findall(self.anchor, text))


class Pair:
    """Both sides of a mutant: files by name, and the order of the link."""

    def __init__(self, name, text, support):
        self.name = name
        self.old = {name: text, "support.c": support}
        self.new = dict(self.old)
        self.old_order = [name, "support.c"]
        self.new_order = list(self.old_order)

    @property
    def text(self):
        return self.new[self.name]

    @text.setter
    def text(self, text):
        self.new[self.name] = text


def kind(name, label, rules, anchor, **more):
    """Register the function that makes a kind's change."""
    def register(function):
        KINDS[name] = Kind(name, label, rules.split(), anchor, function, **more)
        return function
    return register


# What finds and rewrites anchors.

def tag(name):
    return re.escape(f"/*@{name}*/")


def nth(pattern, text, i):
    return list(re.finditer(pattern, text))[i]


def splice(text, start, end, new):
    return text[:start] + new + text[end:]


def put_at(text, name, new, i=0, after=False):
    """Put something at an anchor, which stays."""
    match = nth(tag(name), text, i)
    at = match.end() if after else match.start()
    return splice(text, at, at, new)


def put_top(text, new):
    return text.replace("//@top\n", "//@top\n" + new + "\n", 1)


def lines_with(text, name):
    """The lines with an anchor, without their ends: (start, end) each."""
    return [match.span() for match in re.finditer(rf"(?m)^.*{tag(name)}.*$", text)]


def edit_line(text, name, edit, i=0):
    start, end = lines_with(text, name)[i]
    return splice(text, start, end, edit(text[start:end]))


def swap_lines(text, one, other):
    """Let two lines, each given by its span, change places."""
    (a, b), (c, d) = sorted((one, other))
    return text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


def closing(text, at):
    """The place behind the parenthesis that closes the one at `at`."""
    depth = 0
    for i in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i + 1
    raise ValueError("no closing parenthesis")


def wrap(text, name, i, make):
    """Rewrite the expression in parentheses that follows an anchor."""
    match = nth(tag(name) + r"\s*(?=\()", text, i)
    end = closing(text, match.end())
    return splice(text, match.start(), end, make(text[match.end():end]))


def bump(line):
    """Another number in place of the line's first one, its name's digits aside."""
    match = re.search(r"(?<![\w.])\d+(?![\w.])", line)
    number = int(match[0])
    return splice(line, *match.span(), str(number + max(1, number // 2)))


def guards(text):
    return re.findall(r"//@guard (.*) : (.*)", text)


def statement(text, name, i, make):
    """Replace a whole-line anchor `//@name COND : STATEMENT`."""
    match = nth(rf"//@{name} (.*?) : (.*)", text, i)
    return splice(text, *match.span(), make(match[1], match[2]))


def touch(text, member="added"):
    """Use a new member wherever an object of its type is in hand."""
    return re.sub(r"//@touch (.*)",
                  lambda m: f"{m[1]}->{member} += 3; if ({m[1]}->{member} > 250) "
                            f'say("many %d\\n", (int){m[1]}->{member});', text)


def functions(text):
    """The spans of all functions that are defined at the top level."""
    spans, lines, at = [], [], 0
    for line in text.split("\n"):
        lines.append((at, line))
        at += len(line) + 1
    for i, (start, line) in enumerate(lines):
        if line != "{":
            continue
        first = i
        while first and lines[first - 1][1] and not lines[first - 1][1].startswith(
                ("//", "}", "#", "/*")):
            first -= 1
        last = next(j for j in range(i, len(lines)) if lines[j][1][:1] == "}")
        if lines[last][1] != "}":
            continue
        spans.append((lines[first][0], start, lines[last][0] + 1))
    return spans


def has(*names):
    """One mutant where a source has all of these anchors, else none."""
    return lambda text: int(all(f"@{name}" in text for name in names))


# Safe kinds.

@kind("bounds-check", SAFE, "", r"//@guard ")
def _(pair, i):
    pair.text = statement(pair.text, "guard", i, lambda c, s: f"if ({c})\n{s}")


@kind("error-path", SAFE, "", r"//@guard ")
def _(pair, i):
    pair.text = statement(pair.text, "guard", i, lambda c, s: (
        f'if ({c}) {{ say("refused: %s\\n", "out of range"); {s} }}'))


@kind("early-return", SAFE, "", r"//@early ")
def _(pair, i):
    pair.text = statement(pair.text, "early", i, lambda c, s: f"if ({c})\n{s}")


@kind("constant", SAFE, "", tag("k"))
def _(pair, i):
    match = nth(tag("k") + r"\s*\d+", pair.text, i)
    pair.text = splice(pair.text, *match.span(), bump(match[0].replace("@k", "")))


@kind("inverted", SAFE, "", tag("inv"))
def _(pair, i):
    pair.text = wrap(pair.text, "inv", i, lambda e: f"(!{e})")


@kind("new-helper", SAFE, "", tag("val"))
def _(pair, i):
    text = wrap(pair.text, "val", i, lambda e: f"added_helper({e})")
    pair.text = put_top(text, "static HELPER int added_helper(int x)\n"
                              "{ return x > 40 ? x / 2 + 1 : x + 3; }")


@kind("new-string", SAFE, "", tag("val"))
def _(pair, i):
    pair.text = wrap(pair.text, "val", i, lambda e: (
        f'(say("more: %s\\n", "a text that was not there"), {e})'))


@kind("text-changed", SAFE, "", tag("text"))
def _(pair, i):
    match = nth(r'"(?=\s*' + tag("text") + ")", pair.text, i)
    pair.text = splice(pair.text, *match.span(), ' (changed)"')


@kind("local-struct", SAFE, "", tag("val"))
def _(pair, i):
    pair.text = wrap(pair.text, "val", i, lambda e: (
        "({ struct { char text[24]; int n; } added; added.n = snprintf(added.text, "
        f'sizeof(added.text), "<%d>", {e}); say("%s\\n", added.text); added.n + {e}; }})'))


@kind("import-present", SAFE, "", tag("val"))
def _(pair, i):
    pair.text = wrap(pair.text, "val", i, lambda e: (
        f'({e} + (int)strtol("12", NULL, 10))'))


@kind("import-new", SAFE, "", tag("val"))
def _(pair, i):
    pair.text = wrap(pair.text, "val", i, lambda e: (
        f'({e} + (int)strtoul("7", NULL, 8))'))


@kind("const-table", SAFE, "", tag("val"))
def _(pair, i):
    text = wrap(pair.text, "val", i, lambda e: f"({e} + added_table[(unsigned){e} & 7])")
    pair.text = put_top(text, "static const int added_table[8] = "
                              "{ 5, 71, 12, -9, 400, 33, 2, 18 };")


@kind("static-variable", SAFE, "", tag("val"))
def _(pair, i):
    pair.text = wrap(pair.text, "val", i, lambda e: (
        f"({{ static int added_most; int added_now = {e}; if (added_now > added_most) "
        "added_most = added_now; added_now + 1 + (added_most > 1000000); })"))


@kind("loop", SAFE, "", r"//@loop\n")
def _(pair, i):
    match = nth(r"//@loop\n(\s*)for \((\w+) (\w+) = 0; \3 < ([^;]+); \3\+\+\)", pair.text, i)
    kind_of, name, end = match[2], match[3], match[4]
    pair.text = splice(pair.text, *match.span(), (
        f"for ({kind_of} {name} = ({end}) - 1; {name} >= 0; {name}--)"))


@kind("split", SAFE, "", r"//@region ")
def _(pair, i):
    match = nth(r"//@region (.*)\n((?s:.*?))[ \t]*//@end\n", pair.text, i)
    names = [re.search(r"(\w+)$", part.strip())[1] for part in match[1].split(",")]
    text = splice(pair.text, *match.span(), f"added_part({', '.join(names)});\n")
    pair.text = put_top(text, f"static HELPER void added_part({match[1]})\n"
                              f"{{\n{match[2]}}}\n")


def helpers(text):
    """Where static functions begin that are kept from being inlined, and could be."""
    found = []
    for start, body, end in functions(text):
        head = text[start:body]
        name = re.search(r"(\w+)\(", head)
        if head.startswith("static HELPER ") and f"{name[1]}(" not in text[body:end]:
            found.append(start)
    return found


@kind("inlined", SAFE, "", lambda text: len(helpers(text)))
def _(pair, i):
    start = helpers(pair.text)[i]
    pair.text = splice(pair.text, start, start + len("static HELPER "),
                       "static inline __attribute__((always_inline)) ")


@kind("lock-around", SAFE, "", r"//@region ")
def _(pair, i):
    lock = re.search(r"//@lock (.*)", pair.text)[1]
    match = nth(r"//@region .*\n((?s:.*?))[ \t]*//@end\n", pair.text, i)
    pair.text = splice(pair.text, *match.span(), f"pthread_mutex_lock({lock});\n"
                       f"{match[1]}pthread_mutex_unlock({lock});\n")


@kind("line-shift", SAFE, "", has("top"))
def _(pair, _i):
    pair.text = put_top(pair.text, "\n\n")


@kind("static-local", SAFE, "", tag("static-local"))
def _(pair, i):
    start, end = lines_with(pair.text, "static-local")[i]
    line = pair.text[start:end].strip()
    pair.text = put_top(splice(pair.text, start, end, ""), line)


@kind("functions-reordered", SAFE, "", has("top"))
def _(pair, _i):
    text = pair.text
    spans = functions(text)
    bodies = [text[a:c] for a, _, c in spans]
    protos = [text[a:b].strip() for a, b, _ in spans]
    for (a, _, c), body in zip(reversed(spans), bodies):
        text = splice(text, a, c, body)
    pair.text = put_top(text, "\n".join(
        re.sub(r"__attribute__\(\(constructor\)\)|/\*@\w+\*/", "", proto) + ";"
        for proto in protos if "::" not in proto.split("(")[0]))


@kind("files-reordered", SAFE, "", has("top"))
def _(pair, _i):
    pair.new_order.reverse()


@kind("frame-struct", SAFE, "", tag("frame"))
def _(pair, i):
    pair.text = put_at(pair.text, "frame", "long added;\n", i)


@kind("stack-buffer", SAFE, "", tag("stack"))
def _(pair, i):
    pair.text = edit_line(pair.text, "stack", bump, i)


@kind("several", SAFE, "", has("guard", "text", "val", "k"))
def _(pair, _i):
    for part in ("bounds-check", "constant", "text-changed", "new-helper"):
        KINDS[part].edit(pair, 0)


# Unsafe kinds: layout.

@kind("member-middle", UNSAFE, "R-02 R-03", tag("mid"))
def _(pair, i):
    pair.text = touch(put_at(pair.text, "mid", "unsigned long added;\n", i))


@kind("member-end", UNSAFE, "R-02 R-03", tag("endm"))
def _(pair, i):
    pair.text = touch(put_at(pair.text, "endm", "unsigned long added;\n", i))


# Without types, the first use of padding is the first use of a member that was there.
@kind("member-padding", UNSAFE, "R-02", tag("hole"), blind=("strip",))
def _(pair, i):
    pair.text = touch(put_at(pair.text, "hole", "unsigned char added;\n", i))


@kind("member-wider", UNSAFE, "R-02 R-03", tag("type"))
def _(pair, i):
    pair.text = edit_line(pair.text, "type", lambda l: re.sub(r"\bint\b", "long", l), i)


@kind("member-float", UNSAFE, "R-02", tag("type"))
def _(pair, i):
    pair.text = edit_line(pair.text, "type", lambda l: re.sub(r"\bint\b", "float", l), i)


# A cast at each use gives the same bytes.
@kind("member-sign", UNSAFE, "R-02", tag("type"), blind=("strip",))
def _(pair, i):
    pair.text = edit_line(pair.text, "type", lambda l: re.sub(r"\bint\b", "unsigned", l), i)


# The masks and shifts of another expression over the same word are the same bytes.
@kind("bit-field", UNSAFE, "R-02", tag("bits"), blind=("strip",))
def _(pair, i):
    pair.text = edit_line(pair.text, "bits", bump, i)


@kind("members-swapped", UNSAFE, "R-02", has("swap"))
def _(pair, _i):
    pair.text = swap_lines(pair.text, *lines_with(pair.text, "swap")[:2])


@kind("union", UNSAFE, "R-02", tag("union"))
def _(pair, i):
    pair.text = edit_line(pair.text, "union", lambda l: l.replace("u.i", "u.d"), i)


def enumerators(text):
    """The spans of the lines of the enumerators behind //@enum."""
    body = re.search(r"//@enum\nenum[^{]*\{\n((?s:.*?))\}", text)
    at, spans = body.start(1), []
    for line in body[1].splitlines(keepends=True):
        spans.append((at, at + len(line)))
        at += len(line)
    return [span for span in spans if text[slice(*span)].strip()]


# Another number in the same place is what an innocent constant looks like.
@kind("enum-inserted", UNSAFE, "R-02 R-24", has("enum"), blind=("strip",))
def _(pair, _i):
    at = enumerators(pair.text)[0][1]
    pair.text = splice(pair.text, at, at, "ENUM_ADDED,\n")


@kind("states-renumbered", UNSAFE, "R-02 R-24", has("enum"), blind=("strip",))
def _(pair, _i):
    spans = enumerators(pair.text)
    pair.text = swap_lines(pair.text, spans[1], spans[2])


@kind("virtual-inserted", UNSAFE, "R-10", tag("virtual"))
def _(pair, i):
    pair.text = put_at(pair.text, "virtual", "virtual int added() { return 3; }\n", i)


@kind("virtuals-swapped", UNSAFE, "R-10", has("vswap"))
def _(pair, _i):
    pair.text = swap_lines(pair.text, *lines_with(pair.text, "vswap")[:2])


# Unsafe kinds: objects and their sizes.

@kind("global-grown", UNSAFE, "R-03", tag("grow"))
def _(pair, i):
    pair.text = edit_line(pair.text, "grow", bump, i)


@kind("initial-value", UNSAFE, "R-04", tag("initial"))
def _(pair, i):
    pair.text = edit_line(pair.text, "initial", bump, i)


@kind("allocation", UNSAFE, "R-03", tag("alloc"))
def _(pair, i):
    pair.text = edit_line(pair.text, "alloc", bump, i)


# The size comes from a function that is not inlined, and NEW writes to the last byte.
@kind("allocation-helper", UNSAFE, "R-03", tag("asize"))
def _(pair, i):
    text = edit_line(pair.text, "asize", lambda l: bump(bump(l)), i)
    pair.text = re.sub(r"//@touch (.*)",
                       r"((unsigned char *)(\1))[sizeof(*(\1)) + SLACK - 1] += 3;", text)


@kind("table-filled-once", UNSAFE, "R-19", has("fill", "val"))
def _(pair, _i):
    text = wrap(pair.text, "val", 0, lambda e: f"({e} + added_table[(unsigned){e} & 15])")
    text = text.replace("//@fill", "for (int a = 0; a < 16; a++)\n"
                                   "added_table[a] = a * a + 7;", 1)
    pair.text = put_top(text, "static int added_table[16];")


@kind("thread-local-added", UNSAFE, "R-06", has("tls", "touch"))
def _(pair, _i):
    text = re.sub(r"//@touch .*", lambda _: (
        'added_local += 3; if (added_local > 250) say("many %u\\n", added_local);'), pair.text)
    start, _end = lines_with(text, "tls")[0]
    pair.text = splice(text, start, start, "static __thread unsigned added_local = 1;\n")


@kind("thread-locals-swapped", UNSAFE, "R-06", has("tls"))
def _(pair, _i):
    pair.text = swap_lines(pair.text, *lines_with(pair.text, "tls")[:2])


# Unsafe kinds: functions and who calls them.

@kind("parameter-added", UNSAFE, "R-09", has("param", "useparam"))
def _(pair, _i):
    text = put_at(pair.text, "param", ", long added")
    pair.text = re.sub(r"//@useparam (.*)", r"\1 += (int)added;", text)


# What is left in the register of the result is what another result looks like.
@kind("return-type", UNSAFE, "R-09", has("ret*/", "retval"), blind=("strip",))
def _(pair, _i):
    text = re.sub(tag("ret") + r"\s*int", "void", pair.text)
    pair.text = re.sub(r"return [^;]*;(\s*)" + tag("retval"), r"return;\1", text)


# A compiler may run a constructor that stores constants, and leave their values.
@kind("constructor", UNSAFE, "R-05 R-04", tag("ctor"))
def _(pair, i):
    pair.text = edit_line(pair.text, "ctor", bump, i)


# A program exports nothing that others are bound to.
@kind("export-removed", UNSAFE, "R-08", tag("export"), forms=("so",))
def _(pair, i):
    text = pair.text
    at = nth(tag("export"), text, i).start()
    start = max(a for a, _, _ in functions(text) if a < at)
    pair.text = splice(text, start, start, "static ")


# Unsafe kinds: locks.

@kind("lock-other", UNSAFE, "R-20", has("lock*/", "unlock*/", "otherlock"))
def _(pair, _i):
    other = re.search(r"//@otherlock (.*)", pair.text)[1]
    for name in ("lock", "unlock"):
        pair.text = edit_line(pair.text, name, lambda l: (
            re.sub(r"lock\(.*?\);", f"lock({other});", l)))


@kind("lock-moved", UNSAFE, "R-20", has("lock*/", "before-locked"))
def _(pair, _i):
    start, end = lines_with(pair.text, "lock")[0]
    line = pair.text[start:end]
    text = splice(pair.text, start, end, "")
    pair.text = text.replace("//@before-locked", line.strip(), 1)


# What the linker does.

# Right if the callers of the twin that changed go to a new function; wrong if the
# entry that stands for both is redirected.
@kind("folded", TRAP, "R-18", has("twin"), compiler=["-ffunction-sections"],
      linker=["-fuse-ld=lld", "-Wl,--icf=all"], lto=False)
def _(pair, _i):
    # The function of the anchor gets a twin of the same code in both builds;
    # in NEW one of the two changes.
    text = pair.old[pair.name]
    at = text.index("//@twin")
    start, body, end = next(span for span in functions(text) if span[0] > at)
    whole = text[start:end]
    name = re.search(r"(\w+)\(", text[start:body].split("\n", 1)[1])[1]
    twin = re.sub(rf"\b{name}\b", f"{name}_twin", whole)
    text = splice(text, end, end, "\n\n" + twin)
    text = re.sub(tag("calltwin") + rf"\s*{name}\b", f"{name}_twin", text)
    pair.old[pair.name] = text
    changed = re.sub(tag("twink") + r"\s*\d+", lambda m: bump(m[0].replace("@", "")), twin)
    pair.new[pair.name] = text.replace(twin, changed, 1)


ACCESSOR = """static int value_{0};
void set_{0}(int x) {{ value_{0} = x; }}
int get_{0}(void) {{ return value_{0}; }}
"""


# Symbols tell the accessors apart; without them they are one another's image.
@kind("accessors-shuffled", TRAP, "R-01", has("fill", "val"))
def _(pair, _i):
    text = pair.old[pair.name]
    text = put_top(text, "extern \"C\" {" * pair.name.endswith(".cc") +
                   "void set_one(int); void set_two(int); int get_one(void); "
                   "int get_two(void);" + "}" * pair.name.endswith(".cc"))
    text = text.replace("//@fill", "set_one(11);\nset_two(22);", 1)
    sides = []
    for more in ("", " + 1"):
        sides.append(wrap(text, "val", 0, lambda e, more=more: (
            f"({e} + 3 * get_one() - get_two(){more})")))
    pair.old[pair.name], pair.new[pair.name] = sides
    for side in (pair.old, pair.new):
        side["one.c"], side["two.c"] = ACCESSOR.format("one"), ACCESSOR.format("two")
    pair.old_order += ["one.c", "two.c"]
    pair.new_order += ["two.c", "one.c"]


@kind("past-the-end", TRAP, "R-01 R-03 R-04", has("pe1", "pe2", "pe*/"))
def _(pair, _i):
    # Objects around an array change places; a function that names its end changes.
    text = swap_lines(pair.text, lines_with(pair.text, "pe1")[0],
                      lines_with(pair.text, "pe2")[0])
    pair.text = wrap(text, "pe", 0, lambda e: f"({e} + 1)")
