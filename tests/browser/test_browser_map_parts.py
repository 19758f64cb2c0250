"""The maths of the map, its files run by themselves in a browser: views, polygons, what is near, columns by address."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import visiting
from visiting import CHROMIUM

import influencespace

pytestmark = visiting.IN_A_BROWSER
ELEMENTS = Path(influencespace.__file__).parent / "ui" / "elements"


@pytest.fixture(scope="module")
def page():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=visiting.FLAGS)
        opened = browser.new_page()
        yield opened
        browser.close()


@pytest.fixture
def run(page):
    """Runs the body of a function of ``given`` behind some of the map's files."""
    def run(body: str, given=None, files=("map_geometry.js", "map_grid.js", "map_columns.js")):
        source = "\n".join((ELEMENTS / name).read_text(encoding="utf-8") for name in files)
        return page.evaluate(f"async given => {{ {source}\n {body} }}", given)

    return run


# ---- views


def test_screen_and_map_are_inverse_and_y_goes_upward(run):
    view = {"x": 0.3, "y": 0.6, "zoom": 5.0}
    left, top = run("return toScreen(given, 800, 500, 0.31, 0.63)", view)
    assert (left, top) == pytest.approx((800 * (0.5 + 0.05), 500 * (0.5 - 0.15)))
    assert run("return toMap(given, 800, 500, ...toScreen(given, 800, 500, 0.31, 0.63))", view) == pytest.approx([0.31, 0.63])


def test_zooming_keeps_the_place_under_the_pointer(run):
    place = run("return toMap(zoomed(given, 3, 0.2, 0.1), 800, 500, 560, 200)", {"x": 0.5, "y": 0.4, "zoom": 2.0})
    assert place == pytest.approx(run("return toMap(given, 800, 500, 560, 200)", {"x": 0.5, "y": 0.4, "zoom": 2.0}))


def test_view_stays_on_the_map_and_ends_at_the_whole(run):
    assert run("return panned(whole(), 9, -9)") == {"x": 1, "y": 0, "zoom": 0.92}
    assert run("return zoomed({x: 0.9, y: 0.1, zoom: 2}, 1e-9)") == {"x": 0.5, "y": 0.5, "zoom": 0.92}
    assert run("return zoomed(whole(), 1e9).zoom") == 400


def test_what_is_in_view_is_a_box_within_the_square(run):
    assert run("return viewed(whole())") == [[0, 0], [65535, 0], [65535, 65535], [0, 65535]]
    assert run("return viewed({x: 0.5, y: 0.5, zoom: 5})") == [[26214, 26214], [39321, 26214], [39321, 39321], [26214, 39321]]


# ---- polygons


def farthest_off(polygon, kept) -> float:
    """How far the corners of a polygon lie from a simpler one, at most."""
    a, b = np.array(kept), np.roll(np.array(kept), -1, axis=0)
    worst = 0.0
    for point in np.array(polygon):
        along = np.clip(((point - a) * (b - a)).sum(1) / np.maximum(((b - a) ** 2).sum(1), 1e-12), 0, 1)
        worst = max(worst, np.hypot(*(point - a - along[:, None] * (b - a)).T).min())
    return worst


def wobbly(count):
    draw, angle = np.random.default_rng(0), np.linspace(0, 2 * np.pi, count, endpoint=False)
    radius = 200 + 40 * np.sin(5 * angle) + draw.random(count)
    return np.stack([300 + radius * np.cos(angle), 300 + radius * np.sin(angle)], axis=1).tolist()


@pytest.mark.parametrize("tolerance", [0.5, 1.5, 10])
def test_simpler_polygon_stays_within_the_tolerance_and_keeps_the_order(run, tolerance):
    polygon = wobbly(700)
    kept = run("return simplified(given[0], 1000, given[1])", [polygon, tolerance])
    assert len(kept) < 200
    assert farthest_off(polygon, kept) <= tolerance
    places = [polygon.index(corner) for corner in kept]
    assert places == sorted(places)


def test_corners_are_limited_and_those_that_matter_most_stay(run):
    polygon = wobbly(5000)
    kept = run("return simplified(given, 100, 0)", polygon)
    assert len(kept) == 100
    assert farthest_off(polygon, kept) < 2


def test_corners_on_a_line_go(run):
    square = [[0, 0], [5, 0], [10, 0], [10, 5], [10, 10], [5, 10], [0, 10], [0, 5]]
    assert run("return simplified(given, 100, 0.1)", square) == [[0, 0], [10, 0], [10, 10], [0, 10]]
    assert run("return simplified([[0, 0], [1, 1], [2, 0]], 100, 9)") == [[0, 0], [1, 1], [2, 0]]


