"""Two models' logits: high precision, the definition, masks, types and tensors, threads,
processors, refusal of bad input."""

import os
import subprocess
import sys
import tracemalloc

import mpmath as mp
import numpy as np
import pytest
from refusals import refusals

from rlentropy import distributions as dist
from rlentropy.discounted import entropy_dynamics as ed
from rlentropy.logits import FIELDS, entropy_change

INF = np.inf
LEAST = float(np.finfo(np.float32).min)


def cases(seed, shape=(7, 3, 5), scale=2.0):
    rng = np.random.default_rng(seed)
    return scale * rng.standard_normal(shape), rng.standard_normal(shape)


def parts(change):
    return {name: getattr(change, name) for name in FIELDS}


def assert_same(change, expected):
    """Bit by bit; nan equals nan."""
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(change, name), getattr(expected, name), err_msg=name)


def mpf(x):
    return mp.mpf(float(x))


def precise(old, new, T=1.0):
    """{field: (its value, the size by which its error is measured)} in mpmath's precision."""

    def log_softmax(x):
        top = max(x)
        total = mp.log(mp.fsum(mp.exp(v - top) for v in x)) + top
        return [v - total for v in x]

    def mean(f):
        return mp.fsum(a * b for a, b in zip(p, f, strict=True))

    def size(terms):
        return mp.fsum(map(abs, terms))

    old, new = ([mpf(v) / mpf(T) for v in x] for x in (old, new))
    log_p, log_q = log_softmax(old), log_softmax(new)
    p, q = ([mp.exp(v) for v in x] for x in (log_p, log_q))
    h_old, h_new = -mean(log_p), -mp.fsum(a * b for a, b in zip(q, log_q, strict=True))
    surprise = [v + h_old for v in log_p]
    kl = mp.fsum(b * (w - v) for b, v, w in zip(q, log_p, log_q, strict=True))
    shifts = [-(b - a) * v for a, b, v in zip(p, q, surprise, strict=True)]
    x = [b - a for a, b in zip(old, new, strict=True)]
    average = mean(x)
    x = [v - average for v in x]
    first = [-a * s * y for a, s, y in zip(p, surprise, x, strict=True)]
    second = [-a * (1 + s) * y * y / 2 for a, s, y in zip(p, surprise, x, strict=True)]
    return {
        "first_order": (mp.fsum(first), size(first)),
        "second_order": (mp.fsum(first + second), size(first + second)),
        "exact": (h_new - h_old, min(size(shifts) + kl, h_old + h_new)),
        "shift": (mp.fsum(shifts), size(shifts)),
        "kl": (kl, kl),
        "old_entropy": (h_old, h_old),
        "new_entropy": (h_new, h_new),
    }


def worst_error(change, truth):
    """Largest error of a field, in its own measure. Below 1e-276 products underflow."""
    return max(
        float(abs(mpf(getattr(change, name)) - value) / (size + mp.mpf("1e-276")))
        for name, (value, size) in truth.items()
    )


# ----------------------------------------------------------------------------------- high precision


# scale of the logits, size of the change, digits of the reference, relative accuracy of every field
@pytest.mark.parametrize(
    ("scale", "step", "digits", "tolerance"),
    [
        (1, 1, 60, 1e-13),
        (
            1,
            1e-8,
            60,
            1e-13,
        ),  # entropies' difference would keep 8 digits, KL as sum of q log(q/p) none
        (1, 1e-14, 60, 1e-13),
        (30, 1e-6, 120, 1e-13),
        (200, 2, 800, 1e-12),  # nearly certain before and after: entropies down to 1e-290
        (200, 300, 800, 1e-12),
        (1e4, 1e-3, 800, 1e-13),
        (1e4, 1e4, 800, 1e-13),
    ],
)
@pytest.mark.parametrize("common_shift", [0, 1000.0])
def test_against_high_precision(scale, step, digits, tolerance, common_shift):
    rng = np.random.default_rng(int(scale) + digits)
    with mp.workdps(digits):
        for _ in range(5):
            old = scale * rng.standard_normal(6)
            new = old + step * rng.standard_normal(6) + common_shift
            change, truth = entropy_change(old, new), precise(old, new)
            for name, (value, _) in truth.items():
                # below 1e-290 the products underflow to 0 or to numbers of few digits
                error = abs(mpf(getattr(change, name)) - value)
                assert error <= tolerance * abs(value) + mp.mpf("1e-290"), name


