#!/usr/bin/env python3
"""junit_counts.py FILE: prints `PASSED FAILED` of a JUnit file, then the name of each test that failed; a skipped test
counts as failed."""
import sys
import xml.etree.ElementTree as ET

try:
    cases = list(ET.parse(sys.argv[1]).iter("testcase"))
except (OSError, ET.ParseError):
    print("0 1")
    sys.exit(0)
bad = [case.get("name", "") for case in cases if case.get("status") != "run" or case.find("failure") is not None]
print(len(cases) - len(bad), len(bad))
for name in bad:
    print(name)