def test_polygons_become_whole_numbers_in_the_square_without_repetition(run):
    assert run("return fixed([[-1, 0.5], [-2, 0.5], [0.5, 2], [0.5, 0.5]])") == [[0, 32768], [32768, 65535], [32768, 32768]]
    assert run("return fixed([[0.5, 0.5], [0.5000001, 0.5], [0.7, 0.7]])") is None


# ---- what is near


def test_nearest_point_equals_a_loop_over_all(run):
    draw = np.random.default_rng(0)
    scattered, dense = draw.integers(0, 65536, (3000, 2)), draw.integers(30000, 30400, (2000, 2))
    places = np.concatenate([scattered, dense, [[0, 0], [65535, 65535]]])
    asked = np.concatenate([draw.uniform(-500, 66000, (200, 2)), draw.uniform(29900, 30500, (200, 2)), places[-2:]])
    wide, high, reach = 0.02, 0.013, 10
    found = run(
        """const grid = new PointGrid(new Uint16Array(given.places.flat()), given.places.length)
        return given.asked.map(([x, y]) => grid.nearest(x, y, given.wide, given.high, given.reach, i => i % 3 ? 0 : 40))""",
        {"places": places.tolist(), "asked": asked.tolist(), "wide": wide, "high": high, "reach": reach},
    )
    extra = np.where(np.arange(len(places)) % 3, 0, 40)
    assert {index < 0 for index in found} == {True, False}
    for index, (x, y) in zip(found, asked, strict=True):
        squared = ((places[:, 0] - x) * wide) ** 2 + ((places[:, 1] - y) * high) ** 2 + extra
        assert (index < 0) == (squared.min() >= reach**2)
        assert index < 0 or squared[index] == pytest.approx(squared.min())


def test_grid_over_a_million_points_is_made_at_once(run):
    """The time is printed; every point is in it once."""
    seconds, all_there = run("""
        const n = 1_000_000
        const places = new Uint16Array(2 * n).map(() => 65536 * Math.random())
        const began = performance.now()
        const grid = new PointGrid(places, n)
        const seconds = (performance.now() - began) / 1000
        return [seconds, grid.member.slice().sort().every((member, i) => member === i)]
    """)
    print(f"\ngrid over 1,000,000 points: {seconds:.3f} s")
    assert all_there


# ---- what the shaders make of the columns


PAINT = """
  const canvas = document.createElement('canvas')
  canvas.style.cssText = `width: ${given.side}px; height: ${given.side}px`
  document.body.replaceChildren(canvas)
  const painter = new Painter(canvas), n = given.cluster.length
  painter.start()
  painter.setPoints(new Uint16Array([...given.places.flat(), ...given.cluster]).buffer, n)
  painter.setColumn('turn', given.turn && new Uint16Array(given.turn).buffer)
  painter.setColumn('shade', given.shade && new Uint8Array(given.shade).buffer)
  painter.setColumn('mask', given.mask && new Uint8Array(given.mask).buffer)
  painter.setClusters('benefits', new Float32Array(given.benefit).buffer)
  painter.setClusters('clusterColours', new Uint8Array(given.colours.flat()).buffer)
  painter.setPalette(given.palette)
  painter.paint(whole(), { pale: [200, 200, 200], rim: [0, 0, 0], ...given.look }, given.every)
  const pixel = new Uint8Array(4), { gl } = painter
  const seen = given.places.map(([x, y]) => {
    const [left, top] = toScreen(whole(), given.side, given.side, x / LARGEST, y / LARGEST)
    gl.readPixels(Math.floor(left), given.side - 1 - Math.floor(top), 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel)
    return [...pixel.slice(0, 3)]
  })
  painter.destroy()
  return seen
"""
PALE = [200, 200, 200]
FILES = ("map_geometry.js", "map_shaders.js", "map_painter.js")


@pytest.fixture(params=[100, 14_400], ids=["discs", "squares"])
def cells(request):
    """Points on a square grid that do not touch, each in one of 600 clusters, with all that can be known of them."""
    draw, n = np.random.default_rng(0), request.param
    side = int(np.sqrt(n))
    step = 65535 // side
    places = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2) * step + step // 2
    turn = draw.integers(0, 65536, n)
    turn[: n // 4] = draw.choice([0, 65533, 65534, 65535], n // 4)
    return {
        "side": 600, "places": places, "cluster": draw.integers(0, 600, n), "turn": turn, "shade": draw.integers(0, 256, n),
        "mask": draw.integers(0, 2, n), "benefit": draw.random(600).astype(np.float32), "every": 1,
        "colours": np.c_[draw.integers(0, 190, (600, 3)), np.full(600, 255)],
        "palette": [f"#{i:02x}{255 - i:02x}40" for i in range(256)],
    }


def painted(run, cells, **look):
    base = {"by": "cluster", "faintShade": -1, "removedCode": 0, "threshold": 0.5, "cap": 1}
    plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in cells.items()}
    return np.array(run(PAINT, plain | {"look": base | look}, FILES))


