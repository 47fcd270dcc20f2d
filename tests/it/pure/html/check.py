"""Opens pages in headless Chromium: on a phone, on a desktop, in the dark and on paper.

    check.py --chromium PATH --out DIR PAGE.html...

The exit code is 1 if a page writes to the console, requests anything but itself, scrolls sideways, cuts off or overlaps words in
a chart, has letters too small for a phone, or has a chart without a title, a description or a table. DIR gets PNG and PDF files.
"""

import argparse
import pathlib
import sys

from playwright.sync_api import sync_playwright

VIEWS = {
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True},
    "small-phone": {"viewport": {"width": 320, "height": 640}, "is_mobile": True},
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "is_mobile": True},
}

MEASURE = """() => {
  const wrong = [];
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > wide) wrong.push(`scrolls sideways: ${document.documentElement.scrollWidth} > ${wide}`);
  for (const e of document.querySelectorAll('body *')) {
    const box = e.getBoundingClientRect();
    if (box.width && box.right > wide + 1) wrong.push(`${e.tagName} ends at ${box.right}: ${(e.textContent || '').trim().slice(0, 40)}`);
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (own && box.width && !['TITLE', 'DESC'].includes(e.tagName.toUpperCase()) && parseFloat(getComputedStyle(e).fontSize) < 12)
      wrong.push(`letters of ${getComputedStyle(e).fontSize}: ${e.textContent.trim().slice(0, 40)}`);
  }
  for (const chart of document.querySelectorAll('svg[role=img]')) {
    const ids = (chart.getAttribute('aria-labelledby') || '').split(' ');
    if (ids.length !== 2 || ids.some(id => !document.getElementById(id)?.textContent.trim())) wrong.push('a chart without title and description');
    if (!chart.closest('section, details')?.querySelector('table')) wrong.push('a chart without a table');
    const boxes = [...chart.querySelectorAll('text')].map(t => {
      const box = t.getBoundingClientRect(), clip = t.parentElement === chart ? null : t.parentElement.getBoundingClientRect();
      return { words: t.textContent, left: box.left, right: clip ? Math.min(box.right, clip.right) : box.right, top: box.top, bottom: box.bottom };
    }).filter(b => b.right > b.left);
    boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left), down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 1 && down > 3) wrong.push(`"${a.words}" lies on "${b.words}"`);
    }));
  }
  for (const name of ['lang']) if (!document.documentElement.getAttribute(name)) wrong.push(`no ${name}`);
  if (document.querySelectorAll('script').length) wrong.push('a script');
  return wrong;
}"""


def check(browser, page_file, out):
    wrong = []
    for name, options in VIEWS.items():
        context = browser.new_context(**options)
        page = context.new_page()
        address = page_file.resolve().as_uri()
        page.on("console", lambda message: wrong.append(f"{name}: console: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"{name}: error: {error}"))
        page.on("request", lambda request: request.url in (address, "data:,") or wrong.append(f"{name}: asks for {request.url}"))
        page.goto(address)
        page.screenshot(path=out / f"{page_file.stem}-{name}.png")
        wrong += [f"{name}: {what}" for what in page.evaluate(MEASURE)]
        for fold in page.query_selector_all("summary"):
            fold.click()
        wrong += [f"{name}, unfolded: {what}" for what in page.evaluate(MEASURE)]
        page.screenshot(path=out / f"{page_file.stem}-{name}-whole.png", full_page=True)
        context.close()
    context = browser.new_context()
    page = context.new_page()
    page.goto(page_file.resolve().as_uri())
    page.emulate_media(media="print")
    closed = [fold.inner_text() for fold in page.query_selector_all("details > table") if not fold.is_visible()]
    wrong += [f"paper: folded away: {words[:40]}" for words in closed]
    page.pdf(path=out / f"{page_file.stem}.pdf", format="A4", print_background=False)
    context.close()
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--chromium", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("pages", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    wrong = []
    with sync_playwright() as playwright:
        # Chromium's own sandbox needs rights that root does not have in a container. Only our own pages are opened.
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
        for page in arguments.pages:
            wrong += [f"{page.name}: {what}" for what in check(browser, page, arguments.out)]
        browser.close()
    print("\n".join(dict.fromkeys(wrong)) or f"{len(arguments.pages)} pages, each well on {', '.join(VIEWS)} and paper")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
