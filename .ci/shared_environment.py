"""Make the environment that all commands share: `python .ci/shared_environment.py FOLDER`.

It is installed once, again if pyproject.toml or the folder of the project has changed, and anew if Python has.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Install what is missing, or return at once."""
    folder = Path(sys.argv[1])
    stamp = folder / "installed"
    python = sys.version.replace("\n", " ")
    # The folder counts because the installation is editable: it points to this one.
    wanted = [python, str(ROOT), hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()]
    found = stamp.read_text(encoding="utf-8").splitlines() if stamp.is_file() else []
    if found == wanted:
        return
    stamp.unlink(missing_ok=True)
    clear = ["--clear"] if found and found[0] != python else []
    subprocess.run([sys.executable, "-m", "venv", *clear, folder], check=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--editable", f"{ROOT}[dev]"], check=True)
    stamp.write_text("\n".join(wanted), encoding="utf-8")


if __name__ == "__main__":
    main()
