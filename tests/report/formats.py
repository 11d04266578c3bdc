#!/usr/bin/env python3
"""formats.py SAMPLES: what Kiln writes for other programs, read back with other programs' libraries: KCIDB's JSON against its
schema, the mail with Python's mail parser, JUnit and CSV with the parsers of xml and csv."""
import collections
import csv
import email
import email.policy
import io
import json
import pathlib
import re
import subprocess
import sys
import unittest
import xml.etree.ElementTree as xml

import jsonschema

SAMPLES = None  # the program, from the command line
SCHEMA = json.loads((pathlib.Path(__file__).parent / "kcidb-v5.schema.json").read_text())
ALL = ("clean", "broken", "hostile", "foreign")


def written(sample, form):
    return subprocess.run([SAMPLES, sample, form], check=True, capture_output=True, timeout=60).stdout


class Kcidb(unittest.TestCase):
    def validator(self):
        return jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.FormatChecker())

    def test_every_sample_is_valid(self):
        self.validator().check_schema(SCHEMA)
        for sample in ALL:
            document = json.loads(written(sample, "kcidb"))
            errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in self.validator().iter_errors(document)]
            self.assertEqual(errors, [], sample)

    def test_the_schema_refuses_what_is_wrong(self):
        good = json.loads(written("broken", "kcidb"))
        for place, value in ((("version", "major"), 4), (("tests", 0, "status"), "fail"), (("tests", 0, "path"), "igt@x"),
                             (("builds", 0, "id"), "no origin"), (("issues", 0, "version"), -1), (("extra",), [])):
            wrong = json.loads(json.dumps(good))
            at = wrong
            for name in place[:-1]:
                at = at[name]
            at[place[-1]] = value
            self.assertFalse(self.validator().is_valid(wrong), place)

    def test_what_is_named_is_there_once(self):
        document = json.loads(written("broken", "kcidb"))
        ids = {kind: [each["id"] for each in document[kind]] for kind in ("checkouts", "builds", "tests", "issues", "incidents")}
        for kind, names in ids.items():
            self.assertEqual(len(names), len(set(names)), kind)
        self.assertEqual({b["checkout_id"] for b in document["builds"]}, set(ids["checkouts"]))
        self.assertLessEqual({t["build_id"] for t in document["tests"]}, set(ids["builds"]))
        self.assertLessEqual({i["test_id"] for i in document["incidents"]}, set(ids["tests"]))
        self.assertLessEqual({i["issue_id"] for i in document["incidents"]}, set(ids["issues"]))

    def test_the_regression_is_an_issue_with_its_incidents(self):
        document = json.loads(written("broken", "kcidb"))
        issue = document["issues"][0]
        self.assertIn("crash", issue["report_subject"])
        incidents = [i for i in document["incidents"] if i["issue_id"] == issue["id"]]
        self.assertTrue(incidents)
        statuses = {t["id"]: t["status"] for t in document["tests"]}
        for incident in incidents:
            self.assertEqual(incident["present"], statuses[incident["test_id"]] != "PASS")
        missed = [t for t in document["tests"] if t["status"] == "MISS"]
        self.assertEqual({t["misc"]["name"] for t in missed}, {"igt@prime_vgem@sync"})