def adversarial(rng, kind):
    """A pair of one of the kinds that break formulas: see the comments."""
    n = int(rng.choice([2, 3, 5, 17]))
    old = 10 ** rng.uniform(-3, 3) * rng.standard_normal(n)
    new = old + 10 ** rng.uniform(-14, 2.5) * rng.standard_normal(n)
    top, bottom, some = np.argmax(old), np.argmin(old), rng.integers(n)
    if kind == "favourite falls":
        new[top] -= 10 ** rng.uniform(-1, 3)
    elif kind == "outsider wins":
        new = old + 1e-8 * rng.standard_normal(n)
        new[bottom] += rng.uniform(0, 300)
    elif kind == "only the favourite moves":
        new = old.copy()
        new[top] += 10 ** rng.uniform(-12, 1)
    elif kind == "two masks":
        old[some] = -rng.choice([1e4, 65504, 1e9])
        new[some] = -rng.choice([1e4, 65504, 1e9])
    elif kind == "mask in the new model":
        new[some] = -rng.choice([1e3, 1e4, 1e9])
    elif kind == "mask in the old model":
        old[some] = -rng.choice([1e3, 1e4, 1e9])
    elif kind == "ties":
        old = np.round(old)
        new = np.round(new)
    elif kind == "colder":
        new = old * (1 + 10 ** rng.uniform(-10, 0))
    return old, new + rng.choice([0.0, 0.0, 1e3, -1e5, 1e6])


@pytest.mark.parametrize(
    "kind",
    ["anything", "favourite falls", "outsider wins", "only the favourite moves", "two masks",
     "mask in the new model", "mask in the old model", "ties", "colder"],
)  # fmt: skip
def test_against_high_precision_where_formulas_break(kind):
    rng = np.random.default_rng(len(kind))
    with mp.workdps(900):
        for _ in range(25):
            old, new = adversarial(rng, kind)
            assert worst_error(entropy_change(old, new), precise(old, new)) < 2e-13


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 63, 127, 128, 129, 255, 257, 1000])
@pytest.mark.parametrize("step", [1e-9, 0.3, 60.0])
def test_every_number_of_actions(n, step):
    """Rows that fill the lanes of the sums in part, just, and with a rest; near and far."""
    old, x = cases(n, (n,))
    old, new = old.astype(np.float32), (old + step * x).astype(np.float32)
    with mp.workdps(150):
        assert worst_error(entropy_change(old, new), precise(old, new)) < 1e-13


def long_rows(rng):
    """Rows so long that their first means come from a sample of runs: samples that mislead."""
    n = 5000
    seen = np.arange(n) // 128 % 8 == 0
    flat = 1e-6 * rng.standard_normal(n)
    rough = rng.standard_normal(n)
    noise = rng.standard_normal(n)
    for offset in (-40, -5, 5, 12, 40):
        yield (
            np.where(seen, rough + offset, rough),
            np.where(seen, rough + offset + 0.5, rough + 0.1 * noise),
        )
        yield (
            np.where(seen, flat + offset, flat),
            np.where(seen, flat + offset, flat) + 1e-3 * noise,
        )
    for offset in (3.0, 14.0):
        yield rough, rough + 0.01 * noise + offset * seen
        for place in (3, 700):  # a favourite in the sample, and one that it misses
            peak = np.where(np.arange(n) == place, offset, flat)
            yield peak, peak + 1e-9 * noise
            certain = np.where(np.arange(n) == place, 100.0, rough)
            certain[703 - place] = 100 - 2 * offset
            yield certain, certain + 0.1 * noise


def test_long_rows_whose_sample_misleads():
    with mp.workdps(60):
        for old, new in long_rows(np.random.default_rng(1)):
            assert worst_error(entropy_change(old, new), precise(old, new)) < 1e-14


def test_the_reference_notices_a_near_miss():
    """An error in the twelfth digit of one logit is one that these tests see."""
    old, x = cases(3, (9,))
    near_miss = old + x
    near_miss[4] *= 1 + 1e-11
    with mp.workdps(60):
        assert worst_error(entropy_change(old, near_miss), precise(old, old + x)) > 2e-13


