"""Words of others do nothing on any page: no script runs, nothing is fetched, nothing but text is drawn of them."""

from __future__ import annotations

import hostile
import pytest
import visiting
from visiting import go_to, settled

pytestmark = visiting.IN_A_BROWSER
PAGES = ("Data", "Clusters", "Influence", "Curate", "Train", "Results", "Ablations", "Export")
DEFINE = "window.hacked = 0; window.hack = () => { window.hacked += 1 }"
# All elements of the page, those of our own elements too, that words of others have become.
MADE = """() => {
  const own = (node) => node.shadowRoot ? all(node.shadowRoot) : []
  const all = (root) => [...root.querySelectorAll("*")].flatMap((node) => [node, ...own(node)])
  const isMade = (node) =>
    [...node.attributes].some(({ name, value }) => (name.startsWith("on") && value.includes("hack"))
      || (["href", "src", "xlink:href"].includes(name) && /^javascript:|outside\\.invalid|^x$/.test(value))
      || (name === "aria-label" && /^bomb/.test(value)))
    || (node.tagName === "SCRIPT" && node.textContent.includes("hack()"))
    || node.classList.contains("katex")
    || (["B", "STRONG", "CODE", "TSPAN"].includes(node.tagName) && /^(bold|kind|strong|code)$/.test(node.textContent))
    || (node.classList.contains("stMarkdownColoredText") && /^(red|x)$/.test(node.textContent))
  return all(document).filter(isMade).map((node) => `${node.outerHTML.slice(0, 120)} in ${node.parentElement?.textContent}`)
}"""
TEXT = """() => {
  const inside = (root) => [...root.querySelectorAll("*")].filter((node) => node.shadowRoot).map((node) => text(node.shadowRoot))
  const text = (root) => [root.textContent, ...inside(root)].join(" ")
  return text(document.body)
}"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return hostile.plant(tmp_path_factory.mktemp("hostile"))


def test_no_page_runs_fetches_or_draws_what_words_of_others_say(page, address):
    dialogs, seen = [], {}
    page.add_init_script(DEFINE)
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    watch = visiting.Watch(page)
    for chosen in ("", "?topic=0", "?cluster=0.0"):
        page.goto(f"{address}/clusters{chosen}")
        settled(page)
        for name in PAGES if not chosen else ("Clusters", "Influence", "Curate"):
            if name != "Clusters":
                go_to(page, name)
            page.evaluate("document.querySelectorAll('details:not([open]) > summary').forEach((summary) => summary.click())")
            settled(page)
            page.wait_for_load_state("networkidle")
            seen[name, chosen] = "hack()" in page.evaluate(TEXT)
            made = page.evaluate(MADE)
            assert not made, (name, chosen, made)
            assert page.evaluate("window.hacked") == 0, name
    assert not dialogs
    watch.check()
    assert sum(seen.values()) > len(PAGES), seen  # they were on the pages
