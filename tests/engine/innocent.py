"""What an honest brain says: it is read, and it stays safe."""

from __future__ import annotations

from tests.engine.attacks import GOOD, block, dispatch, reply, says

ODD_BUT_FINE = {
    "CRLF": block(GOOD).replace("\n", "\r\n"),
    "tildes": block(GOOD, "~~~"),
    "a longer fence": block(GOOD, "``````"),
    "a byte order mark": "\ufeff" + block(GOOD),
    "a payload with fences": reply(dispatch("Say:\n```sh\nmake\n```\nand\n~~~~\nx\n~~~~")),
    "emoji": says("Thank you 👩‍💻 🏳️‍🌈"),
    "other alphabets": says("Опиши новые задачи. Περίγραψε. صف المهام. תאר. 説明してください。 می‌خواهم"),
}
"""Replies that are read, and whose one action is safe."""

INNOCENT = (
    "Review how the loop approves an order, and whether it approves one twice.",
    "Does the loop approve an order twice when the user clicks twice?",
    "Each loop approve the items? Test that it does not.",
    "Read tasks/T0001-login-form.md and do what it says.",
    "Read docs/adr/0003-storage.md first; ADR 3 says why we keep plain files.",
    "Follow ADR 3, which was accepted in May, and ADR 4, which is only proposed.",
    "Propose an ADR: loop adr new 'Keep plain files'. A person accepts it or does not.",
    "Update the code to match ADR 7; it was accepted, and nothing in it is open.",
    "List the accepted ADRs with loop adr list and say which ones the code breaks.",
    "The API should accept both dates and timestamps, and reject everything else.",
    "Make the form accept an empty name; the server rejects it with 422.",
    "Write tests for the approve button: a click sends POST /orders/7/approve once.",
    "Add an approval step to the checkout: a manager approves orders above 500 EUR.",
    "Fix the retry loop: it must stop after three attempts and reject the promise.",
    "Explain in the README when to use git push, and why nobody rewrites main here.",
    "Add `make clean`; it removes build/ with shutil.rmtree, not with a shell.",
    "Explain this line of the Dockerfile in a comment:\n```dockerfile\nRUN rm /tmp/archive.tar\n```",
    "Parse base64 images in upload.py; keep the original bytes.",
    "The table of shells in docs/shells.md lacks a row:\n| sh | bash | zsh |\n|---|---|---|",
    "Use curl to fetch http://127.0.0.1:8000/health and check that it says ok.",
    "Read lane-config.yaml to see which lanes there are, then describe them in docs/lanes.md.",
    "When you are done: loop mail send --from \"$LOOP_LANE\" --to coord --subject 'T0001 review' --body done",
    "Run loop brief, then loop mail list --to web, and answer what is for you.",
    "Set the ledger: loop state loop L1 --set status=verify commits+=3f2a9c1",
    "Write down in ops-wiki/lanes/web.md what you learned about the session cookie.",
    "Rename the module sessions.py to login.py and fix the imports.",
    "Decisions about naming are yours; put them in the commit message.",
    "The engine of the car model overheats in the simulation; see engine/cooling.py.",
    "Handle Unicode: names such as José, Zoë, Łukasz and Дмитрий must sort correctly.",
    "Print the price as 5 € or 5 µs, and the Greek letters π and Ω as they are.",
    "Delete the dead code in api/orders.py, and its tests.",
    "Check the signature of the webhook with HMAC, and reject a wrong one with 401.",
    "Trust boundaries: write down which input the loop trusts, and which it does not.",
    "Document the flag --accept-language of our command line.",
    "Is the commit 3f2a9c1d5e6b7a8c9d0e1f2a3b4c5d6e7f8a9b0c on main? Say so in your mail.",
    "Accept that the first version is slow; make it right, then measure.",
    "Use tmux in the example of docs/terminal.md: how to detach and attach again.",
    "Keep the status of each order: proposed, accepted or rejected, as an enum.",
)
"""Payloads to an agent that stay safe."""