class Mail(unittest.TestCase):
    def mail(self, sample):
        raw = written(sample, "text")
        return raw, email.message_from_bytes(raw, policy=email.policy.default)

    def test_headers_are_a_mails(self):
        for sample in ALL:
            raw, mail = self.mail(sample)
            self.assertEqual(mail.defects, [], sample)
            head = raw.split(b"\n\n", 1)[0]
            for line in head.split(b"\n"):
                self.assertLessEqual(len(line), 78, line)
                self.assertTrue(line.isascii(), line)
            # A hostile title adds no field.
            self.assertLessEqual(set(mail.keys()), {"Subject", "In-Reply-To", "MIME-Version", "Content-Type",
                                                    "Content-Transfer-Encoding"})
            self.assertEqual(len(mail.keys()), len(set(mail.keys())))
            self.assertTrue(mail.get_content().startswith("Verdict: "), sample)

    def test_the_subject_comes_back_whole(self):
        for sample in ("clean", "broken", "foreign"):
            _, mail = self.mail(sample)
            title = written(sample, "title").decode()
            self.assertTrue(mail["Subject"].startswith(f"Re: {title}: "), mail["Subject"])

    def test_it_answers_to_the_cover_letter(self):
        _, mail = self.mail("broken")
        self.assertEqual(mail["In-Reply-To"], "<20230417103851.5015-1-dev@example.org>")
        self.assertEqual(mail["Subject"],
                         "Re: [PATCH v2 0/3] drm/i915: Replace kmap() with kmap_local_page(): 1 regression")

    def test_other_characters_are_declared(self):
        raw, mail = self.mail("hostile")
        self.assertEqual(mail.get_content_charset(), "utf-8")
        raw.decode("utf-8")
        ascii_only, plain = self.mail("clean")
        self.assertTrue(ascii_only.isascii())
        self.assertNotIn("MIME-Version", plain)


class Junit(unittest.TestCase):
    def test_counts_are_those_of_the_cases(self):
        for sample in ALL:
            root = xml.fromstring(written(sample, "junit"))
            for suite in root.iter("testsuite"):
                found = collections.Counter(child.tag for case in suite.iter("testcase") for child in case)
                self.assertEqual(int(suite.get("tests")), len(list(suite.iter("testcase"))))
                for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
                    self.assertEqual(int(suite.get(kind)), found[tag], (sample, suite.get("name"), kind))
            for kind in ("tests", "failures", "errors", "skipped"):
                self.assertEqual(int(root.get(kind)), sum(int(s.get(kind)) for s in root.iter("testsuite")))

    def test_names_are_unique_in_a_class(self):
        root = xml.fromstring(written("broken", "junit"))
        names = [(c.get("classname"), c.get("name")) for c in root.iter("testcase")]
        self.assertEqual(len(names), len(set(names)))

    def test_one_suite_a_cell_and_the_verdict(self):
        root = xml.fromstring(written("broken", "junit"))
        self.assertEqual([s.get("name") for s in root], ["verdict", "baseline/i386-highmem", "patched/i386-highmem",
                                                         "baseline/i386-nohighmem", "patched/i386-nohighmem"])
        verdict = root[0]
        failed = [c.get("name") for c in verdict.iter("testcase") if c.find("failure") is not None]
        self.assertEqual(failed, ["f1 regression igt@gem_pread@basic"])
        crashed = root[2].find("testcase[@name='igt@gem_pread@basic']/error")
        self.assertEqual(crashed.get("type"), "crash")
        self.assertRegex(crashed.get("message"), r"crash in (\d+) of \1 boots")
        lost = root[3].find("testcase[@name='igt@prime_vgem@sync']/error")
        self.assertEqual(lost.get("type"), "missing")


class Csv(unittest.TestCase):
    def test_a_line_a_value(self):
        rows = list(csv.DictReader(io.StringIO(written("broken", "csv").decode(), newline="")))
        self.assertEqual(list(rows[0]), ["run", "session", "purpose", "pair", "order", "config", "variant", "machine", "bench",
                                         "metric", "unit", "value", "excluded"])
        self.assertTrue(all(row["run"] == "412" and row["metric"] and float(row["value"]) >= 0 for row in rows))
        out = {(r["pair"], r["variant"], r["excluded"]) for r in rows
               if r["purpose"] == "performance" and r["config"] == "i386-highmem" and r["metric"] == "i915/pread/ns_per_page"
               and r["excluded"]}
        self.assertEqual(out, {("4", "baseline", "patched boot: QEMU was killed"), ("4", "patched", "QEMU was killed")})

    def test_lines_end_as_the_standard_says(self):
        text = written("clean", "csv").decode()
        self.assertEqual(len(re.findall("\r\n", text)), len(text.split("\n")) - 1)


if __name__ == "__main__":
    SAMPLES = sys.argv.pop(1)
    unittest.main()
