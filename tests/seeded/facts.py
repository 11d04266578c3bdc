"""What a run's report says of a seeded bug, or of a series that changes comments only. Pure."""
import re

# A finding of these says nothing against a series: bad on both sides, or known to be.
INNOCENT = ("not-the-series", "known")
MEASURE = ("performance", "instructions")


def regressions(report):
    return [f for f in report.get("findings", []) if f["class"] == "regression"]


def patch_number(finding):
    """2 of "2/3 drm/i915/gt: ...", 0 when no single patch is named."""
    found = re.match(r"(\d+)/\d+ ", finding.get("patch", ""))
    return int(found.group(1)) if found else 0


def is_caught(report):
    return report["verdict"]["result"] == "regression" and bool(regressions(report))


def named(report):
    """The patches that its regressions name, in their order, 0 = none."""
    return list(dict.fromkeys(patch_number(f) for f in regressions(report)))


def is_right(bug, report):
    """Caught, and laid to the patch that has it; a series of one patch has nothing to name."""
    return is_caught(report) and (bug.number == 0 or named(report) == [bug.number])


def kernel_words(report):
    """The first thing that the kernel said of it."""
    for finding in regressions(report):
        for kernel in finding.get("kernel", []):
            return kernel["title"]
    return ""


def tests(report):
    """Tests that the regressions name: first one, and how many more."""
    names = [t for f in regressions(report) for t in [f.get("test", ""), *f.get("also", [])] if t]
    return (names[0], len(set(names)) - 1) if names else ("", 0)


def others(report):
    """Classes of what else was found, with how often: {"flaky": 1}."""
    out = {}
    for finding in report.get("findings", []):
        if finding["class"] not in (*INNOCENT, "regression"):
            out[finding["class"]] = out.get(finding["class"], 0) + 1
    return out


def boots(report):
    """Planned, confirming, bisecting boots, whatever came of them."""
    purposes = [s["purpose"] for s in report.get("sessions", [])]
    return tuple(purposes.count(p) for p in ("functional", "confirmation", "bisection"))


def minutes(report):
    return report["run"].get("elapsed_seconds", 0) / 60


def false_findings(report):
    """All that a series of comments must not bring: findings, and figures that decide and changed."""
    out = [f"{f['class']}: {f.get('test') or f.get('summary', '')}" for f in report.get("findings", [])
           if f["class"] not in INNOCENT]
    out += [f"{c['metric']} in {c['config']}: {c['answer']}" for c in report.get("comparisons", [])
            if c.get("decides") and c.get("left") == "baseline" and c["answer"] not in ("equivalent", "inconclusive")]
    if report["verdict"]["result"] != "no-regression" and not out:
        out.append(report["verdict"]["headline"])
    return out


def measured(report):
    """Sessions that measured, and comparisons of baseline with patched that decide."""
    sessions = sum(1 for s in report.get("sessions", []) if s["purpose"] in MEASURE and s["ending"] == "tested")
    deciding = sum(1 for c in report.get("comparisons", []) if c.get("decides") and c.get("left") == "baseline")
    return sessions, deciding
