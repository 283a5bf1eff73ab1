"""Real git repositories, and working trees with everything in them that may get lost."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

WHO = ("-c", "user.name=x", "-c", "user.email=x@localhost")
"""Who commits, where no person is configured."""


def git(where: Path, *words: str) -> str:
    """One call of git; its stdout without the newline at its end."""
    done = subprocess.run(["git", *words], cwd=where, check=True, capture_output=True)
    return os.fsdecode(done.stdout).rstrip("\n")


def a_repository(root: Path) -> Path:
    """A repository on main with one commit; no person is configured."""
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    (root / "kept.txt").write_text("kept\n")
    (root / "changed.txt").write_text("as committed\n")
    (root / "gone.txt").write_text("gone\n")
    (root / "becomes").mkdir()
    (root / "becomes" / "a-file").write_text("was below\n")
    (root / "plain").write_text("becomes a directory\n")
    commit_all(root)
    return root


def commit_all(root: Path) -> None:
    git(root, "add", "--all")
    git(root, *WHO, "commit", "--quiet", "--no-verify", "--no-gpg-sign", "-m", "work")


def make_dirty(root: Path) -> None:
    """Work of every kind: changed, staged and changed again, deleted, untracked, odd names, odd bytes, links, modes."""
    (root / "changed.txt").write_bytes(b"line\r\nmixed\n\0no newline")
    git(root, "add", "changed.txt")
    (root / "changed.txt").write_bytes(b"and again\r\n")
    (root / "gone.txt").unlink()
    (root / "becomes" / "a-file").unlink()
    (root / "becomes").rmdir()
    (root / "becomes").write_text("a file now\n")
    (root / "plain").unlink()
    (root / "plain").mkdir()
    (root / "plain" / "below").write_text("a directory now\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("/nowhere/at all")
    (root / "empty").touch()
    (root / "new folder").mkdir()
    (root / "new folder" / 'two\nlines "quoted" \\').write_text("odd\n")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe")).write_bytes(bytes(range(256)))


def contents(root: Path) -> dict[str, tuple[str, bytes]]:
    """Every file below a directory but git's own: its kind and executable bit, and its bytes."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in (".git", ".loop")]
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for path in (Path(folder) / name for name in (*files, *links) if name != ".git"):
            mode = path.lstat().st_mode
            data = os.fsencode(path.readlink()) if stat.S_ISLNK(mode) else path.read_bytes()
            kind = "link" if stat.S_ISLNK(mode) else "program" if mode & stat.S_IXUSR else "file"
            found[str(path.relative_to(root))] = (kind, data)
    return found
