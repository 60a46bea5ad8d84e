"""Classes found by the name of their file: `--model NAME` and `--dataset_mode NAME`."""

import importlib
from dataclasses import dataclass
from pathlib import Path

from util.errors import UsageError, UserError


@dataclass(frozen=True)
class Registry:
    """The classes NAMEModel in models/NAME_model.py, or NAMEDataset in data/NAME_dataset.py."""

    package: str  # models or data
    kind: str  # model or dataset: the ending of file and class
    flag: str  # that names one

    def names(self) -> list[str]:
        """Return the values that the flag takes."""
        folder = Path(importlib.import_module(self.package).__file__).parent
        stems = [path.stem.removesuffix(f"_{self.kind}") for path in folder.glob(f"*_{self.kind}.py")]
        return sorted(name for name in stems if name != "base")

    def find(self, name: str) -> type:
        """Return the class with this name. Case and underscores do not count: cycle_gan is CycleGANModel.

        Raises:
            UsageError: if there is no such file.
            UserError: if the file does not define the class.
        """
        if name not in self.names():
            raise UsageError(f"{self.flag} {name}: expected one of {', '.join(self.names())}")
        module = importlib.import_module(f"{self.package}.{name}_{self.kind}")
        expected = f"{name}{self.kind}".replace("_", "").lower()
        classes = {key.lower(): value for key, value in vars(module).items() if isinstance(value, type)}
        if expected not in classes:
            own = [value.__name__ for value in classes.values() if value.__module__ == module.__name__]
            found = f"it defines {', '.join(own)}" if own else "it defines no class"
            title = "".join(word.capitalize() for word in f"{name}_{self.kind}".split("_"))
            raise UserError(f"{self.package}/{name}_{self.kind}.py must define a class named {title}; {found}")
        return classes[expected]
