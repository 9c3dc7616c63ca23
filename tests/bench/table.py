"""The table that `make bench` prints, a line as soon as it is measured, at most 100 columns wide."""

HEADINGS = ("what; baseline", "measured", "baseline", "ratio", "bound", "")
WIDTHS = (48, 12, 12, 6, 9, 4)


def line(cells):
    first, *others = (str(cell) for cell in cells)
    print("  ".join([first.ljust(WIDTHS[0]), *(cell.rjust(width) for cell, width in zip(others, WIDTHS[1:]))]).rstrip(),
          flush=True)


def begin():
    line(HEADINGS)


def group(text):
    print("\n" + text, flush=True)


def row(what, measured, baseline="", ratio="", bound="", good=None):
    """`good`: is the bound kept? None: there is none."""
    line(("  " + what, measured, baseline, ratio, bound, "" if good is None else "ok" if good else "over"))


def peak(mebibytes, bound, baseline=""):
    row("peak memory", mib(mebibytes), baseline, "", f"<= {bound} MiB", mebibytes <= bound)


def at_most(what, measured, baseline, ratio, bound):
    row(what, measured, baseline, f"{ratio:.2f}", f"<= {bound}", ratio <= bound)


def at_least(what, measured, baseline, ratio, bound):
    row(what, measured, baseline, f"{ratio:.2f}", f">= {bound}", ratio >= bound)


def ms(seconds):
    return f"{seconds * 1000:.2f} ms"


def us(seconds):
    return f"{seconds * 1e6:.0f} us"


def ns(seconds):
    return f"{seconds * 1e9:.0f} ns"


def rate(amount, seconds, unit):
    return f"{amount / seconds:,.0f} {unit}/s"


def mib(value):
    return f"{value:.1f} MiB"
