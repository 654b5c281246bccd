"""What analyses cost, by whatever they have in common. PURE: as bounded as the analyses themselves."""

from collections.abc import Callable

from msgspec import Struct

from topics import Analysis


class Sum(Struct):
    """Of the analyses of one name."""

    cost_nano_usd: int = 0
    analyses: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def put(self, analysis: Analysis, times: int) -> None:
        """Add an analysis, or take it away."""
        self.cost_nano_usd += times * analysis.cost_nano_usd
        self.analyses += times
        self.input_tokens += times * analysis.input_tokens
        self.output_tokens += times * analysis.output_tokens


BY: dict[str, Callable[[Analysis], str]] = {
    "asset": lambda a: a.asset,
    "model": lambda a: a.model or "rules",
    "prompt": lambda a: a.prompt_version or "none",
    "origin": lambda a: a.origin,
    "product": lambda a: a.product,
}


class Spending:
    """Sums over the analyses that are kept."""

    def __init__(self) -> None:
        """Begin with none."""
        self.all = Sum()
        self.by: dict[str, dict[str, Sum]] = {name: {} for name in BY}
        """By asset, model, prompt, origin and product."""

    def add(self, analysis: Analysis) -> None:
        """Take an analysis."""
        self.all.put(analysis, 1)
        for name, of in BY.items():
            self.by[name].setdefault(of(analysis), Sum()).put(analysis, 1)

    def remove(self, analysis: Analysis) -> None:
        """Let an analysis go."""
        self.all.put(analysis, -1)
        for name, of in BY.items():
            sums, key = self.by[name], of(analysis)
            sums[key].put(analysis, -1)
            if not sums[key].analyses:
                del sums[key]
