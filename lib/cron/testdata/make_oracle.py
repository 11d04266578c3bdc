#!/usr/bin/env python3
"""make_oracle.py [OUT_DIR]: writes croniter.txt and systemd.txt, what other programs make of cron
expressions. Needs python3-croniter and systemd-analyze.

A line: EXPRESSION | ZONE | START | T1 T2 ..., times in seconds since 1970.

Left out is where the programs' rules differ on purpose (lib/cron/next.h, expression.h): times of
day that daylight saving touches (hours 5-23 only where the zone has it), `*/n` in one day field
with the other restricted (croniter takes it for a restricted field), a list of all days (croniter
takes it for `*`), and both day fields for systemd (it wants both to match)."""
import calendar
import pathlib
import random
import re
import subprocess
import sys
import datetime

import croniter

PLAIN = ["UTC", "Asia/Tokyo", "Asia/Kolkata"]
SAVING = ["Europe/Helsinki", "America/New_York", "Australia/Adelaide", "Europe/London"]
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()


def zone_of(name):
    from zoneinfo import ZoneInfo
    return ZoneInfo(name)


def field(rng, low, high, star=0.4, names=None):
    if rng.random() < star:
        return "*"
    items = []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        a = rng.randint(low, high)
        kind = rng.random()
        if kind < 0.5:
            items.append(names[a - low] if names and rng.random() < 0.5 and a - low < len(names) else str(a))
        else:
            b = rng.randint(a, high)
            items.append(f"{a}-{b}" + (f"/{rng.randint(1, 5)}" if kind > 0.75 and b > a else ""))
    return ",".join(items)


def expression(rng, hours_from, both_days):
    minute = rng.choice(["*/5", "*/17", "0", "30"]) if rng.random() < 0.3 else field(rng, 0, 59, 0.1)
    hour = field(rng, hours_from, 23, 0.2 if hours_from == 0 else 0)
    day, weekday = field(rng, 1, 28, 0.5), field(rng, 0, 6, 0.5, DAYS)
    if not both_days and day != "*" and weekday != "*":
        weekday = "*"
    return " ".join([minute, hour, day, field(rng, 1, 12, 0.6, MONTHS), weekday])


def by_croniter(text, zone, start, count):
    # Asked without a zone: with one, croniter 1.3.5 errs by an hour where it steps over a change.
    tz = zone_of(zone)
    it = croniter.croniter(text, datetime.datetime.fromtimestamp(start, tz).replace(tzinfo=None))
    return [int(it.get_next(datetime.datetime).replace(tzinfo=tz).timestamp()) for _ in range(count)]


def to_systemd(text, zone):
    minute, hour, day, month, weekday = text.split()

    def part(value, low, names=None):
        if names:
            for i, name in enumerate(names):
                value = re.sub(rf"\b{name}\b", str(low + i), value)
        out = []
        for item in value.split(","):
            base, _, step = item.partition("/")
            base = str(low) if base == "*" and step else base.replace("-", "..")
            out.append(base + ("/" + step if step else ""))
        return ",".join(out)

    days = ""
    if weekday != "*":
        wanted = set()
        value = weekday
        for i, name in enumerate(DAYS):
            value = value.replace(name, str(i))
        for item in value.split(","):
            span, _, step = item.partition("/")
            a, _, b = span.partition("-")
            wanted |= set(range(int(a), int(b or a) + 1, int(step or 1)))
        days = ",".join(DAYS[i].capitalize() for i in sorted(wanted)) + " "
    return f"{days}*-{part(month, 1, MONTHS)}-{part(day, 1)} {part(hour, 0)}:{part(minute, 0)}:00 {zone}"


def by_systemd(text, zone, start, count):
    base = datetime.datetime.fromtimestamp(start, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    out = subprocess.run(["systemd-analyze", "calendar", f"--iterations={count}", f"--base-time={base}", to_systemd(text, zone)],
                         check=True, capture_output=True, text=True, env={"TZ": "UTC", "LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout
    found = re.findall(r"(?:Next elapse|Iter(?:ation|\.) #\d+|Iteration #\d+): \w+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", out)
    if len(found) != count:
        raise SystemExit(f"{text}: {out}")
    return [calendar.timegm(datetime.datetime.strptime(f, "%Y-%m-%d %H:%M:%S").timetuple()) for f in found]


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    rng = random.Random(20261128)
    for name, function, wanted, both in (("croniter", by_croniter, 400, True), ("systemd", by_systemd, 150, False)):
        lines = []
        while len(lines) < wanted:
            saving = rng.random() < 0.6
            zone = rng.choice(SAVING if saving else PLAIN)
            text = expression(rng, 5 if saving else 0, both)
            if "0-6" in text.split()[4]:
                continue  # every day, and no `*`: croniter takes it for one
            start = rng.randint(1735689600, 1893456000)  # 2025 to 2030
            times = function(text, zone, start, 5)
            lines.append(f"{text} | {zone} | {start} | {' '.join(map(str, times))}")
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
