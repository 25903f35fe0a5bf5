# SPDX-License-Identifier: Apache-2.0
"""What came out of the corpus: TAP, tables and JSON."""
import collections
import json
import os

import mutants

# Rates below which the suite fails: safe pairs accepted, and refusals of unsafe ones
# that name a true rule. They only ever go up.
FLOORS = {"g": {"safe": 0.90, "rule": 0.95}, "strip": {"safe": 0.75, "rule": 0.90}}
# Kinds (and whether with debug information) of which wrong verdicts are known: they
# are printed and counted, and fail nothing. The list only ever gets shorter.
KNOWN = set()
MARKS = ("<!-- corpus: made by test/corpus/run --table -->\n", "<!-- end of corpus -->\n")
NAMES = {"g": "with debug information", "strip": "stripped"}


class Group:
    """Counts of some results, the void ones aside."""

    def __init__(self, results):
        self.void = sum(r.verdict == "void" for r in results)
        results = [r for r in results if r.verdict != "void"]
        self.results, self.n = results, len(results)
        self.accepted = sum(r.accepted() for r in results)
        self.refused = sum(r.verdict == "baseline" for r in results)
        self.right = sum(r.verdict == "baseline" and r.right_rule() for r in results)
        self.live = sum(r.live == "ok" for r in results)
        self.not_applied = sum(r.live.startswith("not applied") for r in results)
        self.wrong = [r for r in results if r.wrong()]


def group(results, **want):
    return Group([r for r in results
                  if all(getattr(r, key) == value for key, value in want.items())])


def rate(part, whole):
    return part / whole if whole else 1.0


def percent(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


def bound(wrong, n):
    """The 95 % bound of a rate; the rule of three if none was seen."""
    if not n:
        return "-"
    if not wrong:
        return f"<= {300 / n:.2f} %"
    return f"{100 * wrong / n:.2f} %"


def totals(results, debug):
    """The rows of the table of figures: what, value, n."""
    unsafe = group(results, debug=debug, label=mutants.UNSAFE)
    safe = group(results, debug=debug, label=mutants.SAFE)
    blind = group(results, debug=debug, label=mutants.UNDECIDABLE)
    trap = group(results, debug=debug, label=mutants.TRAP)
    return [
        ("unsafe accepted, of the pairs decidable from the input",
         f"{unsafe.accepted} of {unsafe.n} ({bound(unsafe.accepted, unsafe.n)})"),
        ("undecidable: accepted / refused", f"{blind.accepted} / {blind.refused}"),
        ("traps: misbehaving / accepted / refused",
         f"{sum(r.misbehaves() for r in trap.results)} / {trap.accepted} / {trap.refused}"),
        ("safe accepted",
         f"{safe.accepted} of {safe.n} ({percent(safe.accepted, safe.n)})"),
        ("refusals of unsafe pairs that name a true rule",
         f"{unsafe.right} of {unsafe.refused} ({percent(unsafe.right, unsafe.refused)})"),
        ("hotpatches that the checker confirms / does not",
         " / ".join(str(sum(r.debug == debug and r.verdict == "hotpatch"
                            and (r.checker == "ok") == good for r in results))
                    for good in (True, False))),
        ("switched alive: right / not applied / wrong",
         " / ".join(str(sum(r.debug == debug and r.live.startswith(word)
                            for r in results)) for word in ("ok", "not", "wrong"))),
    ]


def kinds(results):
    """Results of each kind, in the order of mutants.py."""
    by_kind = collections.defaultdict(list)
    for result in results:
        by_kind[result.kind].append(result)
    return [(kind, by_kind[name]) for name, kind in mutants.KINDS.items() if by_kind[name]]


def print_tap(results, seconds, floors):
    """Print TAP; returns the exit status."""
    number = bad = 0

    def line(good, text, known=False):
        nonlocal number, bad
        number, bad = number + 1, bad + (not good and not known)
        print(f"{'ok' if good else 'not ok'} {number} - {text}"
              f"{' # TODO a known gap' * (known and not good)}", flush=True)

    for kind, of_kind in kinds(results):
        for debug in NAMES:
            some = group(of_kind, debug=debug)
            if some.n + some.void:
                known = (kind.name, debug) in KNOWN and not any(
                    r.live or r.verdict == "error" for r in some.wrong)
                line(not some.wrong, f"{kind.name} ({kind.label_in(debug)}) {NAMES[debug]}: "
                     f"{some.n} pairs, {some.accepted} accepted, {some.refused} refused, "
                     f"{some.right} for a true rule, {some.void} void", known)
    for debug in NAMES if floors else ():
        safe = group(results, debug=debug, label=mutants.SAFE)
        unsafe = group(results, debug=debug, label=mutants.UNSAFE)
        floor = FLOORS[debug]
        line(rate(safe.accepted, safe.n) >= floor["safe"],
             f"safe pairs accepted {NAMES[debug]}: {percent(safe.accepted, safe.n)}, "
             f"at least {100 * floor['safe']:.0f} %")
        line(rate(unsafe.right, unsafe.refused) >= floor["rule"],
             f"refusals for a true rule {NAMES[debug]}: "
             f"{percent(unsafe.right, unsafe.refused)}, at least {100 * floor['rule']:.0f} %")
    for debug in NAMES:
        for what, value in totals(results, debug):
            print(f"# {NAMES[debug]}: {what}: {value}")
    print(f"# {sum(r.verdict != 'void' for r in results)} pairs in {seconds:.0f} s, "
          f"{sum(r.verdict == 'void' for r in results)} void")
    print(f"1..{number}")
    return 1 if bad or not results else 0


def write_json(path, results, cases, seconds):
    """Counts, and each pair that fails or is refused though it is safe."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump({
            "cases": cases, "pairs": len(results), "seconds": round(seconds),
            "totals": {debug: dict(totals(results, debug)) for debug in NAMES},
            "wrong": [r.record() for r in results if r.wrong()],
            "refused": [r.record() for r in results
                        if r.label == mutants.SAFE and r.verdict == "baseline"],
            "rule": [r.record() for r in results if r.label == mutants.UNSAFE
                     and r.verdict == "baseline" and not r.right_rule()],
            "checker": [r.record() for r in results if r.checker not in ("", "ok")],
            "not_applied": [r.record() for r in results if r.live.startswith("not")],
        }, file, indent=1)


def write_table(path, results, cases):
    """The tables of docs/verdicts.md: into the file, between MARKS if it has them."""
    cxx = sum(".cc:" in r.id for r in results if r.verdict != "void")
    out = [f"{cases} cases; {sum(r.verdict != 'void' for r in results)} pairs that differ "
           f"({cxx} of them C++), {sum(r.verdict == 'void' for r in results)} void.", "",
           "| | with debug information | stripped |", "|---|---|---|"]
    for (what, one), (_, other) in zip(totals(results, "g"), totals(results, "strip")):
        out.append(f"| {what} | {one} | {other} |")
    out += ["", "| kind | label | pairs | void | accepted | refused | for a true rule |",
            "|---|---|---|---|---|---|---|"]
    for kind, of_kind in kinds(results):
        for debug in NAMES:
            some = group(of_kind, debug=debug)
            out.append(f"| {kind.name}, {NAMES[debug]} | {kind.label_in(debug)} | {some.n} | "
                       f"{some.void} | {some.accepted} | {some.refused} | "
                       f"{some.right if kind.rules else '-'} |")
    text = "\n".join(out) + "\n"
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            before, _, rest = file.read().partition(MARKS[0])
            _, end, after = rest.partition(MARKS[1])
        if end:
            text = before + MARKS[0] + text + MARKS[1] + after
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
