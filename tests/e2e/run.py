#!/usr/bin/env python3
"""run.py HOME [--counts FILE] [-k PATTERN]: the e2e tests in order; writes `PASSED FAILED` to FILE, then, a line each,
the tests that failed."""
import argparse
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("home")
    parser.add_argument("--counts")
    parser.add_argument("-k", action="append")
    args = parser.parse_args()
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{p}*" for p in args.k] if args.k else None
    suite = loader.discover(str(HERE), pattern="test_*.py")
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    # A skipped test counts as failed: what can't run here must say so in another way.
    failed = len(result.failures) + len(result.errors) + len(result.skipped)
    passed = result.testsRun - failed
    if args.counts:
        names = [test.id() for test, _ in [*result.failures, *result.errors, *result.skipped]]
        pathlib.Path(args.counts).write_text(
            "\n".join([f"{passed} {max(failed, 0 if passed else 1)}", *names]) + "\n")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
