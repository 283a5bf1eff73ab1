"""A whole brain: the prompt comes on stdin, the answer goes to stdout. Put a call of your model where `decide` is.

It reads two sections of the prompt, "## Lanes" and "## Tasks", and hands the first task that is ready to the first lane
that is idle. JSON is YAML too, so json.dumps writes a block that needs no quoting rules.
"""

import json
import re
import sys

LANE = re.compile(r"^- (?P<name>[\w-]+) \(role (?!coordinator).*\): idle/ready ", re.MULTILINE)
TASK = re.compile(r"^- (?P<id>T\d{4}) \[open\] .*, file (?P<file>\S+), ready$", re.MULTILINE)


def decide(prompt: str) -> dict[str, object]:
    lanes, tasks = LANE.findall(section(prompt, "Lanes")), TASK.findall(section(prompt, "Tasks"))
    if not lanes or not tasks:
        nothing = {"kind": "stop", "rationale": "No task is ready, or no lane is idle."}
        return {"version": 1, "critique": "There is nothing to hand over.", "actions": [nothing]}
    task, file = tasks[0]
    report = f"loop mail send --from {lanes[0]} --to coord --subject '{task} review' --body 'what you did'"
    hand_over = {
        "kind": "dispatch",
        "lane": lanes[0],
        "task": task,
        "payload": f"Read {file} and do what it says. When it is done: {report}",
        "rationale": f"{task} is ready and {lanes[0]} is idle.",
    }
    return {"version": 1, "critique": f"{len(tasks)} ready, {len(lanes)} idle.", "actions": [hand_over]}


def section(prompt: str, title: str) -> str:
    """What stands under the heading, up to the next one; a heading inside a fence is text that somebody wrote."""
    found, inside, fence = [], False, ""
    for line in prompt.splitlines():
        if fence or line.startswith("```"):
            run = line[: len(line) - len(line.lstrip("`"))]
            fence = run if not fence else "" if line == fence else fence
        elif line.startswith("## "):
            inside = line == f"## {title}"
        if inside:
            found.append(line)
    return "\n".join(found)


if __name__ == "__main__":
    decision = decide(sys.stdin.read())
    sys.stdout.write(f"```decision\n{json.dumps(decision, indent=1)}\n```\n")