@pytest.mark.parametrize("T", [0.01, 0.7, 1.3, 25.0])
def test_temperature_against_high_precision(T):
    old, x = cases(20, (12,))
    with mp.workdps(200):
        assert (
            worst_error(entropy_change(old, old + x, temperature=T), precise(old, old + x, T))
            < 1e-13
        )


# ----------------------------------------------------------------------------------- the definition


@pytest.mark.parametrize("shape", [(5,), (1, 5), (3, 4, 5), (2, 1, 3, 5), (6, 1)])
def test_the_definition_for_every_shape(shape):
    old, x = cases(10, shape)
    change = entropy_change(old, old + x)
    for name in (*FIELDS, "where"):
        assert np.shape(getattr(change, name)) == shape[:-1]
    np.testing.assert_allclose(change.exact, ed.realised(old, x), atol=1e-14)
    np.testing.assert_allclose(change.shift - change.kl, change.exact, atol=1e-14)
    np.testing.assert_allclose(change.first_order, ed.first_order(old, x), atol=1e-13)
    np.testing.assert_allclose(change.second_order, ed.second_order(old, x), atol=1e-13)
    log_old, log_new = dist.log_softmax(old), dist.log_softmax(old + x)
    shift, kl = ed.identity_terms(log_new=log_new, log_old=log_old)
    np.testing.assert_allclose([change.shift, change.kl], [shift, kl], atol=1e-13)


def test_no_change_is_exactly_zero():
    old, _ = cases(11)
    for new in (old, old.copy() + 0.0):
        change = entropy_change(old, new)
        for name in ("first_order", "second_order", "exact", "shift", "kl"):
            value = getattr(change, name)
            assert np.all(value == 0) and not np.any(np.signbit(value)), name


def test_an_empty_batch_gives_empty_fields():
    change = entropy_change(np.zeros((0, 5)), np.zeros((0, 5)))
    assert change.exact.shape == (0,)
    assert np.isnan(change.mean()["exact"])


def test_a_vocabulary_of_two_hundred_thousand():
    old, x = cases(15, (3, 200_000))
    old, new = old.astype(np.float32), (old + 0.1 * x).astype(np.float32)
    direction = new.astype(float) - old
    change = entropy_change(old, new)
    np.testing.assert_allclose(change.exact, ed.realised(old, direction), atol=1e-11)
    np.testing.assert_allclose(
        change.kl, dist.kl(*map(dist.log_softmax, (new + 0.0, old + 0.0))), rtol=0.2
    )


def test_what_it_says_of_itself():
    old, x = cases(19, (4, 6))
    flags = [True, True, False, True]
    change = entropy_change(old, old + x, where=flags)
    assert change.mean()["kl"] == pytest.approx(change.kl[flags].mean(), rel=1e-15)
    assert "3 of 4 distributions" in repr(change)
    assert f"change {change.mean()['exact']:.6g} = shift" in repr(change)
    with pytest.raises(AttributeError):
        change.exact = 0


# -------------------------------------------------------------------------------------------- types


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4", ">f8", ">f2"])
def test_arithmetic_is_in_double_precision_whatever_the_input(dtype):
    old, x = cases(12, (4, 1000))
    old, new = (8 * old).astype(dtype), (8 * old + x).astype(dtype)
    wide = entropy_change(old.astype(float), new.astype(float))
    assert_same(entropy_change(old, new), wide)
    assert_same(entropy_change(old, new.astype(float)), wide)


def test_every_half_precision_number_is_read_right():
    numbers = np.arange(2**16, dtype=np.uint16).view(np.float16)
    numbers = numbers[np.isfinite(numbers)]
    old = np.stack([numbers, np.zeros_like(numbers)], axis=-1)
    new = old + np.float16([0, 1])
    assert_same(entropy_change(old, new), entropy_change(old.astype(float), new.astype(float)))


def test_every_bfloat16_number_is_read_right():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    numbers = np.arange(2**16, dtype=np.uint16).view(ml_dtypes.bfloat16)
    numbers = numbers[numbers.view(np.uint16) & 0x7F80 < 0x7F80]
    old = np.stack([numbers, np.zeros_like(numbers)], axis=-1)
    new = np.stack([numbers, np.ones_like(numbers)], axis=-1)
    assert_same(entropy_change(old, new), entropy_change(old.astype(float), new.astype(float)))
    change = entropy_change(old[:, None], new[:, None])
    assert change.exact.shape == (len(numbers), 1)


