"""Numbers as people write them, and where their owners may live."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.model.hours import zone
from telephony.model.phone_number import phone_number

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("written", "e164", "zones"),
    [
        ("+442079460000", "+442079460000", ("Europe/London",)),
        ("+44 20 7946 0000", "+442079460000", ("Europe/London",)),
        ("  +1 (202) 555-0100 ", "+12025550100", ("America/New_York",)),
        ("+1.212.555.0100", "+12125550100", ("America/New_York",)),
        ("+34 910\u2013123\u2013456", "+34910123456", ("Europe/Madrid",)),
    ],
)
def test_a_number_is_taken_as_people_write_it(written: str, e164: str, zones: tuple[str, ...]) -> None:
    number = phone_number(written)
    assert number.e164 == e164
    assert number.zones == zones


def test_a_number_that_may_be_anywhere_in_a_wide_country_has_all_its_zones() -> None:
    zones = phone_number("+79161234567").zones  # a mobile in Russia
    assert len(zones) > 1
    assert all(zone(name) is not None for name in zones)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("", "must begin with +"),
        ("020 7946 0000", "must begin with +"),
        ("+44", "is not a phone number"),
        ("+44 20 7946 000x", "is not a phone number"),
        ("+442079460000\r\nAction: Originate", "is not a phone number"),
        ("+442079460000;ext=5", "is not a phone number"),
        ("+\u0664\u0664 \u0662\u0660\u0667\u0669\u0664\u0666", "is not a phone number"),
        ("+999 123 4567", "is not a phone number of any country"),
        ("+44 20 7946", "is too short"),
        ("+44 20 7946 0000 00000", "is too long"),
    ],
)
def test_what_is_no_number_is_refused_with_a_sentence(written: str, says: str) -> None:
    with pytest.raises(ValueError, match=f"^{says.replace('+', '[+]')}"):
        phone_number(written)


@given(st.text(alphabet="+0123456789 ()-.x\r\n", max_size=30))
def test_whatever_is_written_is_e164_or_refused(written: str) -> None:
    try:
        number = phone_number(written)
    except ValueError:
        return
    assert number.e164[0] == "+"
    assert number.e164[1:].isascii()
    assert number.e164[1:].isdigit()
    assert 5 <= len(number.e164) <= 16