def test_each_cluster_has_its_own_colour_also_beyond_256(run, cells):
    seen = painted(run, cells | {"mask": None})
    np.testing.assert_array_equal(seen, cells["colours"][cells["cluster"], :3])


def test_what_the_mask_leaves_out_is_pale(run, cells):
    seen = painted(run, cells)
    expected = np.where(cells["mask"][:, None] == 1, cells["colours"][cells["cluster"], :3], PALE)
    np.testing.assert_array_equal(seen, expected)


def test_shades_are_places_in_the_palette_and_one_may_be_pale(run, cells):
    seen = painted(run, cells | {"mask": None}, by="shade", faintShade=7)
    shade = cells["shade"]
    expected = np.where(shade[:, None] == 7, PALE, np.stack([shade, 255 - shade, np.full(len(shade), 64)], axis=1))
    np.testing.assert_array_equal(seen, expected)


@pytest.mark.parametrize(("removed", "cap"), [(0, 4), (1, 4), (30_000, 4), (65_533, 4), (30_000, 1)])
def test_plan_is_a_comparison_of_turns_and_of_benefits(run, cells, removed, cap):
    """Palette: kept, heavier, pruned. At a cap of 1 only what has its weight by hand is heavier."""
    seen = painted(run, cells | {"mask": None}, by="plan", removedCode=removed, threshold=0.5, cap=cap)
    turn, benefit = cells["turn"], cells["benefit"][cells["cluster"]]
    heavier = (turn == 65534) | ((turn < 65534) & (benefit > 0.5) & (cap > 1))
    place = np.select([turn < removed, heavier], [2, 1], 0)
    np.testing.assert_array_equal(seen[:, 0], place)


def test_leaving_points_out_draws_each_so_many_with_its_own_values(run, cells):
    seen = painted(run, cells | {"every": 3})
    drawn = np.arange(len(seen)) % 3 == 0
    expected = np.where(cells["mask"][:, None] == 1, cells["colours"][cells["cluster"], :3], PALE)
    np.testing.assert_array_equal(seen[drawn], expected[drawn])
    assert (seen[~drawn] == 0).all()


# ---- columns


FAKE = """
  const asked = [], missing = []
  let known = true
  globalThis.fetch = async address => {
    asked.push(address)
    if (address === 'broken') return { ok: false, status: 500 }
    return { ok: known, status: known ? 200 : 404, arrayBuffer: async () => address }
  }
  globalThis.setTimeout = done => { done(); return 0 }
  const columns = new Columns(() => { missing.push(1); if (missing.length === given) known = true })
"""


@pytest.fixture(autouse=True)
def _own_page(page):
    page.goto("about:blank")


def test_only_what_is_new_is_fetched_and_what_is_gone_is_forgotten(run):
    first, second, asked, left = run(FAKE + """
      const first = await columns.update({a: 'a1', b: 'b1', c: undefined})
      const second = await columns.update({a: 'a1', c: 'c2'})
      return [first, second, asked, ['a', 'b', 'c'].map(name => columns.content(name) ?? null)]
    """)
    assert (first, sorted(second)) == (["a", "b"], ["b", "c"])
    assert asked == ["a1", "b1", "c2"]
    assert left == ["a1", None, "c2"]


def test_a_later_update_overtakes_an_earlier_one(run):
    early, late, content = run(FAKE + """
      const [early, late] = await Promise.all([columns.update({a: 'a1'}), columns.update({a: 'a2'})])
      return [early, late, columns.content('a')]
    """)
    assert (early, late, content) == (None, ["a"], "a2")


def test_server_that_forgot_is_told_and_asked_again(run):
    changed, told, failed = run(FAKE + """
      known = false
      return [await columns.update({a: 'a1'}), missing.length, columns.failed]
    """, 2)
    assert (changed, told, failed) == (["a"], 2, False)


def test_server_that_never_knows_is_not_asked_for_ever(run):
    told, asked, failed = run(FAKE + """
      known = false
      await columns.update({a: 'a1'})
      return [missing.length, asked.length, columns.failed]
    """, 99)
    assert (told, asked, failed) == (3, 4, True)


def test_column_that_cannot_be_made_is_a_failure_at_once(run):
    asked, failed = run(FAKE + "await columns.update({a: 'broken'}); return [asked.length, columns.failed]")
    assert (asked, failed) == (1, True)
