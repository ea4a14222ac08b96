"""Named flags: `flags` and `avpflags` declarations. Source: core/flags.c, core/usr_avp.c (register_avpflag)."""

from __future__ import annotations

from kamscript.source import did_you_mean

MAX_FLAG = 31


class FlagTable:
    """Names and numbers, in the order of declaration."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self._next = 0

    def add(self, name: str, number: int | None) -> tuple[str, str]:
        """Declare a flag, at `number` or the next free one; an error text and a warning text, empty for none."""
        if name in self.numbers:
            return f"the flag {name} is already declared", ""
        taken = set(self.numbers.values())
        warning = ""
        if number is None:
            while self._next <= MAX_FLAG and self._next in taken:
                self._next += 1
            if self._next > MAX_FLAG:
                free = [i for i in range(MAX_FLAG + 1) if i not in taken]
                if not free:
                    return f"no number is left for the flag {name}", ""
                self._next = free[0]
            number = self._next
        elif not 0 <= number <= MAX_FLAG:
            return f"flags are numbered 0 to {MAX_FLAG}", ""
        elif number in taken:
            other = next(key for key, value in self.numbers.items() if value == number)
            warning = f"{name} and {other} are the same flag, {number}"
        self.numbers[name] = number
        return "", warning

    def hint(self, name: object) -> str:
        """Which declared flag may have been meant."""
        return did_you_mean(str(name), self.numbers)