def test_lists_of_whole_numbers_are_numbers():
    assert_same(
        entropy_change([[0, 1, 2]], [[0, 2, 2]]), entropy_change([[0.0, 1, 2]], [[0.0, 2, 2]])
    )


# ------------------------------------------------------------------------------------------ tensors


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_torch_tensors(dtype):
    torch = pytest.importorskip("torch")
    old, x = cases(30, (4, 3, 301))
    old, new = (torch.tensor(y).to(getattr(torch, dtype)) for y in (old, old + x))
    expected = entropy_change(old.double().numpy(), new.double().numpy())
    assert_same(entropy_change(old, new), expected)
    assert_same(entropy_change(old.requires_grad_(), new), expected)
    # all but the last place, of a padded vocabulary: nothing is contiguous
    cut = entropy_change(old[:, :-1, :300], new[:, :-1, :300])
    assert_same(
        cut, entropy_change(*(y[:, :-1, :300].double().detach().numpy() for y in (old, new)))
    )
    mask = torch.tensor([[1, 1, 0]] * 4)
    masked = entropy_change(old, new, where=mask, temperature=torch.tensor(1.0))
    assert np.isnan(masked.exact[:, 2]).all()
    np.testing.assert_array_equal(masked.exact[:, :2], expected.exact[:, :2])
    new[2, 1, 7] = float("nan")
    with pytest.raises(ValueError, match=r"new_logits\[2, 1, 7\] = nan"):
        entropy_change(old, new)


def test_torch_tensors_are_read_in_place():
    torch = pytest.importorskip("torch")
    for dtype in (torch.bfloat16, torch.float32):
        old = torch.zeros((64, 20_000), dtype=dtype)
        new = old.clone()
        new[:, 0] = 1
        entropy_change(old[:1], new[:1])
        tracemalloc.start()
        entropy_change(old, new, jobs=1)
        assert tracemalloc.get_traced_memory()[1] < 100_000
        tracemalloc.stop()


def test_unreadable_torch_tensors_are_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match="new_logits: entries of type int64"):
        entropy_change(torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.int64))
    with pytest.raises(ValueError, match="new_logits: Tensor cannot be read"):
        entropy_change(torch.zeros(2, 3), torch.zeros(2, 3).to_sparse())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_jax_arrays(dtype):
    jnp = pytest.importorskip("jax.numpy")
    old, x = cases(31, (4, 3, 301))
    old, new = (jnp.asarray(y, dtype) for y in (old, old + x))
    expected = entropy_change(np.asarray(old, float), np.asarray(new, float))
    assert_same(entropy_change(old, new), expected)
    cut = entropy_change(*(np.asarray(y, float)[:, 1:] for y in (old, new)))
    assert_same(entropy_change(old[:, 1:], new[:, 1:]), cut)


class OnDevice:
    """A stand-in for an array of CuPy: memory that NumPy cannot see, slices, and ``get``."""

    copied = 0

    def __init__(self, x):
        self._x = x
        self.dtype = x.dtype
        self.shape = x.shape

    def __dlpack_device__(self):
        return (2, 0)

    def __dlpack__(self, **_):
        raise BufferError("not on the CPU")

    def __array__(self, *_, **__):
        raise TypeError("implicit conversion is not allowed")

    def reshape(self, *shape):
        return OnDevice(self._x.reshape(*shape))

    def __getitem__(self, key):
        return OnDevice(self._x[key])

    def get(self):
        OnDevice.copied = max(OnDevice.copied, self._x.size)
        return self._x.copy()


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_arrays_on_a_device_come_block_by_block(dtype):
    old, x = cases(32, (300, 2, 1000))
    old, new = old.astype(dtype), (old + x).astype(dtype)
    OnDevice.copied = 0
    assert_same(entropy_change(OnDevice(old), OnDevice(new)), entropy_change(old, new))
    assert 0 < OnDevice.copied <= 2**18


# -------------------------------------------------------------- memory, threads, processors, layout


