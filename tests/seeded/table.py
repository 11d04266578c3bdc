"""docs/seeded-bugs.md from the rows of the runner. Pure."""
import facts

WORDS = 90  # of the kernel, in a cell

HEAD = """# Seeded bugs: what Kiln catches, and what not

The founding series with one mistake each ([tests/seeded](../tests/seeded/README.md)), taken through the main job on the embedded machine (QEMU without KVM,
2 GiB, mock GPU): both configs, baseline and series, confirmation and bisection on, nothing measured. This page is written by
`tests/seeded/run table` from the rows of `tests/seeded/run bugs` and `tests/seeded/run comments`.

*Lists*: "whole" are the main job's three lists. "short" leaves out what takes long or cannot reach the changed code: the list that needs no i915, the other
mock groups, five gem tests of 5 s and more. That makes a boot 3 times shorter.
*Boots*: planned + confirming + bisecting. *Patch*: the one that Kiln names; the bug's own number is in its name.
"""
AA = """## A series that changes only comments

Three patches in the files of the founding series (`tests/seeded/comments`), as runs of the main job with {lists} lists, {pairs} pairs of boots that measure a config and
one pair that counts instructions. A false finding is any finding but one that is alike without the series (and any figure that decides and is
faster, slower or changed), or a verdict other than "no regression".
"""

KILN_ITSELF = """## What they showed of Kiln itself

Mended since; rows that were made before still show it until they are run again:

- A test that a kernel warning aborted ended its list, and at the end of a list the next one: whatever stood behind it had no result (*coverage-lost* in p2-wrong-nesting-order).
- A mock selftest and its dynamic subtest were two findings, the first one titled by the "cut here" line (p2-wrong-nesting-order, x2).
- Tests that made the same two kernel reports in another order were two findings (p1-unmap-of-advanced-pointer, x2).
- A timer that was late because the host was busy was a dmesg-warn of the test that ran then (*flaky* in p1-page-address).
- A panic in a dynamic subtest leaves the subtest above it now this, now that result: boots were spent to decide that (p3-whole-page, 28 confirming boots and no end).

Open:

- Failures without a kernel report are grouped by test program: p1-page-address, one cause, is a finding in each of five programs.
- After five restarts in a boot the rest runs on a tainted kernel, where a warning that comes once a boot is silent: such a pass says little.
- All tests of one cause are confirmed and bisected, each abort with a restart of its own: most of the minutes of p1-unmap-of-advanced-pointer. One test of each cause would do.
"""


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def short_test(name):
    return name.removeprefix("igt@")


def tests_cell(report):
    first, more = facts.tests(report)
    if not first:
        return "the kernel's report alone" if facts.is_caught(report) else ""
    return f"`{short_test(first)}`" + (f" and {more} more" if more else "")


def patch_cell(bug, report):
    if not facts.is_caught(report):
        return ""
    if bug.number == 0:
        return "(one patch)"
    text = ", ".join(str(n) if n else "none" for n in facts.named(report))
    return text if facts.is_right(bug, report) else f"**{text}**"


def caught_cell(bug, report):
    if not facts.is_caught(report):
        classes = ", ".join(f"{n} {c}" for c, n in facts.others(report).items())
        return "**no**" + (f" ({classes})" if classes else "")
    count = len(facts.regressions(report))
    more = "".join(f", {n} {c}" for c, n in facts.others(report).items())
    return f"regression x{count}{more}" if count > 1 or more else "regression"


def bug_line(bug, row):
    if row is None:
        return f"| {bug.name} | {cell(bug.what)} | not run yet | | | | | | | |"
    report = row["report"]
    words = cell(facts.kernel_words(report))
    words = f"`{words[:WORDS]}{'...' if len(words) > WORDS else ''}`" if words else ""
    interaction = next((f.get("interaction", "") for f in facts.regressions(report)), "")
    return (f"| {bug.name} | {cell(bug.what)} | {caught_cell(bug, report)} | {patch_cell(bug, report)} | {tests_cell(report)} | {words} | "
            f"{interaction} | {' + '.join(map(str, facts.boots(report)))} | {facts.minutes(report):.1f} | {row['lists']} |")


def bug_table(title, pairs):
    rows = [(bug, row) for bug, row in pairs]
    done = [(bug, row) for bug, row in rows if row]
    caught = sum(1 for _, row in done if facts.is_caught(row["report"]))
    right = sum(1 for bug, row in done if facts.is_right(bug, row["report"]))
    out = [f"## {title}", "",
           f"{len(done)} of {len(rows)} were run: {caught} caught, {right} of them laid to the right patch, "
           f"{len(done) - caught} not caught.", "",
           "| bug | what is wrong | class | patch | by | the kernel's words | where | boots | minutes | lists |",
           "|---|---|---|---|---|---|---|---|---|---|"]
    return out + [bug_line(bug, row) for bug, row in rows] + [""]


def unseen(pairs):
    lines = [f"- **{bug.name}**: {bug.unseen or 'no reason known yet.'}" for bug, row in pairs
             if row and not facts.is_caught(row["report"])]
    return ["## Not caught, and why", "", *lines, ""] if lines else []


def comments(rows, wanted):
    if not rows:
        return ["## A series that changes only comments", "", "Not run yet: `tests/seeded/run comments`.", ""]
    lists = "/".join(sorted({row["lists"] for row in rows}))
    pairs = "/".join(sorted({str(row["pairs"]) for row in rows}))
    found = [(row["key"], words) for row in rows for words in facts.false_findings(row["report"])]
    results = sum(row["report"]["verdict"].get("results_got", 0) for row in rows)
    sessions = sum(facts.measured(row["report"])[0] for row in rows)
    deciding = sum(facts.measured(row["report"])[1] for row in rows)
    boots = sum(len(row["report"].get("sessions", [])) for row in rows)
    out = [AA.format(lists=lists, pairs=pairs),
           f"{len(rows)} of {wanted} were run: **{len(found)} false findings** in {boots} boots, {results} results, {sessions} boots that measured and "
           f"{deciding} comparisons that decide; {sum(facts.minutes(row['report']) for row in rows):.0f} minutes.", ""]
    return out + [f"- {key}: {words}" for key, words in found] + ([""] if found else [])


def page(bugs, row_of, wanted_comments):
    """`row_of`: key -> row or None."""
    plain = [(bug, row_of(bug.name)) for bug in bugs]
    debug = [(bug, row) for bug in bugs if (row := row_of(f"{bug.name}.debug"))]
    rows = [row for n in range(1, wanted_comments + 1) if (row := row_of(f"comments-{n:02}"))]
    out = [HEAD, *bug_table("HIGHMEM on and off, as in the main job", plain)]
    out += unseen(plain)
    if debug:
        out += bug_table("With the debug flavours of both configs", debug)
    out += [*comments(rows, wanted_comments), KILN_ITSELF]
    return "\n".join(out).rstrip("\n") + "\n"
