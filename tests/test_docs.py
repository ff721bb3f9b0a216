"""Tests of the driver that runs the pages: a driver that finds nothing wrong would pass every page."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import docs

PAGE = """
```sh
A=one; echo "$A   two"
echo three
```

```text
one two
thr...
```

```console
$ exit 1
```

```python
print("from python")
```

```text
from python
```
"""


class Pages(unittest.TestCase):
    def run_text(self, text):
        with tempfile.TemporaryDirectory() as folder:
            return docs.run_page(Path(folder) / "page.md", "page.md", docs.blocks_of(text))

    def test_blocks_run_in_order_and_share_a_shell(self):
        blocks = docs.blocks_of(PAGE)
        self.assertEqual([b.kind for b in blocks], ["sh", "python"])
        self.assertEqual(blocks[0].expected, ["one two", "thr..."])
        self.assertEqual(self.run_text(PAGE), 2)
        self.assertEqual(self.run_text(PAGE + "```sh\necho $A\n```\n```text\none\n```\n"), 3)

    def test_a_failing_command_ends_the_page(self):
        self.assertEqual(self.run_text("```sh\ntrue\n```\n```sh\nfalse\necho x\n```\n```sh\ntrue\n```\n"), 1)

    def test_what_is_expected_must_be_printed(self):
        self.assertEqual(self.run_text("```sh\necho one\n```\n```text\ntwo\n```\n"), 0)
        self.assertIsNone(docs.missing_line(["b", "...", "d e"], "a\nb\nc\nxd   e\n"))
        self.assertEqual(docs.missing_line(["b", "a"], "a\nb\n"), "a")


if __name__ == "__main__":
    unittest.main()