def test_views_memory_maps_and_chunks_give_the_same_numbers(tmp_path):
    old, x = cases(13, (6, 4, 50))
    paths = [tmp_path / "old.npy", tmp_path / "new.npy"]
    for path, data in zip(paths, (old, old + x), strict=True):
        np.save(path, data)
    expected = entropy_change(old, old + x).exact
    mapped = entropy_change(*(np.load(path, mmap_mode="r") for path in paths))
    np.testing.assert_array_equal(mapped.exact, expected)
    strided = [np.asfortranarray(y)[::-1] for y in (old, old + x)]
    np.testing.assert_array_equal(entropy_change(*strided).exact, expected[::-1])
    chunks = [entropy_change(a, b).exact for a, b in zip(old, old + x, strict=True)]
    np.testing.assert_array_equal(chunks, expected)
    odd = [np.frombuffer(b"x" + y.tobytes(), offset=1).reshape(y.shape) for y in (old, old + x)]
    np.testing.assert_array_equal(entropy_change(*odd).exact, expected)


@pytest.mark.parametrize("cut", [slice(None), slice(0, 1999)])
def test_working_memory_does_not_grow_with_the_batch(cut):
    """Rows as they lie need none; others are copied, a block of rows at a time."""

    def peak(rows):
        old, x = cases(14, (rows, 2, 2000))
        old, new = old[..., cut], (old + x)[..., cut]
        entropy_change(old[:1], new[:1])
        tracemalloc.start()
        entropy_change(old, new, jobs=1)
        results = 8 * 2 * rows * (2 * len(FIELDS) + 3)
        extra = tracemalloc.get_traced_memory()[1] - results
        tracemalloc.stop()
        return extra

    blocks = 0 if cut.stop is None else 2 * 8 * 2**18
    assert peak(128) <= blocks + 50_000
    assert peak(1024) <= blocks + 50_000


def test_threads_change_no_bit():
    old, x = cases(21, (700, 2000))
    alone = entropy_change(old, old + x, jobs=1)
    for jobs in (2, 3, -1):
        assert_same(entropy_change(old, old + x, jobs=jobs), alone)


PROBE = """if True:
    import hashlib, sys
    import numpy as np
    from rlentropy import _logits_kernels as kernels
    from rlentropy.logits import FIELDS, entropy_change
    digest = hashlib.sha256()
    rng = np.random.default_rng(5)
    for n, step in ((3, 1.0), (1001, 0.1), (1001, 100.0), (5000, 1e-9)):
        old = (4 * rng.standard_normal((20, n))).astype(np.float32)
        new = (old + step * rng.standard_normal((20, n))).astype(np.float32)
        change = entropy_change(old, new, temperature=0.9)
        for name in FIELDS:
            digest.update(getattr(change, name).tobytes())
    code = "".join(kernels.sums.inspect_asm().values())
    print(digest.hexdigest(), "fmadd" in code or "fmla" in code)
"""


def probe(tmp_path, **environment):
    """(digest, whether products are fused with sums) in a process of its own."""
    environment = os.environ | environment | {"NUMBA_CACHE_DIR": str(tmp_path)}
    answer = subprocess.run(
        [sys.executable, "-c", PROBE],
        env=environment,
        check=True,
        timeout=600,
        capture_output=True,
        text=True,
    )
    digest, fused = answer.stdout.split()
    return digest, fused


