"""Text and numbers as a reader sees them: nothing hidden in a name, nothing lost by rounding.

Every text that came out of a file may hold control characters, characters that reverse the
direction of writing, or characters of no width. They are shown as visible placeholders, so that
a name looks like what it is.
"""

from __future__ import annotations

import math
import re
import unicodedata

LONGEST_NAME = 80
"""Longest name shown in full, in characters; longer ones are shortened in the middle."""

_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_LESION_ID = re.compile(r"L[0-9]{1,4}")


def visible(text: str) -> str:
    """The text with every character that would not be seen replaced by one that is.

    Control, format (bidirectional, zero-width), surrogate, private and unassigned code points and
    line separators become placeholders; everything else stays.

    >>> visible("GTV" + chr(0x202E) + "1" + chr(10))
    'GTV⟨U+202E⟩1⟨U+000A⟩'
    """
    return "".join(
        f"⟨U+{ord(character):04X}⟩" if unicodedata.category(character) in _HIDDEN else character
        for character in text
    )


def shortened(text: str, *, longest: int = LONGEST_NAME) -> str:
    """A name with its middle left out where it is longer than ``longest`` characters.

    >>> shortened("x" * 500, longest=12)
    'xxxxxxxx…xxx (500 characters)'
    """
    if len(text) <= longest:
        return text
    tail = longest // 4
    return f"{text[: longest - tail - 1]}…{text[-tail:]} ({len(text)} characters)"


def number(value: float, *, decimals: int = 2) -> str:
    """A number with a fixed number of decimals and a true minus sign.

    A value that would round to zero keeps one significant digit, so that no small number reads
    as none.

    Raises
    ------
    ValueError
        The value is not finite: such a value is never shown.

    >>> number(-12.345), number(0.0), number(0.0004)
    ('−12.35', '0.00', '0.0004')
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a number to show; expected a finite value or None")
    shown = f"{value + 0.0:.{decimals}f}"  # + 0.0: no negative zero
    if value != 0 and float(shown) == 0:
        shown = f"{value:.1g}"
    return shown.replace("-", "−")


def plain(value: float) -> str:
    """A number as it was stated, without a needless fraction.

    >>> plain(23.0), plain(0.035), plain(-1.5)
    ('23', '0.035', '−1.5')
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a number to show; expected a finite value or None")
    shown = str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
    return shown.replace("-", "−")


def volume(value_cc: float) -> str:
    """A volume with four significant digits or so, never in powers of ten.

    >>> volume(0.0351), volume(7.2382), volume(62.883), volume(13944.4)
    ('0.0351', '7.238', '62.88', '13944.4')
    """
    size = abs(value_cc)
    decimals = 4 if size < 1 else 3 if size < 10 else 2 if size < 100 else 1
    return number(value_cc, decimals=decimals)


def beside(value: float, *limits: float) -> str:
    """A value as shown next to the limits it is compared with: rounding hides no difference.

    >>> beside(23.004, 23.0), beside(12.1, 23.0), beside(23.0, 23.0), beside(9.004, 23.0, 9.0)
    ('23.004', '12.10', '23.00', '9.004')
    """
    for decimals in range(2, 9):
        shown = f"{value:.{decimals}f}"
        others = [float(f"{limit:.{decimals}f}") for limit in limits if limit != value]
        if float(shown) not in others:
            break
    return shown.replace("-", "−")


def plus_minus(shown: str, uncertainty: float | None) -> str:
    """What stands after a shown value: its uncertainty to two significant digits, or nothing.

    It has no more decimals than the value, and never reads as zero.

    >>> plus_minus("54.20", 1.26), plus_minus("23.004", 0.0049), plus_minus("0.08", 0.0001)
    ('± 1.3', '± 0.005', '± <0.01')
    >>> plus_minus("54.20", None)
    ''
    """
    if uncertainty is None:
        return ""
    if not math.isfinite(uncertainty) or uncertainty < 0:
        raise ValueError(f"{uncertainty} is no uncertainty; expected a finite value from 0 up")
    decimals = len(shown.partition(".")[2]) or 2
    wanted = 1 - math.floor(math.log10(uncertainty)) if uncertainty else decimals
    decimals = max(min(wanted, decimals), 0)
    rounded = f"{round(uncertainty, wanted):.{decimals}f}"
    return f"± {rounded}" if float(rounded) else f"± <{10.0**-decimals:.{decimals}f}"


def lesion_figure(lesion_id: str, position: int) -> str:
    """File name of a lesion's figure; an id that is not ours gives its place in the list.

    >>> lesion_figure("L3", 3), lesion_figure("../../x", 4)
    ('lesion-L3.png', 'lesion-n4.png')
    """
    if _LESION_ID.fullmatch(lesion_id):
        return f"lesion-{lesion_id}.png"
    return f"lesion-n{position}.png"
