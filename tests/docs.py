#!/usr/bin/env python3
"""Runs the pages of the README, docs/ and examples/ as they stand: what a reader would copy must work.

usage: docs.py [PAGE...]        (`keywright` and `python3` with hvac are on PATH; `cargo xtask docs` sees to that)

Each page with commands gets one bash and one folder, which is empty, or for an example has the example's files. Blocks fenced as `sh` run in that bash, one after the other, so that
variables and background processes live on; blocks fenced as `python` run as programs. A failing command fails the page.
A block fenced as `text` says what the block before it must print: each of its lines is found in the output, in that order, where runs
of blanks count as one and `...` stands for anything. Blocks fenced otherwise (`console`, `hcl`, none) are only read.
Prints 'N passed, N failed', counted in blocks that ran.
"""
import os, re, shutil, signal, subprocess, sys, tempfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE_SECONDS_MAX = 300
RUN = {"sh", "python"}


@dataclass
class Block:
    kind: str
    line: int
    text: str
    expected: list = field(default_factory=list)


def blocks_of(page):
    """The blocks that run, with what each must print."""
    blocks, fence, kind, start, body, ran_last = [], None, "", 0, [], False
    for number, line in enumerate(page.splitlines(), 1):
        mark = re.match(r"^(`{3,})(.*)$", line)
        if fence is None and mark:
            fence, kind, start, body = mark[1], mark[2].strip(), number, []
        elif fence is not None and line.strip() == fence:
            if kind in RUN:
                blocks.append(Block(kind, start, "\n".join(body) + "\n"))
            elif kind == "text" and ran_last:
                blocks[-1].expected = body
            ran_last, fence = kind in RUN, None
        elif fence is not None:
            body.append(line)
    return blocks


def missing_line(expected, output):
    """The first expected line that the output lacks; None when it has all of them, in order."""
    lines = [" ".join(l.split()) for l in output.splitlines()]
    at = 0
    for want in expected:
        want = " ".join(want.split())
        if want in ("", "..."):
            continue
        pattern = re.compile(".*".join(re.escape(part.strip()) for part in want.split("...")))
        found = next((i for i in range(at, len(lines)) if pattern.search(lines[i])), None)
        if found is None:
            return want
        at = found + 1
    return None


def script_of(blocks, folder):
    """One bash program of all blocks; each writes its output to a file of its own and says when it is through."""
    lines = ["set -e"]
    for i, block in enumerate(blocks):
        source = folder / f"block-{i}.{'sh' if block.kind == 'sh' else 'py'}"
        source.write_text(block.text)
        run = f". {source}" if block.kind == "sh" else f"python3 {source}"
        lines += [f"{{ {run}; }} > {folder}/block-{i}.out 2>&1", f": > {folder}/block-{i}.done"]
    return "\n".join(lines) + "\n"


def run_page(page, name, blocks):
    """How many blocks passed. Later blocks need earlier ones, so the first failure ends the page."""
    with tempfile.TemporaryDirectory() as kept, tempfile.TemporaryDirectory() as work:
        kept = Path(kept)
        if name.startswith("examples/"):
            shutil.copytree(page.parent, work, dirs_exist_ok=True)
        bash = subprocess.Popen(["bash", "-c", script_of(blocks, kept)], cwd=work, stdin=subprocess.DEVNULL, start_new_session=True,
                                env={k: v for k, v in os.environ.items() if not k.startswith(("VAULT_", "BAO_", "KEYWRIGHT_"))}
                                | {"HOME": work})
        try:
            bash.wait(PAGE_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            print(f"{name}: not through after {PAGE_SECONDS_MAX} s")
        finally:
            try:
                os.killpg(bash.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            bash.wait()
        return sum(1 for i, block in enumerate(blocks) if passed(name, block, kept / f"block-{i}"))


def passed(name, block, files):
    output = files.with_suffix(".out")
    output = output.read_text(errors="replace") if output.exists() else None
    if not files.with_suffix(".done").exists():
        if output is None:
            print(f"{name}:{block.line}: not reached")
        else:
            print(f"{name}:{block.line}: failed after printing\n{output}")
        return False
    lacks = missing_line(block.expected, output)
    if lacks is not None:
        print(f"{name}:{block.line}: did not print `{lacks}`, but\n{output}")
    return lacks is None


def main():
    folders = [ROOT / "docs", ROOT / "examples"]
    everywhere = [ROOT / "README.md", *(page for folder in folders for page in sorted(folder.rglob("*.md")))]
    pages = [Path(p).resolve() for p in sys.argv[1:]] or everywhere
    good = all_blocks = 0
    for page in pages:
        blocks = blocks_of(page.read_text())
        if not blocks:
            continue
        name = os.path.relpath(page, ROOT)
        ran = run_page(page, name, blocks)
        print(f"{name}: {ran} of {len(blocks)} blocks")
        good, all_blocks = good + ran, all_blocks + len(blocks)
    print(f"{good} passed, {all_blocks - good} failed")
    return 0 if good == all_blocks and good else 1


if __name__ == "__main__":
    sys.exit(main())
