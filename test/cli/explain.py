# SPDX-License-Identifier: Apache-2.0
"""`graft diff --explain` and `--html`: what they say, and that builds cannot make
them say something else."""
import base64
import hashlib
import html.parser
import json
import os
import pty
import re
import select
import subprocess
import struct
import fcntl
import termios

from browser import Browser
from stage import GRAFT, check, printable, same, test

EVIL = "<script>alert(1)</script>"
IMAGE = "<img src=http://127.0.0.1:9/x onerror=alert(2)>"
TURNED = "turn\u202eed\x1b[31m"
SOURCE = r"""
#include <assert.h>
#include <stdio.h>
#include <string.h>
#define HOSTILE(name, number) __asm__(".globl \"" name "\"\n.type \"" name "\",@function\n\"" \
	name "\":\n.cfi_startproc\nmov $" number ",%eax\nnop\nnop\nnop\nret\n.cfi_endproc\n" \
	".size \"" name "\", .-\"" name "\"\n")
#ifdef NEW
#define IF(o, n) n
#else
#define IF(o, n) o
#endif
HOSTILE("EVIL", IF("5001", "6001"));
HOSTILE("IMAGE", IF("5002", "6002"));
HOSTILE("TURNED", IF("5003", "6003"));
int limit(int x) { return x > IF(1000, 2000) ? -1 : x * 3; }
int say(int x) { return puts(IF("</span><b>old</b>", "\"'><script src=http://127.0.0.1:9/y></script>\u202e")); }
int copy(char *to, const char *from, size_t len)
{
	IF(, if (len > 64) return -1;)
	memcpy(to, from, len);
	return 0;
}
#line IF_LINE "some.c"
int checked(int *p) { assert(p); return *p; }
"""


def pair(place):
    """The two builds; compiled once for a place."""
    paths = [place.path("hostile-old.so"), place.path("hostile-new.so")]
    if not os.path.exists(paths[1]):
        for path, flags, line in zip(paths, ([], ["-DNEW"]), ("100", "200")):
            text = SOURCE.replace("IF_LINE", line)
            for word in ("EVIL", "IMAGE", "TURNED"):
                text = text.replace(f'"{word}"', json.dumps(globals()[word], ensure_ascii=False)
                                    .replace("\\u001b", "\\033"))
            source = place.write("some.c", text.encode())
            subprocess.run(["gcc", "-O2", "-g", "-w", "-fPIC", "-shared", *flags, "-o", path,
                            source], check=True)
    return paths


@test
def what_the_loader_is_asked_is_said_of_identical_builds(place):
    sides = []
    for flags in (("-Wl,-rpath,/opt/a",), ("-Wl,-rpath,/opt/b", "-Wl,-z,execstack", "-Wl,-Bsymbolic")):
        sides.append(place.path(f"asks-{len(flags)}.so"))
        place.cc("lib.c", sides[-1], "-shared", "-fPIC", *flags)
    done = place.run("diff", *sides, status=3)
    for words in ("identical", "R-26", "/opt/b", "executed", "-Bsymbolic"):
        check(words in done.stdout, f"{words!r} is not in {done.stdout!r}")


@test
def an_explanation_says_what_changed_and_from_which_line(place):
    done = place.run("diff", *pair(place), "--explain", status=0)
    printable(done.stdout, "the explanation")
    for text in ("limit: constant", "copy: code", "say: string", "checked: line number; stays",
                 "some.c:", "$0x3e8", "$0x7d0", "memcpy@plt", '"</span><b>old</b>"',
                 "1 line number (100 became 200)", "\\u202e", "\\x1b[31m"):
        check(text in done.stdout, f"{text!r} is not said: {done.stdout}")
    check("\u202e" not in done.stdout, "text is turned around")


@test
def a_refusal_says_what_would_help(place):
    sources = []
    for side, size in (("old", 24), ("new", 32)):
        sources.append(place.path(f"help-{side}.so"))
        source = place.write("help.c", b"#include <stdlib.h>\nchar *f(void)\n{\n"
                             b"\treturn malloc(%d);\n}\n" % size)
        subprocess.run(["gcc", "-O2", "-g", "-fPIC", "-shared", "-o", sources[-1], source],
                       check=True)
    done = place.run("diff", *sources, "--explain", status=4)
    check("R-03 the size of an object changed" in done.stdout, done.stdout)
    check("Keep the size" in done.stdout, done.stdout)
    answer = json.loads(place.run("diff", *sources, "--explain", "--json", status=4).stdout)
    reason = answer["explanation"]["modules"][0]["reasons"][0]
    same(reason["rule"], "R-03", "the rule")
    same(reason["function"], 0, "the function of the reason")
    check("Keep the size" in reason["remedy"], reason)


