"""Keys of tasks: each stands for one task of its run."""


class Keys(set[str]):
    """The keys that are taken."""

    def __init__(self, *taken: str) -> None:
        super().__init__(taken)
        self._uses: dict[str, int] = {}

    def take(self, key: str) -> str:
        """`A`, then `A#2`, `A#3`, stepping over a task that is really called so."""
        name = key
        while name in self:
            self._uses[key] = self._uses.get(key, 1) + 1
            name = f"{key}#{self._uses[key]}"
        self.add(name)
        return name
