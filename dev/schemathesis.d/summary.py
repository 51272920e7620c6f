"""Prints what a run of dev/schemathesis found, by operation, and `N passed, N failed` (operations) at its end.

Usage: summary.py REPORT STATUS. Reads REPORT.json (hooks.py), REPORT-run.json (schemathesis) and REPORT.log; STATUS is schemathesis's exit code.
Invariant: the exit code is 0 only if every operation was tested and none has a finding.
"""

import json
import sys


def read(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def main(report, status):
    ours, run = read(report + ".json"), read(report + "-run.json")
    findings, statuses = ours.get("findings", {}), ours.get("statuses", {})
    for label in sorted(findings):
        print(label)
        for finding in sorted(findings[label]):
            print(f"    {finding}")
    errors = run.get("errors", [])
    for error in errors:
        print(f"error: {json.dumps(error)}")
    tested = len(statuses)
    print(f"{sum(sum(counts.values()) for counts in statuses.values())} requests to {tested} operations")
    stopped = status in (124, 130)  # the time was up: what was found until then counts
    if stopped:
        print("the time was up before the last request")
    if not tested or (status != 0 and not findings and not errors and not stopped):
        print(open(report + ".log").read()[-4000:])
        print("schemathesis did not run")
        return print_counts(0, 1)
    if findings or errors:
        print(f"the requests are in {report}.log")
    return print_counts(tested - len(findings), len(findings) + len(errors))


def print_counts(passed, failed):
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main(sys.argv[1], int(sys.argv[2])))
