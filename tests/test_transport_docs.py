"""The documented example runs as it stands, and the options are documented as they are."""

import os
import re
import subprocess
import sys
from pathlib import Path

from worker.transport import Options

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "transport.md").read_text()


def test_the_example_prints_what_the_page_says(nats_url, tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "orders.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "orders.py"],
        cwd=tmp_path,
        env={**os.environ, "NATS_URL": nats_url, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "31125 cents, 0 orders left\n", "")
    assert f"It prints `{done.stdout.strip()}`" in PAGE


def test_every_option_and_its_default_is_on_the_page():
    rows = dict(re.findall(r"^\| (`[a-z_`, ]+) \| ([^|]+) \|", PAGE.partition("## Options")[2], re.MULTILINE))
    documented = {}
    for names, defaults in rows.items():
        pairs = zip(re.findall(r"`(\w+)`", names), defaults.split(","), strict=True)
        documented |= {name: default.strip().removesuffix(" s") for name, default in pairs}
    texts = {"stream": "the topic's name", "durable": "the app's id", "filter": "all"}
    expected = {
        name: texts.get(name, f"{value:g}" if isinstance(value, float) else str(value))
        for name, value in zip(Options.__struct_fields__, Options.__struct_defaults__, strict=True)
    }
    assert documented == expected


def test_faust_finds_the_transport_by_its_scheme_after_register():
    code = "import faust, worker.transport as t; t.register(); print(faust.App('a', broker='nats://h').transport)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("<worker.transport.driver.Transport")
