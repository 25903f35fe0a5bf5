# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/archive.md, made from what `large` saw."""
import collections
import os
import statistics

import measure

MARKS = ("<!-- archive: made by test/archive/large -->\n", "<!-- end -->\n")


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def rules(module):
    """How often each rule refuses a file."""
    return collections.Counter(r["rule"] for r in measure.refusals(module))


def files(seen, *verdicts):
    """(package record, file) with one of some verdicts, or any."""
    return [(record, module) for record in seen["packages"] for module in record["modules"]
            if not verdicts or module["verdict"] in verdicts]


def same_build(module):
    return module["old_build_id"] == module["new_build_id"]


def package_verdict(record):
    """What an administrator hears of a package."""
    verdicts = {m["verdict"] for m in record["modules"]}
    if not record["modules"] and record["faults"]:
        return "error"
    if "baseline" not in verdicts:
        return "hotpatch" if "hotpatch" in verdicts else "identical"
    return "baseline in part" if "hotpatch" in verdicts else "baseline"


def spread(values, form):
    """Median, nine tenths and most."""
    values = sorted(values) or [0]
    tenth = values[min(len(values) - 1, len(values) * 9 // 10)]
    return " / ".join(form.format(v) for v in (statistics.median(values), tenth, values[-1]))


def summary(seen):
    """The figures of all together."""
    counts = collections.Counter(package_verdict(r) for r in seen["packages"])
    by_file = collections.Counter(m["verdict"] for _, m in files(seen))
    hot = files(seen, "hotpatch")
    alone = [m["alone"] for _, m in files(seen) if "alone" in m]
    changed = [m for _, m in files(seen) if not same_build(m)]
    return [
        row("", ""), "|---|---|",
        row("packages: identical / hotpatch / baseline in part / baseline / error", " / ".join(
            str(counts[v]) for v in ("identical", "hotpatch", "baseline in part", "baseline",
                                     "error"))),
        row("ELF files, of them with another build-id", f"{len(files(seen))}, {len(changed)}"),
        row("ELF files: identical / hotpatch / baseline",
            " / ".join(str(by_file[v]) for v in ("identical", "hotpatch", "baseline"))),
        row("hotpatches that the checker confirms",
            f"{sum(bool(m.get('confirmed')) for _, m in hot)} of {len(hot)}"),
        row("functions carried by a hotpatch: median / 90 % / most",
            spread([m["functions"]["carried"] for _, m in hot], "{:.0f}")),
        row("bytes of code carried", spread([m["carried_bytes"] for _, m in hot], "{:.0f}")),
        row("bytes of a hotpatch in its file (code and map)",
            spread([m["package_bytes"] for _, m in hot], "{:.0f}")),
        row("CPU seconds of `graft diff`, an ELF file with another build-id",
            spread([a["cpu"] for a in alone], "{:.2f}")),
        row("CPU seconds of `graft diff`, a package",
            spread([r["diff"]["cpu"] for r in seen["packages"]], "{:.2f}")),
        row("memory of `graft diff`, a package, MiB",
            spread([r["diff"]["memory"] / 2**20 for r in seen["packages"]], "{:.0f}")),
        row("crashes, errors, over 1.5 GiB, not confirmed",
            sum(len(r["faults"]) for r in seen["packages"])),
    ]


def reasons(seen):
    """How often each rule refuses."""
    refused = [rules(m) for _, m in files(seen, "baseline")]
    names = sorted({rule for one in refused for rule in one})
    return [row("rule", "files refused", "by it alone", "places"), "|---|---|---|---|"] + [
        row(rule, sum(rule in one for one in refused),
            sum(set(one) == {rule} for one in refused), sum(one[rule] for one in refused))
        for rule in names]


def packages(seen):
    """One line a package."""
    out = [row("package", "OLD", "NEW", "identical", "hotpatch", "baseline", "CPU s", "MiB"),
           "|---|---|---|---|---|---|---|---|"]
    for record in seen["packages"]:
        counts = collections.Counter(m["verdict"] for m in record["modules"])
        out.append(row(record["package"], record["old"], record["new"],
                       *(counts[v] or "" for v in ("identical", "hotpatch", "baseline")),
                       f"{record['diff']['cpu']:.1f}", record["diff"]["memory"] >> 20))
    return out


def elf_files(seen):
    """One line a file in which something changed."""
    out = [row("package", "file", "verdict", "functions", "changed", "added", "carried",
               "bytes carried", "bytes of file", "CPU s", "rules"),
           "|---|---|---|---|---|---|---|---|---|---|---|"]
    for record, module in files(seen, "hotpatch", "baseline"):
        counts = module["functions"]
        if module["verdict"] == "hotpatch":
            said = "confirmed" if module.get("confirmed") else "NOT CONFIRMED"
        else:
            said = ", ".join(f"{rule} x{n}" for rule, n in sorted(rules(module).items()))
        out.append(row(record["package"], os.path.basename(module["path"]), module["verdict"],
                       counts["old"], counts["changed"], counts["added"],
                       counts["carried"] or "", module["carried_bytes"] or "",
                       module.get("size", ""),
                       f"{module['alone']['cpu']:.2f}" if "alone" in module else "", said))
    return out


def write(path, seen):
    """Put the tables between the marks of a file; without marks they are the file."""
    out = [f"{len(seen['packages'])} packages; {len(seen['without_code'])} without code on both "
           f"sides were passed over, {len(seen['skipped'])} could not be fetched. "
           f"Archive: {'; '.join(seen['archive'])}.", "", seen["rule"], "",
           *summary(seen), "", "Refusals:", "", *reasons(seen),
           "", "Packages:", "", *packages(seen), "",
           "ELF files that are not identical:", "", *elf_files(seen)]
    text = "\n".join(out) + "\n"
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            before, _, rest = file.read().partition(MARKS[0])
        _, end, after = rest.partition(MARKS[1])
        if end:
            text = before + MARKS[0] + text + MARKS[1] + after
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