@test
def json_gets_the_explanation_beside_the_keys_that_are_there(place):
    plain = json.loads(place.run("diff", *pair(place), "--json", status=0).stdout)
    more = json.loads(place.run("diff", *pair(place), "--json", "--explain", status=0).stdout)
    explanation = more.pop("explanation")
    same(more, plain, "the other keys")
    functions = {f["name"]: f for f in explanation["modules"][0]["functions"]}
    same(functions["limit"]["classes"], ["constant"], "the classes of limit")
    same(functions["checked"]["fate"], "left", "what becomes of checked")
    check(EVIL in functions, list(functions))
    row = next(r for r in functions["limit"]["rows"] if r["classes"])
    check("$0x3e8" in row["old"]["text"] and "$0x7d0" in row["new"]["text"], row)
    check(row["old"]["line"] > 10, row)
    files = explanation["modules"][0]["files"]
    check(files[row["old"]["file"]].endswith("some.c"), files)


@test
def functions_whose_lines_differ_are_carried_if_asked(place):
    for flags, carried, notes in ((), 6, 1), (("--carry-lines",), 7, 0):
        answer = json.loads(place.run("diff", *pair(place), "--json", *flags, status=0).stdout)
        module = answer["modules"][0]
        same(module["functions"]["carried"], carried, "functions carried")
        same(sum(r["rule"] == "R-25" for r in module["reasons"]), notes, "notes")


def on_a_terminal(columns, *argv, **variables):
    """What a command prints on a terminal."""
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    process = subprocess.Popen([GRAFT, *argv], stdin=subprocess.DEVNULL, stdout=secondary,
                               stderr=subprocess.DEVNULL, env={**env, "TERM": "xterm", **variables})
    os.close(secondary)
    said = b""
    while select.select([primary], [], [], 30)[0]:
        try:
            more = os.read(primary, 65536)
        except OSError:
            break
        if not more:
            break
        said += more
    process.wait(30)
    os.close(primary)
    return said.decode()


@test
def an_explanation_fits_the_terminal_and_has_colour_only_there(place):
    argv = ["diff", *pair(place), "--explain"]
    check("\x1b" not in place.run(*argv, status=0).stdout, "colour in a pipe")
    said = on_a_terminal(90, *argv)
    check("\x1b[33m" in said and "\x1b[32m" in said, "no colour on a terminal")
    rows = re.sub(r"\x1b\[[0-9;]*m", "", said).split("checked: line number")[1].splitlines()
    check(len(rows) > 5, said)
    same([r for r in rows if len(r.rstrip("\r")) > 90], [], "rows that are too long")
    check("\x1b" not in on_a_terminal(90, *argv, NO_COLOR="1"), "colour despite NO_COLOR")


