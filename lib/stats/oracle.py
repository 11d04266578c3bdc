#!/usr/bin/python3
"""Writes testdata/oracle.json: the values that stats_test.cpp compares with, by SciPy.

Run again after adding a case:  /usr/bin/python3 lib/stats/oracle.py
Needs Debian's python3-scipy (1.10). The data come from a fixed seed. Where SciPy has no function of
that name, the definition is written plainly, by another way than the C++ takes.
"""
import json
import math
import pathlib

import numpy
from scipy import integrate, optimize, special, stats


def t_quantile(p, df):
    """Through the inverse incomplete beta: SciPy 1.10's stats.t.ppf is off by up to 1e-9."""
    return math.copysign(1, p - 0.5) * math.sqrt(
        df * (1 / special.betaincinv(df / 2, 0.5, 2 * min(p, 1 - p)) - 1))


def t_interval(confidence, df, loc, scale):
    half = t_quantile((1 + confidence) / 2, df) * scale
    return [loc - half, loc + half]


def paired(d):
    d = numpy.asarray(d)
    t, p = stats.ttest_1samp(d, 0)
    error = stats.sem(d)
    ci = {c: t_interval(c, len(d) - 1, d.mean(), error) for c in (0.95, 0.90)}
    return {"mean": d.mean(), "sd": d.std(ddof=1), "t": t, "p": p,
            "ci95": ci[0.95], "ci90": ci[0.90]}


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
    needed = t_quantile(1 - alpha / 2, n - 1)
    return stats.nct.sf(needed, n - 1, nc) + stats.nct.cdf(-needed, n - 1, nc)


def detectable(n, sd):
    return optimize.brentq(lambda e: power(n, e, sd) - 0.8, 1e-9 * sd, 50 * sd)


def adjusted(p):  # SciPy 1.10 has no false_discovery_control: the definition, written plainly
    m = len(p)
    order = sorted(range(m), key=lambda i: p[i])
    return [min([1.0] + [p[order[k]] * m / (k + 1) for k in range(order.index(i), m)])
            for i in range(m)]


def welch(a, b):
    t, p = stats.ttest_ind(a, b, equal_var=False)
    va, vb = numpy.var(a, ddof=1) / len(a), numpy.var(b, ddof=1) / len(b)
    df = (va + vb) ** 2 / (va ** 2 / (len(a) - 1) + vb ** 2 / (len(b) - 1))
    difference, error = numpy.mean(a) - numpy.mean(b), math.sqrt(va + vb)
    ci = {c: t_interval(c, df, difference, error) for c in (0.95, 0.90)}
    low, high = math.log(0.98), math.log(1.02)
    return {"a": a, "b": b, "difference": difference, "error": error, "df": df, "t": t, "p": p,
            "ci95": ci[0.95], "ci90": ci[0.90],
            "p_tost": max(stats.t.sf((difference - low) / error, df),
                          stats.t.cdf((difference - high) / error, df))}


def spent_obrien_fleming(t, alpha):
    return 4 * stats.norm.sf(stats.norm.isf(alpha / 4) / math.sqrt(t))


def spent_pocock(t, alpha):
    return alpha * math.log(1 + (math.e - 1) * t)


def stays_inside(times, bounds):
    """P(|B(t_i)| < c_i sqrt(t_i) for all i), by nested adaptive quadrature: up to 3 looks."""
    limits = [c * math.sqrt(t) for c, t in zip(bounds, times)]
    steps = [math.sqrt(b - a) for a, b in zip([0, *times], times)]

    def inside(i, x):
        if i == len(times) - 1:
            return (stats.norm.cdf((limits[i] - x) / steps[i])
                    - stats.norm.cdf((-limits[i] - x) / steps[i]))
        low, high = max(-limits[i], x - 9 * steps[i]), min(limits[i], x + 9 * steps[i])
        if low >= high:
            return 0.0
        root = steps[i] * math.sqrt(2 * math.pi)

        def under(y):
            return math.exp(-((y - x) / steps[i]) ** 2 / 2) / root * inside(i + 1, y)
        return integrate.quad(under, low, high, epsabs=1e-13, epsrel=1e-12, limit=200)[0]
    return inside(0, 0.0)


def look_bounds(spend, alpha, pairs, planned):
    times = [n / planned for n in pairs]
    bounds = []
    for i, t in enumerate(times):
        bounds.append(optimize.brentq(
            lambda c: 1 - stays_inside(times[:i + 1], [*bounds, c]) - spend(t, alpha),
            0.5, 7.5, xtol=1e-13))
    return bounds


