"""Let checkov look at templates; prints what it found as JSON. Runs with the Python of .venv/checkov.

    .venv/checkov/bin/python tests/infrastructure/checkov/look.py TEMPLATE …

Only its checks of CloudFormation are imported, which takes two thirds of the time that its command does, and
nothing is downloaded or sent.
"""

import json
import sys

from checkov.cloudformation.runner import Runner
from checkov.runner_filter import RunnerFilter


def main() -> None:
    """Print `{"looked_at": resources, "found": [{"template", "check", "says", "resource"}]}`."""
    report = Runner().run(
        root_folder=None, files=sys.argv[1:], runner_filter=RunnerFilter(framework=["cloudformation"])
    )
    if report.parsing_errors:
        sys.exit(f"checkov could not read {', '.join(report.parsing_errors)}")
    found = [
        {
            "template": it.file_path.rpartition("/")[2],
            "check": it.check_id,
            "says": it.check_name,
            "resource": it.resource.rpartition(".")[2],
        }
        for it in report.failed_checks
    ]
    print(json.dumps({"looked_at": len(report.resources), "found": found}))


if __name__ == "__main__":
    main()