class Reader(html.parser.HTMLParser):
    """Collects what a page is made of."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.inside, self.policy = [], [], {}, ""
        self.current = None

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, k, v or "") for k, v in attrs]
        self.current = tag
        if ("http-equiv", "Content-Security-Policy") in attrs:
            self.policy = dict(attrs)["content"]

    def handle_data(self, data):
        if self.current in ("script", "style"):
            self.inside[self.current] = self.inside.get(self.current, "") + data

    def handle_endtag(self, tag):
        self.current = None


@test
def a_page_holds_no_markup_of_others_and_names_no_other_place(place):
    page = place.path("report.html")
    place.run("diff", *pair(place), "--html", page, status=0)
    with open(page, encoding="utf-8") as file:
        text = file.read()
    same(re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", text),
         [], "characters that hide or turn text")
    reader = Reader()
    reader.feed(text)
    same(reader.tags.count("script"), 1, "scripts")
    same([t for t in reader.tags if t in ("img", "iframe", "link", "object", "embed", "base", "b1")],
         [], "tags that fetch")
    same([a for a in reader.attributes if a[1].startswith("on") or a[1] in ("src", "style")], [],
         "attributes that run or fetch")
    links = [a[2] for a in reader.attributes if a[1] == "href"]
    check(links and all(link.startswith("#m") for link in links), links)
    for kind in ("script", "style"):
        digest = hashlib.sha256(reader.inside[kind].encode()).digest()
        check(f"{kind}-src 'sha256-{base64.b64encode(digest).decode()}'" in reader.policy,
              f"{kind}: {reader.policy}")
    check("default-src 'none'" in reader.policy, reader.policy)


@test
def a_page_is_not_written_over_an_input(place):
    old, new = pair(place)
    with open(old, "rb") as file:
        before = file.read()
    done = place.run("diff", old, new, "--html", old, status=65)
    check("one of the inputs" in done.stderr, done.stderr)
    with open(old, "rb") as file:
        same(file.read(), before, "the input")


@test
def a_page_in_a_browser_runs_no_script_of_others_and_asks_nobody(place):
    page = place.path("browser.html")
    place.run("diff", *pair(place), "--html", page, status=0)
    control = place.write("control.html", f"<!doctype html>{EVIL}{IMAGE}".encode())
    with Browser() as browser:
        # That the browser would tell.
        browser.open(control)
        check("1" in browser.dialogs, f"no dialog: {browser.dialogs}")
        check("http://127.0.0.1:9/x" in browser.requests, f"no request: {browser.requests}")

        browser.open(page, "#m0f1")
        same(browser.dialogs, [], "dialogs")
        same(browser.errors, [], "errors of scripts")
        same([r for r in browser.requests if r.split("#")[0] != f"file://{page}"], [], "requests")
        names = browser.ask("[...document.querySelectorAll('.fn .name')].map(e => e.textContent)")
        check(EVIL in names and IMAGE in names, names)
        same(browser.ask("document.scripts.length"), 1, "scripts")
        same(browser.ask("document.images.length"), 0, "images")
        # The script of the page itself did run.
        same(browser.ask("document.querySelector('.bar').hidden"), False, "the bar is hidden")
        same(browser.ask("document.querySelector('#m0f1').open"), True, "the function is open")
        same(browser.ask("document.querySelector('h1').textContent"), "hostile-new.so", "title")
        same(browser.ask("document.querySelector('header .badge').textContent"), "hotpatch",
             "the verdict")
        # One that gets in by mistake does not.
        browser.ask("{ const s = document.createElement('script'); s.textContent = 'alert(3)';"
                    " document.body.append(s); 0 }")
        same(browser.dialogs, [], "dialogs of a script that was put in")


@test
def the_page_filters_and_fits_any_screen_and_the_night(place):
    page = place.path("screen.html")
    place.run("diff", *pair(place), "--html", page, status=0)
    shown = "[...document.querySelectorAll('.fn')].filter(e => !e.hidden).length"
    with Browser() as browser:
        browser.open(page)
        total = browser.ask(shown)
        same(total, 7, "functions")
        browser.ask("{ const i = document.querySelector('#filter'); i.value = 'memcpy';"
                    " i.dispatchEvent(new Event('input')); 0 }")
        same(browser.ask(shown), 1, "functions that name memcpy")
        browser.ask("{ const i = document.querySelector('#filter'); i.value = '';"
                    " i.dispatchEvent(new Event('input'));"
                    " document.querySelector('[data-class=line-number]').click(); 0 }")
        same(browser.ask(shown), 1, "functions with line numbers")
        browser.ask("document.querySelector('[data-class=line-number]').click()")
        browser.ask("document.querySelector('#toggle').click()")
        same(browser.ask("[...document.querySelectorAll('.fn')].every(e => e.open)"), True,
             "all are open")
        paper = "getComputedStyle(document.body).backgroundColor"
        light = browser.ask(paper)
        for width in (320, 480, 900, 2400):
            browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                         deviceScaleFactor=1, mobile=width < 600)
            wide = browser.ask("document.documentElement.scrollWidth")
            check(wide <= width, f"{wide} pixels on a screen of {width}")
        browser.call("Emulation.setEmulatedMedia",
                     features=[{"name": "prefers-color-scheme", "value": "dark"}])
        check(browser.ask(paper) != light, f"the night is as bright as the day: {light}")