def rate_log_ratio(f0, n0, f1, n1, history_failures, history_runs, increase):
    """log P(counts | regression) - log P(counts | one rate): docs/statistics.md, Failure rates."""
    def marginal(f, n, a, b):
        return special.betaln(a + f, b + n - f) - special.betaln(a, b)
    weight = min(1, 50 / history_runs) if history_runs else 1
    a, b = 1 + weight * history_failures, 1 + weight * (history_runs - history_failures)
    one = special.logsumexp([marginal(f0 + f1, n0 + n1, 1, 1), marginal(f0 + f1, n0 + n1, a, b)],
                            b=0.5)
    always = marginal(f0, n0, 1, 30) + marginal(f1, n1, 30, 1)
    grid = []
    for i in range(6):
        p0 = (1 - increase) * ((i + 0.5) / 6) ** 2
        for j in range(6):
            p1 = p0 + increase + (1 - p0 - increase) * (j + 0.5) / 6
            grid.append(stats.binom.logpmf(f0, n0, p0) - math.log(math.comb(n0, f0))
                        + stats.binom.logpmf(f1, n1, p1) - math.log(math.comb(n1, f1)))
    return special.logsumexp([always, special.logsumexp(grid, b=1 / 36)], b=0.5) - one


def rate_interval(f, n, confidence=0.95):
    level = special.betaln(1 + f, 1 + n - f) + math.log(1 - confidence)

    def excess(p):
        return special.xlogy(f, p) + special.xlog1py(n - f, -p) - level
    seen, tiny = f / n, 1e-300
    low = 0.0 if f == 0 else optimize.brentq(excess, tiny, seen, xtol=1e-15)
    high = 1.0 if f == n else optimize.brentq(excess, seen, 1 - 1e-16, xtol=1e-15)
    return [low, high]


def energy_split(x, least):
    """The definition, by all distances."""
    x = numpy.asarray(x)
    distance = numpy.abs(x[:, None] - x[None, :])
    best = (0, -math.inf)
    for k in range(least, len(x) - least + 1):
        n, m = k, len(x) - k
        e = (2 * distance[:k, k:].mean() - distance[:k, :k].sum() / (n * (n - 1))
             - distance[k:, k:].sum() / (m * (m - 1)))
        if n * m / (n + m) * e > best[1]:
            best = (k, n * m / (n + m) * e)
    return {"values": x.tolist(), "least": least, "at": best[0], "statistic": best[1]}


def add_rates(out):
    out["rates"] = [
        {"counts": c, "history": h, "log_ratio": rate_log_ratio(*c, *h, 0.3)}
        for c in ([0, 1, 1, 1], [0, 5, 5, 5], [0, 6, 6, 6], [1, 12, 7, 12], [3, 9, 2, 8],
                  [10, 40, 12, 40], [0, 0, 0, 0], [5, 5, 5, 5])
        for h in ([0, 0], [0, 20], [12, 40], [30, 500])]
    out["rate_intervals"] = [{"failures": f, "runs": n, "interval": rate_interval(f, n)}
                             for f, n in ((0, 5), (5, 5), (1, 7), (20, 40), (3, 1000))]
    out["binomial"] = [
        {"hits": k, "tries": n, "confidence": c,
         "interval": list(stats.binomtest(k, n).proportion_ci(c, "exact"))}
        for k, n in ((0, 10), (10, 10), (3, 60), (50, 1000)) for c in (0.95, 0.999)]


def add_looks(out):
    out["looks"] = []
    for name, spend in (("obrien_fleming", spent_obrien_fleming), ("pocock", spent_pocock)):
        for alpha, pairs, planned in ((0.05, [12], 12), (0.05, [4, 8], 12), (0.05, [4, 8, 12], 12),
                                      (0.1, [5, 7, 15], 15)):
            out["looks"].append({"spending": name, "alpha": alpha, "pairs": pairs,
                                 "planned": planned,
                                 "bounds": look_bounds(spend, alpha, pairs, planned)})


def add_groups(out, random):
    on, off = random.normal(-0.03, 0.01, 8), random.normal(-0.01, 0.02, 6)
    out["welch"] = [welch(on.tolist(), off.tolist()), welch([0.1, 0.12], [0.0, 0.3, 0.2])]
    matched = random.normal(0, 0.01, 8)
    d = on - matched
    out["matched"] = {"on": on.tolist(), "off": matched.tolist(), **paired(d),
                      "p_tost": tost(d, math.log(0.98), math.log(1.02))}
    ratios = random.normal(0.001, 0.012, 25)
    df = len(ratios) - 1
    out["noise"] = {
        "log_ratios": ratios.tolist(), "mean": ratios.mean(), "sd": ratios.std(ddof=1),
        "sd95": [ratios.std(ddof=1) * math.sqrt(df / stats.chi2.ppf(q, df))
                 for q in (0.975, 0.025)],
        "alarms": sum(stats.ttest_1samp(ratios[i:i + 6], 0).pvalue < 0.05 for i in range(0, 24, 6))}
    steps = numpy.concatenate([random.normal(0, 1, 31), random.normal(1.2, 1, 24)])
    out["energy"] = [energy_split(steps, 5), energy_split([1, 1, 2, 2, 2, 7, 7, 8, 7, 7], 2),
                     energy_split(random.integers(0, 5, 40).astype(float), 5)]


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
    add_rates(out)
    add_looks(out)
    add_groups(out, random)
    target = pathlib.Path(__file__).parent / "testdata" / "oracle.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(out, indent=1, default=int) + "\n")


main()
