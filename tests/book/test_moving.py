"""Things to move and pictures at the head of chapters: their numbers, their places, and how they are moved."""

import functools
import json
import re
from types import SimpleNamespace

import drawings
import front_pictures
import moving
import moving_explorers
import numpy as np
import pytest
import yaml
from browsing import HTML, NARROW, ROOT, WIDE, Visit, window
from docutils import nodes

from rlentropy import distributions as dist
from rlentropy import entropy_change
from rlentropy.discounted import entropy_dynamics, environments, evaluation, natural_gradient

PAGE = {thing.kind: f"{thing.page}.html" for thing in moving.THINGS}
STORED = json.loads((ROOT / "book" / "moving" / "explorers.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-12


# ------------------------------------------------------------------------------------------ placing


def chapter():
    """A small chapter: a question, and a section that holds a statement and a figure in a cell."""
    asked = nodes.paragraph("", "", nodes.strong("", "Question."), nodes.Text(" Which way?"))
    shown = nodes.container("", nodes.container("", nodes.figure("", ids=["fig-path"])))
    below = nodes.section("", nodes.title("", "Below"), ids=["below"])
    inner = nodes.section("", nodes.title("", "A"), shown, below, ids=["above"])
    return nodes.container("", nodes.section("", nodes.title("", "T"), asked, inner, ids=["t"]))


def kinds(section):
    return [type(part).__name__ for part in section]


def test_a_thing_stands_behind_the_cell_of_its_figure():
    page = chapter()
    moving.put_after(moving.named(page, "fig-path"), nodes.raw())
    assert kinds(moving.named(page, "above")) == ["title", "container", "raw", "section"]


def test_a_thing_of_a_section_stands_at_its_end_and_before_what_is_below():
    page = chapter()
    moving.put_after(moving.named(page, "above"), nodes.raw())
    moving.put_after(moving.named(page, "below"), nodes.raw())
    assert kinds(moving.named(page, "above")) == ["title", "container", "raw", "section"]
    assert kinds(moving.named(page, "below")) == ["title", "raw"]


def test_a_picture_stands_behind_the_question():
    page = chapter()
    moving.put_after(moving.question(page), moving.figure(moving.PICTURES[0]))
    assert kinds(moving.named(page, "t")) == ["title", "paragraph", "figure", "section"]


@pytest.mark.parametrize(
    ("page", "missing"), [("notebooks/08_reward_free_processes", 1), (moving.THINGS[0].page, 2)]
)
def test_a_place_that_is_not_on_the_page_is_a_warning(page, missing, monkeypatch):
    said = []
    logger = SimpleNamespace(warning=lambda text, *words, **_: said.append(text % words))
    monkeypatch.setattr(moving, "logger", logger)
    moving.place(SimpleNamespace(env=SimpleNamespace(docname=page)), nodes.container())
    assert len(said) == missing and all("is not on the page" in words for words in said)


def test_data_cannot_close_their_script(monkeypatch, tmp_path):
    (tmp_path / "x.json").write_text('{"name": "</script>"}')
    monkeypatch.setattr(moving, "MADE", tmp_path)
    one = moving.Thing(page="p", after="a", kind="k", caption="c", without="<b>", data="x.json")
    html = moving.box(one).astext()
    assert html.count("</script>") == 1 and "&lt;b&gt;" in html


@pytest.mark.parametrize(
    ("builder", "page", "files"),
    [
        ("html", moving.THINGS[0].page, ["moving.css", "moving_numbers.js", "moving_simplex.js"]),
        ("html", "book/index", []),
        ("singlehtml", "book/index", ["moving.css"]),
    ],
)
def test_pages_load_what_they_need(builder, page, files):
    loaded = []
    app = SimpleNamespace(
        builder=SimpleNamespace(name=builder),
        add_css_file=loaded.append,
        add_js_file=loaded.append,
    )
    moving.load(app, page, "", {}, None)
    assert loaded == files


def test_a_label_in_a_caption_becomes_a_link():
    first, link, last = moving.linked("See `thm-x` here.")
    assert (first.astext(), last.astext()) == ("See ", " here.")
    assert link["reftarget"] == "thm-x" and link["refdomain"] == "prf"


# ------------------------------------------------------------------------------------ stored numbers


NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def same_drawing(one, other):
    """Equal but for the last digit of a computed place."""
    found = [np.array(NUMBER.findall(text), dtype=float) for text in (one, other)]
    return NUMBER.sub("", one) == NUMBER.sub("", other) and bool(
        (abs(found[0] - found[1]) < 0.11).all()
    )


@pytest.mark.parametrize(
    "draw", drawings.PICTURES + front_pictures.PICTURES, ids=lambda draw: draw.__name__
)
def test_a_drawing_is_that_of_the_script(draw):
    stored = (ROOT / "book" / "moving" / f"{draw.__name__}.svg").read_text(encoding="utf-8")
    again = draw()
    assert same_drawing(stored, again)
    assert not same_drawing(stored, again.replace('y="', 'y="1', 1) + again.replace("<", "", 1))


def test_every_chapter_of_the_three_parts_has_its_drawing():
    files = {f"{draw.__name__}.svg" for draw in drawings.PICTURES}
    assert {picture.file for picture in moving.PICTURES} == files
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    parts = [part for part in toc["parts"] if part["caption"].startswith("Part ")]
    chapters = [chapter["file"] for part in parts for chapter in part["chapters"]]
    assert [picture.page for picture in moving.PICTURES] == chapters


def test_the_checkpoints_are_small_and_say_where_they_come_from():
    assert (ROOT / "book" / "moving" / "explorers.json").stat().st_size <= 60_000
    assert STORED["made by"] == "tools/moving_explorers.py" and len(STORED["sources"]) == 16
    assert STORED["grid"] == moving_explorers.GRID and STORED["seed"] == moving_explorers.SEED
    steps = STORED["grid"]["horizon"] * np.array(STORED["episodes"])
    for explorer in STORED["explorers"]:
        assert (np.sum(explorer["visits"], axis=1) == steps).all()


@pytest.mark.parametrize("k", [9])
def test_a_checkpoint_is_computed_again(k):
    again = moving_explorers.made(stops=tuple(STORED["episodes"][: k + 1]))
    assert again["optimum"] == pytest.approx(STORED["optimum"], abs=1e-9)
    for new, old in zip(again["explorers"], STORED["explorers"], strict=True):
        assert new["name"] == old["name"]
        assert new["visits"] == old["visits"][: k + 1]
        assert new["gap"] == pytest.approx(old["gap"][: k + 1], abs=1e-9)


# ------------------------------------------------------------------------------- numbers of the page


@pytest.fixture(scope="module")
def pages(browser, site):
    """The page of each kind of thing, opened once."""
    with browser.new_context(viewport=WIDE) as context:

        @functools.cache
        def open_(kind):
            visit = Visit(context, site)
            visit.open(PAGE[kind])
            assert visit.errors == [] and visit.outside == []
            return visit.tab

        yield open_


def policies(count):
    """Seeded policies on three actions: inside, close to the sides, on the sides, in the corners."""
    rng = np.random.default_rng(15)
    inside = rng.dirichlet(np.ones(3), size=count)
    close = dist.softmax(12 * rng.normal(size=(count, 3)))
    side = rng.dirichlet(np.ones(3), size=count // 4)
    side[np.arange(len(side)), rng.integers(3, size=len(side))] = 0
    side /= side.sum(axis=1, keepdims=True)
    return np.concatenate([inside, close, side, np.eye(3), [[1 / 3] * 3]])


def one_step(policy, adv, eta):
    """What the package says of the step."""
    log_old = dist.log_probabilities(policy)
    log_new = natural_gradient.step(log_old, adv, eta)
    slope = -dist.covariance(log_old, log_old, adv)
    return {
        "policy": np.exp(log_new),
        "before": dist.entropy(log_old),
        "after": dist.entropy(log_new),
        "change": dist.entropy(log_new) - dist.entropy(log_old),
        "first": eta * slope,
        "radius": 2 * abs(slope) / (np.ptp(adv) ** 2 * np.log(3)),
    }


@pytest.mark.browser
def test_the_simplex_has_the_numbers_of_the_package(pages):
    rng = np.random.default_rng(16)
    cases = [
        (p.tolist(), rng.uniform(-2, 2, size=3).tolist(), float(rng.uniform(0.05, 5)))
        for p in policies(200)
    ]
    assert len(cases) > 400
    found = pages("simplex").evaluate("cases => cases.map(c => rlNumbers.step(...c))", cases)
    for case, numbers in zip(cases, found, strict=True):
        for name, expected in one_step(*map(np.array, case)).items():
            assert numbers[name] == pytest.approx(expected, rel=TOLERANCE, abs=TOLERANCE), name
        if min(case[0]) > 0:
            theta, direction = np.log(case[0]), case[2] * np.array(case[1])
            change = entropy_change(theta, theta + direction)
            radius = entropy_dynamics.certificate_radius(theta, case[1])
            assert numbers["change"] == pytest.approx(float(change.exact), abs=TOLERANCE)
            assert numbers["first"] == pytest.approx(float(change.first_order), abs=TOLERANCE)
            assert numbers["radius"] == pytest.approx(float(radius), abs=TOLERANCE)
    # a step longer by a billionth is another one
    policy, adv, eta = map(np.array, cases[0])
    near = one_step(policy, adv, eta * (1 + 1e-9))
    assert found[0]["change"] != pytest.approx(near["change"], rel=TOLERANCE, abs=TOLERANCE)


@pytest.mark.browser
def test_equal_advantages_certify_nothing(pages):
    same = pages("simplex").evaluate("() => rlNumbers.step([0.2, 0.3, 0.5], [1, 1, 1], 2)")
    assert same["radius"] == 0
    assert abs(same["change"]) < 1e-15 and abs(same["first"]) < 1e-15


@pytest.mark.browser
def test_the_temperature_has_the_numbers_of_the_package(pages):
    rng = np.random.default_rng(17)
    cases = [(rng.normal(size=4).tolist(), 10 ** rng.uniform(-2, 1.5)) for _ in range(200)]
    cases += [([2, 2, 0.5, 0], 0.01), ([2, 1, 0.5, 0], 10**1.5)]
    found = pages("temperature").evaluate(
        "cases => cases.map(c => rlNumbers.temperature(...c))", cases
    )
    for (values, tau), numbers in zip(cases, found, strict=True):
        best = evaluation.soft_optimal(environments.bandit(values), tau=tau)
        expected = {
            "policy": np.exp(best.log_pi[0]),
            "entropy": dist.entropy(best.log_pi[0]),
            "reward": dist.mean(best.log_pi[0], np.array(values)),
            "soft": best.V[0],
        }
        for name, number in expected.items():
            assert numbers[name] == pytest.approx(number, rel=TOLERANCE, abs=TOLERANCE), name
    assert numbers["soft"] != pytest.approx(numbers["reward"], abs=1e-3)


# -------------------------------------------------------------------------------------- moving them

HANDLE = ".rl-handle"
CENTRE = """name => { const box = document.querySelector(name).getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2]; }"""


def drawn(tab):
    tab.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")


def cells(tab):
    """The numbers of the table of a thing, whole."""
    drawn(tab)
    values = tab.eval_on_selector_all(".rl-numbers data", "all => all.map(one => one.value)")
    return [np.array(value.split(), dtype=float) for value in values]


def agrees(tab):
    """The policy of the page; all of its numbers are those of the package for where it stands."""
    policy, after, *rest = cells(tab)
    sliders = tab.eval_on_selector_all(".rl-stage input", "all => all.map(one => one.value)")
    *adv, eta = map(float, sliders)
    expected = one_step(policy, np.array(adv), eta)
    assert after == pytest.approx(expected["policy"], abs=TOLERANCE)
    names = ("before", "after", "change", "first", "radius")
    assert np.concatenate(rest) == pytest.approx([expected[n] for n in names], abs=TOLERANCE)
    said = tab.locator(".rl-said").inner_text()
    assert ("rises" in said.split(".")[0]) == bool(expected["change"] > TOLERANCE)
    assert ("Not certified" not in said) == bool(eta < expected["radius"])
    return policy


def spot(tab, policy):
    """Where a policy is on the screen."""
    box = tab.evaluate("""() => { const box = document.querySelector('.rl-edge').getBoundingClientRect();
        return [box.left, box.right, box.top, box.bottom]; }""")
    left, right, top, bottom = box
    return np.array(policy) @ [[(left + right) / 2, top], [left, bottom], [right, bottom]]


@pytest.mark.browser
def test_the_policy_is_dragged_with_the_mouse(pages):
    tab = pages("simplex")
    tab.locator(".rl-triangle").scroll_into_view_if_needed()
    agrees(tab)
    for target in ([0.6, 0.3, 0.1], [0.2, 0.2, 0.6]):
        tab.mouse.move(*tab.evaluate(CENTRE, HANDLE))
        tab.mouse.down()
        tab.mouse.move(*spot(tab, target), steps=4)
        tab.mouse.up()
        assert agrees(tab) == pytest.approx(target, abs=0.01)
    # beyond a corner the policy is the corner
    tab.mouse.move(*tab.evaluate(CENTRE, HANDLE))
    tab.mouse.down()
    x, y = spot(tab, [1, 0, 0])
    tab.mouse.move(x, y - 15, steps=4)
    tab.mouse.up()
    assert agrees(tab).tolist() == [1, 0, 0]
    # no drag after the button is released; a click leads there at once
    tab.mouse.move(*spot(tab, [0.3, 0.3, 0.4]))
    assert agrees(tab).tolist() == [1, 0, 0]
    tab.mouse.click(*spot(tab, [0.3, 0.3, 0.4]))
    assert agrees(tab) == pytest.approx([0.3, 0.3, 0.4], abs=0.01)


@pytest.mark.browser
def test_the_policy_is_moved_with_the_keyboard(pages):
    tab = pages("simplex")
    handle = tab.locator(HANDLE)
    handle.focus()
    tab.keyboard.press("0")
    assert agrees(tab) == pytest.approx([1 / 3] * 3, abs=1e-9)
    moves = {"ArrowUp": 0, "ArrowLeft": 1, "ArrowRight": 2}
    for key, action in moves.items():
        before = agrees(tab)
        tab.keyboard.press(key)
        assert agrees(tab)[action] > before[action] + 0.01
    before = agrees(tab)
    tab.keyboard.press("ArrowDown")
    assert agrees(tab)[0] < before[0] - 0.01
    for key in "123":
        tab.keyboard.press(key)
        assert agrees(tab).tolist() == [float(key == other) for other in "123"]
    assert handle.get_attribute("role") == "slider"
    assert handle.get_attribute("aria-valuetext") == "0.000, 0.000, 1.000"
    outline = tab.evaluate("() => getComputedStyle(document.querySelector('.rl-dot')).strokeWidth")
    assert outline == "4px"  # the focus is seen


@pytest.mark.browser
def test_advantages_and_step_change_the_numbers_and_the_map(pages):
    tab = pages("simplex")
    tab.locator(HANDLE).focus()
    tab.keyboard.press("0")
    tab.keyboard.press("ArrowUp")
    picture = tab.locator(".rl-triangle image")
    for i in range(4):
        agrees(tab)
        before = picture.get_attribute("href")
        tab.locator(".rl-stage input").nth(i).focus()
        for _ in range(8):
            tab.keyboard.press("ArrowRight")
        agrees(tab)
        assert picture.get_attribute("href") != before


@pytest.mark.browser
def test_the_map_tells_rising_from_falling(pages):
    """At some places the colour of the map is that of the sign of the change there."""
    tab = pages("simplex")
    agrees(tab)
    *adv, eta = map(
        float, tab.eval_on_selector_all(".rl-stage input", "all => all.map(one => one.value)")
    )
    inside = np.random.default_rng(18).dirichlet(np.full(3, 3.0), size=60)
    changes = np.array([one_step(p, np.array(adv), eta)["change"] for p in inside])
    clear = np.abs(changes) > 0.02
    places = inside[clear] @ [[0.5, 0], [0, 1], [1, 1]]
    colours = tab.evaluate(
        """async places => {
        const image = new Image();
        image.src = document.querySelector('.rl-triangle image').getAttribute('href');
        await image.decode();
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [image.width, image.height];
        const brush = canvas.getContext('2d');
        brush.drawImage(image, 0, 0);
        return places.map(([x, y]) =>
            [...brush.getImageData(Math.floor(x * image.width), Math.floor(y * image.height), 1, 1).data]);
    }""",
        places.tolist(),
    )
    rising = np.array([red > blue for red, _, blue, _ in colours])
    assert clear.sum() > 20 and rising.any() and not rising.all()
    assert (rising == (changes[clear] > 0)).all()


def touch(tab, places):
    """A finger that goes from place to place."""
    session = tab.context.new_cdp_session(tab)

    def send(kind, *places):
        points = [{"x": float(x), "y": float(y)} for x, y in places]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", places[0])
    for place in places[1:]:
        send("touchMove", place)
    send("touchEnd")


@pytest.mark.browser
def test_the_policy_is_dragged_with_a_finger(browser, site):
    context = browser.new_context(viewport=NARROW, has_touch=True)
    visit = Visit(context, site)
    tab = visit.open(PAGE["simplex"])
    tab.evaluate(
        "() => document.querySelector('.rl-triangle').scrollIntoView({block: 'center', behavior: 'instant'})"
    )
    drawn(tab)
    before, scrolled = agrees(tab), tab.evaluate("() => scrollY")
    start = tab.evaluate(CENTRE, HANDLE)
    end = spot(tab, [0.6, 0.2, 0.2])
    touch(tab, [start, (np.array(start) + end) / 2, end])
    assert agrees(tab) == pytest.approx([0.6, 0.2, 0.2], abs=0.02)
    assert abs(before - agrees(tab)).max() > 0.1
    assert tab.evaluate("() => scrollY") == scrolled  # the page stays where it is
    assert visit.errors == []
    context.close()


@pytest.mark.browser
def test_the_temperature_slides(pages):
    tab = pages("temperature")
    slider = tab.locator(".rl-stage input")
    slider.focus()
    seen = []
    for key in ("Home", "End"):
        tab.keyboard.press(key)
        tau = 10 ** float(slider.input_value())
        best = evaluation.soft_optimal(environments.bandit([2, 1, 0.5, 0]), tau=tau)
        entropy, reward, soft = np.concatenate(cells(tab))
        assert soft == pytest.approx(best.V[0], abs=TOLERANCE)
        assert entropy == pytest.approx(dist.entropy(best.log_pi[0]), abs=TOLERANCE)
        seen.append(reward)
    assert seen[0] > 1.99 and seen[1] < 1.0
    tab.locator(".rl-stage select").select_option(index=2)
    tab.keyboard.press("Home")
    slider.focus()
    tab.keyboard.press("Home")
    assert cells(tab)[0][0] == pytest.approx(np.log(2), abs=1e-9)  # two best actions share
    assert slider.get_attribute("aria-valuetext") == "0.0100"


@pytest.mark.browser
def test_the_explorers_slide_through_the_stored_checkpoints(pages):
    tab = pages("explorers")
    slider = tab.locator(".rl-stage input")
    slider.focus()
    tab.keyboard.press("Home")
    for k in range(len(STORED["episodes"])):
        shown = np.concatenate(cells(tab))
        assert shown.tolist() == [explorer["gap"][k] for explorer in STORED["explorers"]]
        seen = tab.locator(".rl-map figcaption").all_inner_texts()
        counts = [sum(map(bool, explorer["visits"][k])) for explorer in STORED["explorers"]]
        assert seen == [f"{count} of 441 cells seen" for count in counts]
        assert slider.get_attribute("aria-valuetext") == f"{STORED['episodes'][k]:,}"
        tab.keyboard.press("ArrowRight")
    painted = tab.evaluate("""() => [...document.querySelectorAll('.rl-map canvas')].map(canvas =>
        canvas.getContext('2d').getImageData(0, 0, 21, 21).data.filter((part, i) => i % 4 === 3 && part).length)""")
    assert painted == counts


# ------------------------------------------------------------------------------------ for everybody


@pytest.mark.browser
@pytest.mark.parametrize("kind", sorted(PAGE))
def test_without_scripts_a_sentence_stands_in(opened, kind):
    tab = opened(PAGE[kind], viewport=WIDE, java_script_enabled=False)
    box = tab.locator(f".rl-moving[data-moving={kind}]")
    assert "without" in box.locator("noscript").inner_text()
    assert not box.locator(".rl-stage").is_visible()
    assert box.locator("figcaption").is_visible() and box.bounding_box()["height"] < 300


@pytest.mark.browser
@pytest.mark.parametrize("kind", sorted(PAGE))
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1400", "390"])
def test_things_fit_their_box_and_can_be_read(pages, kind, size):
    tab = pages(kind)
    with window(tab, size):
        drawn(tab)
        box, room, smallest = tab.evaluate(
            """kind => {
            const stage = document.querySelector(`.rl-moving[data-moving=${kind}] .rl-stage`);
            const kept = stage.getBoundingClientRect().height;
            stage.style.minHeight = 0;
            const filled = stage.getBoundingClientRect().height;
            stage.style.minHeight = '';
            const letters = [...stage.querySelectorAll('svg text')].map(text =>
                13 * text.ownerSVGElement.getBoundingClientRect().width / text.ownerSVGElement.viewBox.baseVal.width);
            return [kept, filled, Math.min(...letters)];
        }""",
            kind,
        )
        wide = tab.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    assert room <= box <= room + 60  # the room that was kept is that which is filled: nothing jumps
    assert smallest > 9.5 and wide <= 0


# nothing moves by itself, whatever motion the reader has asked for
MOTION = "() => document.querySelector('.rl-moving').getAnimations({subtree: true}).length"


@pytest.mark.browser
def test_scripts_are_loaded_where_they_are_needed(pages):
    for page in (HTML / "notebooks").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        wanted = {thing.kind for thing in moving.THINGS if thing.page.endswith(page.stem)}
        loaded = {kind for kind in PAGE if f"moving_{kind}.js" in text}
        assert loaded == wanted
        assert ("moving_numbers.js" in text) == bool(wanted)
    assert pages("simplex").evaluate(MOTION) == 0


@pytest.fixture(scope="module")
def still(browser):
    """A tab without scripts: formulas are not set, which takes most of the time of a visit."""
    with browser.new_context(viewport=WIDE, java_script_enabled=False) as context:
        yield context.new_page()


@pytest.mark.browser
@pytest.mark.parametrize("picture", moving.PICTURES, ids=lambda picture: picture.file)
def test_a_drawing_is_on_the_first_screen(still, site, picture):
    still.goto(f"{site}/{picture.page}.html")
    image = still.locator(f"#{picture.label} img")
    box = image.bounding_box()
    assert box["y"] + box["height"] < WIDE["height"]
    assert image.get_attribute("alt") == picture.alt and len(picture.alt.split()) > 10
    with window(still, NARROW):
        shown = image.bounding_box()["width"]
    assert 16 * shown / 480 > 10  # letters of the drawing on a phone
