"""Packed values come back; small ones stay plain, large ones get smaller, damaged ones are told."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra_mind.tasks.packing import COMPRESS_ABOVE, pack, unpack


@given(st.binary(max_size=2_000), st.sampled_from([1, 400]))
def test_what_is_packed_comes_back(data: bytes, times: int) -> None:
    assert unpack(pack(data * times)) == data * times


def test_small_values_stay_plain_with_one_byte_more() -> None:
    data = b"a" * COMPRESS_ABOVE
    assert pack(data) == b"\x00" + data


def test_the_limit_can_be_set() -> None:
    data = b"a" * 1_000
    assert pack(data, 1_000) == b"\x00" + data
    assert pack(data, 999)[:1] == b"\x01"
    assert unpack(pack(data, 0)) == data


def test_large_values_get_smaller() -> None:
    data = b"a" * (COMPRESS_ABOVE + 1)
    assert len(pack(data)) < len(data) / 100
    assert unpack(pack(data)) == data


def test_what_cannot_get_smaller_stays_plain() -> None:
    data = random.Random(1).randbytes(COMPRESS_ABOVE + 1)
    assert pack(data) == b"\x00" + data


@pytest.mark.parametrize("damaged", [b"", b"\x07abc", b"\x01not zstd"])
def test_damaged_values_are_told(damaged: bytes) -> None:
    with pytest.raises(ValueError, match=r"packing marker|damaged"):
        unpack(damaged)