@pytest.mark.slow
def test_the_same_bits_without_wide_vectors(tmp_path):
    """The host's own processor against the least of its kind: 2 lanes at a time, not 4 or 8."""
    own = probe(tmp_path)
    least = probe(tmp_path, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
    assert own == least
    assert own[1] == "False"


# -------------------------------------------------------------------------------------------- masks


def test_actions_masked_in_both_are_as_if_absent():
    old, x = cases(16, (4, 3, 6))
    expected = entropy_change(old, old + x)
    for old_mask, new_mask in (
        (-INF, -INF),
        (-1e9, -1e4),
        (LEAST, -INF),
        (-65504, LEAST),
        (-1.7e308, -1e9),
    ):
        masked_old = np.insert(old, [0, 2, 6], old_mask, axis=-1)
        masked_new = np.insert(old + x, [0, 2, 6], new_mask, axis=-1)
        change = entropy_change(masked_old, masked_new)
        for name in FIELDS:
            np.testing.assert_allclose(
                getattr(change, name), parts(expected)[name], rtol=1e-12, atol=1e-14
            )


MASKS = [-1e4, -65504.0, -1e8, -1e9, -1e20, -1e30, LEAST]


@pytest.mark.parametrize("old_mask", MASKS)
@pytest.mark.parametrize("new_mask", MASKS)
def test_masks_of_different_size_say_the_same(old_mask, new_mask):
    change = entropy_change([1, 2, old_mask], [1.1, 2, new_mask])
    with mp.workdps(40):
        assert worst_error(change, precise([1, 2], [1.1, 2])) < 1e-15


@pytest.mark.parametrize("mask", [*MASKS, -INF])
def test_a_mask_in_one_model_leaves_what_is_defined_right(mask):
    two, three = np.log([0.4, 0.6]), np.log([0.2, 0.3, 0.5])
    gain = dist.entropy(three) - dist.entropy(two)
    opened = entropy_change([*two, mask], three)
    assert opened.exact == pytest.approx(gain, rel=1e-13)
    assert opened.kl == pytest.approx(0.5 * (np.log(0.5) - mask) + 0.5 * np.log(0.5), rel=1e-13)
    # x of the two shared actions is constant: the old model sees no change to first order
    assert opened.first_order == pytest.approx(0, abs=1e-14)
    assert opened.second_order == pytest.approx(0, abs=1e-14)
    closed = entropy_change(three, [*two, mask])
    assert closed.exact == pytest.approx(-gain, rel=1e-13)
    assert closed.kl == pytest.approx(np.log(2), rel=1e-13)
    assert closed.shift == pytest.approx(np.log(2) - gain, rel=1e-13)
    if mask == -INF:
        assert np.isnan(closed.first_order) and np.isnan(closed.second_order)


def test_different_top_k_sets():
    """Shared actions, one lost, one gained; a set that shrinks; sets with no common action."""
    p, q = np.array([0.5, 0.3, 0.2, 0, 0]), np.array([0.6, 0.3, 0, 0.1, 0])
    with np.errstate(divide="ignore"):
        log_p, log_q = np.log(p), np.log(q)
    h_p, h_q = dist.entropy(log_p), dist.entropy(log_q)
    change = entropy_change([log_p, log_p[::-1], log_p], [log_q, log_q[::-1], np.roll(log_q, 3)])
    np.testing.assert_allclose(change.old_entropy, h_p, rtol=1e-14)
    np.testing.assert_allclose(change.new_entropy, h_q, rtol=1e-14)
    np.testing.assert_allclose(change.exact, h_q - h_p, rtol=1e-12)
    assert np.all(change.kl == INF) and np.all(change.shift == INF)
    assert np.isnan(change.first_order).all() and np.isnan(change.second_order).all()
    fewer = entropy_change(
        log_p, np.log([0.625, 0.375, 0, 0, 0], where=[1, 1, 0, 0, 0], out=np.full(5, -INF))
    )
    assert fewer.kl == pytest.approx(np.log(1.25), rel=1e-14)
    assert fewer.shift - fewer.kl == pytest.approx(fewer.exact, rel=1e-13)
    apart = entropy_change([0.0, 1, -INF, -INF], [-INF, -INF, 3.0, 3.0])
    assert apart.new_entropy == pytest.approx(np.log(2), rel=1e-15)
    assert apart.kl == INF


def test_huge_finite_logits():
    """Differences that overflow; finite numbers below -1e150 are masks."""
    change = entropy_change([1e100, 0, -1e308], [1e100, 1, -1e308])
    assert all(value == 0 for value in parts(change).values())
    assert entropy_change([0.0, 0, -1.7e308], [0.0, 0, -1e308]).exact == 0
    with pytest.raises(ValueError, match=r"old_logits\[0\] = 1e\+308: must be finite"):
        entropy_change([1e308, 0], [0.0, 0])


# --------------------------------------------------------------------------- rows that do not count


def test_rows_that_do_not_count_are_not_looked_at():
    old, x = cases(22, (4, 3, 6))
    expected = entropy_change(old, old + x)
    where = np.random.default_rng(1).random((4, 3)) < 0.6
    dirty_old, dirty_new = old.copy(), old + x
    dirty_old[~where] = np.nan
    dirty_new[~where] = -INF
    for flags in (where, where.astype(int), where.astype(np.float32), where.tolist()):
        change = entropy_change(dirty_old, dirty_new, where=flags)
        np.testing.assert_array_equal(change.where, where)
        for name in FIELDS:
            np.testing.assert_array_equal(
                getattr(change, name), np.where(where, parts(expected)[name], np.nan)
            )
            assert change.mean()[name] == pytest.approx(
                parts(expected)[name][where].mean(), rel=1e-12
            )


def test_flags_and_temperatures_broadcast():
    old, x = cases(23, (4, 3, 6))
    change = entropy_change(
        old, old + x, where=[True, False, True], temperature=[[0.5], [1], [2], [4]]
    )
    assert np.isnan(change.kl[:, 1]).all()
    for i, T in enumerate((0.5, 1, 2, 4)):
        expected = entropy_change(old[i] / T, (old + x)[i] / T)
        np.testing.assert_allclose(change.kl[i, [0, 2]], expected.kl[[0, 2]], rtol=1e-14)
    # a temperature that does not count may be anything
    assert (
        entropy_change(old[0, :2], old[0, :2], where=[True, False], temperature=[1.0, np.nan]).kl[0]
        == 0
    )


# ----------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("name", ["old_logits", "new_logits"])
@pytest.mark.parametrize("value", [np.nan, INF])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("index", [(0, 0, 0), (1, 2, 3), (2, 0, 299)])
def test_bad_entries_are_refused_with_their_index(name, index, value, dtype):
    old, x = cases(17, (3, 3, 300))
    logits = {"old_logits": old.astype(dtype), "new_logits": (old + x).astype(dtype)}
    logits[name][index] = value
    place = ", ".join(map(str, index))
    with pytest.raises(ValueError, match=rf"{name}\[{place}\] = {value}: must be finite, or -inf"):
        entropy_change(**logits)


def test_the_first_bad_row_is_named_whatever_the_threads():
    old, x = cases(25, (600, 2000))
    old[[200, 500], 7] = np.nan
    for jobs in (1, 2, 4):
        with pytest.raises(ValueError, match=r"old_logits\[200, 7\] = nan"):
            entropy_change(old, x, jobs=jobs)


@pytest.mark.parametrize(
    ("dtype", "mask"),
    [
        (np.float64, -INF),
        (np.float16, -INF),
        (np.float16, -65504),
        (np.float32, LEAST),
        (np.float64, -1.7e308),
    ],
)
def test_a_row_of_masks_is_refused_unless_left_out(dtype, mask):
    old, x = cases(26, (3, 5))
    old, new = old.astype(dtype), (old + x).astype(dtype)
    expected = entropy_change(old, new)
    new[1] = mask
    with pytest.raises(ValueError, match=r"^new_logits\[1\]: every action is masked out"):
        entropy_change(old, new)
    old[1] = mask
    with pytest.raises(ValueError, match=r"^old_logits\[1\]: every action is masked out"):
        entropy_change(old, new)
    np.testing.assert_array_equal(
        entropy_change(old, new, where=[1, 0, 1]).exact, np.where([1, 0, 1], expected.exact, np.nan)
    )


OLD, NEW = cases(24, (4, 3, 6))
test_what_has_words_of_its_own = refusals(
    (lambda: entropy_change(OLD, NEW.astype(int)), "new_logits: .* type int64.*float16, bfloat16"),
    (lambda: entropy_change(np.zeros(3, "V2"), NEW), r"old_logits: .* bare 16 bits .*ml_dtypes"),
    (
        lambda: entropy_change(OLD, NEW.astype(np.uint16)),
        r"new_logits: .* bare 16 bits .*ml_dtypes",
    ),
    (lambda: entropy_change(OLD[..., :0], NEW[..., :0]), r"old_logits: shape \(4, 3, 0\)"),
    (lambda: entropy_change(1.0, 2.0), r"old_logits: shape \(\), expected"),
    (
        lambda: entropy_change(np.ma.array([0.0, 9], mask=[0, 1]), [0.0, 0]),
        r"\[1\] is masked: write",
    ),
    (lambda: entropy_change(OLD, NEW, where=[True, False]), r"where: shape \(2,\), does not broad"),
    (lambda: entropy_change(OLD, NEW, where=[0, 2, 1]), r"where\[0, 1\] = 2.0: must be true or"),
    (lambda: entropy_change(OLD, NEW, temperature=[1, 1.0, 0]), r"temperature\[0, 2\] = 0.0: must"),
    (lambda: entropy_change(OLD, NEW, temperature=[1.0, 2.0]), "temperature: shape"),
    (lambda: entropy_change(OLD, NEW, temperature=True), "temperature: entries of type bool"),
)
