"""Prints what the runs of dev/schemathesis found, by operation, and `N passed, N failed` (operations) at its end.

Usage: summary.py REPORT STATUS [STATUS]. Of the run N it reads REPORT-N.json (hooks.py), REPORT-N-run.json (schemathesis) and REPORT-N.log;
each STATUS is schemathesis's exit code. The first run tries every operation; the second goes deeper as far as there is time.
Invariant: the exit code is 0 only if every operation was tried and none has a finding.
"""

import json
import re
import sys


def read(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


class Run:
    def __init__(self, report, number, status):
        self.name, self.status = f"{report}-{number}", int(status)
        ours, run = read(self.name + ".json"), read(self.name + "-run.json")
        self.operations = ours.get("operations", [])
        self.statuses, self.findings = ours.get("statuses", {}), ours.get("findings", {})
        self.errors = run.get("errors", [])

    def reasons(self):
        """Yields the operation and the first lines of each error: a request that could not be made, or a flaw of schemathesis itself."""
        try:
            with open(self.name + ".log") as file:
                text = file.read()
        except OSError:
            return
        section = re.search(r"^=+ ERRORS =+$(.*?)^=+ ", text, re.MULTILINE | re.DOTALL)
        parts = re.split(r"^_+ (.+?) _+$", section[1] if section else "", flags=re.MULTILINE)
        for label, part in zip(parts[1::2], parts[2::2]):
            yield label, " · ".join(line.strip() for line in part.splitlines() if line.strip())[:300]

    @property
    def requests(self):
        return sum(sum(counts.values()) for counts in self.statuses.values())

    @property
    def is_cut(self):
        """Whether the time was up before its last request: what was found until then counts."""
        return self.status in (124, 130)

    @property
    def has_run(self):
        return bool(self.operations and self.statuses) and (self.status == 0 or self.is_cut or bool(self.findings or self.errors))


def main(report, statuses):
    runs = [Run(report, number, status) for number, status in enumerate(statuses, 1)]
    findings = {}
    for run in runs:
        for label, found in run.findings.items():
            findings.setdefault(label, set()).update(found)
    # The shape of nextest's lines: `make test` repeats them at its end.
    for label in sorted(findings):
        for finding in sorted(findings[label]):
            print(f"FAIL [{label}] {finding}")
    errors = [error for run in runs for error in run.errors]
    for run in runs:
        reasons = list(run.reasons())
        for label, reason in reasons:
            print(f"FAIL [{label}] {reason}")
        if run.errors and not reasons:
            print(f"FAIL [schemathesis] {json.dumps(run.errors)[:300]}")
    # A run of a second pass may find no time for a single request.
    dead = [run for run in runs if not run.has_run and not (run is not runs[0] and run.is_cut)]
    for run in dead:
        print(open(run.name + ".log").read()[-4000:])
        print("schemathesis did not run")
    first = runs[0]
    untried = [label for label in first.operations if label not in first.statuses]
    print(f"{first.requests} requests; {len(first.operations) - len(untried)} of {len(first.operations)} operations were tried")
    for label in untried:
        print(f"FAIL [{label}] was not tried")
    for run in runs[1:]:
        deep = len(run.statuses)
        print(f"{run.requests} further requests to {deep} of {len(run.operations)} operations" + (", until the time was up" if run.is_cut else ""))
    if findings or errors:
        print("the requests are in " + " and ".join(run.name + ".log" for run in runs))
    tried = set(first.operations) - set(untried)
    failed = len(findings) + len(errors) + len(untried) + len(dead)
    print(f"{len(tried - set(findings))} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main(sys.argv[1], sys.argv[2:]))
