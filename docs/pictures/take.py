"""The pictures of the dashboard, taken in a real Chromium: ``python docs/pictures/take.py [--home DIR]``."""  # noqa: INP001

import argparse
import asyncio
import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from worker.dashboard.access import Access
from worker.dashboard.serving import address, beside, listen
from worker.demo.play import play, settings_of
from worker.settings import Settings
from worker.store import Store

HERE = Path(__file__).parent
COLOURS = 200
GAP = "/gap?of=ops&about=general:operations&tool=renew_certificate"
SESSION = "/session?of=ops&key=agent:ops:slack:direct:dana:thread:3"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="where the demo ran; without it runs first")
    home = parser.parse_args().home
    with tempfile.TemporaryDirectory() as scratch:
        settings = settings_of(Settings.model_construct(home=home or Path(scratch)))
        if home is None:
            asyncio.run(play(settings))
        store = Store(settings.database)
        access = Access("127.0.0.1")
        with (
            listen(access.host, 0) as listening,
            beside(settings.database, store, access, list, listening),
            sync_playwright() as playwright,
        ):
            base = address(access.host, listening).rstrip("/")
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            take(browser, base, "overview.png", "/")
            take(browser, base, "overview-dark.png", "/", theme="dark")
            take(browser, base, "gap.png", GAP)
            take(browser, base, "session.png", SESSION)
            take(browser, base, "phone.png", "/", width=390, height=844)
            browser.close()
        store.close()


def take(
    browser: Browser, base: str, name: str, path: str, *, theme: str = "light", width: int = 1280, height: int = 860
) -> None:
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, locale="en-GB")
    page = context.new_page()
    page.goto(base + path)
    page.wait_for_timeout(300)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(HERE / name, optimize=True)
    context.close()
    print(f"{name}: {(HERE / name).stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
