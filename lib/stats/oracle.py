#!/usr/bin/python3
"""Writes testdata/oracle.json: the values that stats_test.cpp compares with, by SciPy.

Run again after adding a case:  /usr/bin/python3 lib/stats/oracle.py
Needs Debian's python3-scipy (1.10). The data come from a fixed seed.
"""
import json
import math
import pathlib

import numpy
from scipy import optimize, stats


def paired(d):
    d = numpy.asarray(d)
    t, p = stats.ttest_1samp(d, 0)
    error = stats.sem(d)
    ci = {c: stats.t.interval(c, len(d) - 1, loc=d.mean(), scale=error) for c in (0.95, 0.90)}
    return {"mean": d.mean(), "sd": d.std(ddof=1), "t": t, "p": p,
            "ci95": list(ci[0.95]), "ci90": list(ci[0.90])}


def sign_flip(d):
    result = stats.permutation_test((numpy.asarray(d),), numpy.mean, permutation_type="samples",
                                    n_resamples=numpy.inf, alternative="two-sided")
    return result.pvalue


def tost(d, low, high):
    above = stats.ttest_1samp(d, low, alternative="greater").pvalue
    below = stats.ttest_1samp(d, high, alternative="less").pvalue
    return max(above, below)


def power(n, effect, sd, alpha=0.05):
    nc = effect / sd * math.sqrt(n)
    needed = stats.t.ppf(1 - alpha / 2, n - 1)
    return stats.nct.sf(needed, n - 1, nc) + stats.nct.cdf(-needed, n - 1, nc)


def detectable(n, sd):
    return optimize.brentq(lambda e: power(n, e, sd) - 0.8, 1e-9 * sd, 50 * sd)


def adjusted(p):  # SciPy 1.10 has no false_discovery_control: the definition, written plainly
    m = len(p)
    order = sorted(range(m), key=lambda i: p[i])
    return [min([1.0] + [p[order[k]] * m / (k + 1) for k in range(order.index(i), m)])
            for i in range(m)]


def main():
    random = numpy.random.default_rng(20261124)
    out = {"comparisons": [], "power": [], "pairs": [], "benjamini_hochberg": []}
    for n, effect, noise in [(2, 0.0, 0.01), (3, 0.05, 0.02), (6, 0.0, 0.01), (6, -0.031, 0.015),
                             (7, 0.002, 0.004), (10, 0.01, 0.05), (12, -0.03, 0.02),
                             (16, 0.5, 0.3)]:
        boot = random.normal(0, 0.2, n)
        left = 112.0 * numpy.exp(boot + random.normal(0, noise, n))
        right = 112.0 * numpy.exp(boot + effect + random.normal(0, noise, n))
        d = numpy.log(right / left)
        out["comparisons"].append({
            "left": left.tolist(), "right": right.tolist(), **paired(d),
            "p_signflip": sign_flip(d),
            "p_tost": tost(d, math.log(0.98), math.log(1.02)),
            "left_typical": stats.gmean(left), "right_typical": stats.gmean(right),
            "change_percent": 100 * (stats.gmean(right) / stats.gmean(left) - 1),
            "detectable_percent": 100 * math.expm1(detectable(n, d.std(ddof=1)))})
    # Differences: counters with zeros, and ties for the sign-flip test.
    left = [40, 36, 0, 44, 38, 41]
    right = [3, 0, 2, 5, 0, 41]
    d = [r - l for l, r in zip(left, right)]
    out["differences"] = {"left": left, "right": right, **paired(d), "p_signflip": sign_flip(d)}
    for n in (2, 3, 6, 12, 30):
        for effect in (0.0, 0.5, 1.0, 2.0):
            out["power"].append({"n": n, "effect": effect, "power": power(n, effect, 1.0)})
    for effect in (0.3, 0.5, 1.0, 3.0):
        n = next(n for n in range(2, 10000) if power(n, effect, 1.0) >= 0.8)
        out["pairs"].append({"effect": effect, "pairs": n})
    for p in ([0.01], [0.04, 0.01, 0.03, 0.2], [0.5, 0.5, 0.001, 0.9, 0.012, 0.04]):
        out["benjamini_hochberg"].append({"p": p, "adjusted": adjusted(p)})
    target = pathlib.Path(__file__).parent / "testdata" / "oracle.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(out, indent=1) + "\n")


main()
