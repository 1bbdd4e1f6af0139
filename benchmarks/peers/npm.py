"""The peers that come from npm: installed once, into a folder that is thrown away, never with the project."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.stand import NPM

HERE = Path(__file__).parent
NODE = "22.23.3"  # what the peers ask for, whatever the machine has
INSTALL = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
PROCESSORS = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def node() -> Path:
    """The program `node` that the peers run with."""
    return _runtime() / "bin" / "node"


def installed(name: str) -> Path:
    """The folder of a peer, with the files of benchmarks/peers/`name` and the packages that its package.json names.

    Its native parts are built for the Node that it will run with. Ends the program in one sentence when npm cannot do it.
    """
    folder, mark = NPM / name, NPM / name / "installed.json"
    wanted = (HERE / name / "package.json").read_text("utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    for file in (HERE / name).iterdir():
        shutil.copy(file, folder)
    if not mark.exists() or mark.read_text("utf-8") != wanted:
        print(f"npm installs {name} into {folder} ...", flush=True)
        runtime = _runtime()
        words = {"PATH": f"{runtime / 'bin'}{os.pathsep}{os.environ['PATH']}", "npm_config_nodedir": str(runtime)}
        _run(INSTALL, folder, words)
        mark.write_text(wanted, "utf-8")
    return folder


def _runtime() -> Path:
    package = f"node-{platform.system().lower()}-{PROCESSORS.get(platform.machine().lower(), platform.machine())}"
    home = NPM / f"node-{NODE}"
    folder = home / "node_modules" / package
    if not (folder / "bin" / "node").exists():
        print(f"npm installs Node {NODE} into {home} ...", flush=True)
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text('{"name": "payvand-peers-node", "private": true}\n')
        _run([*INSTALL, "--no-save", f"{package}@{NODE}"], home, {})
    return folder


def _run(command: list[str], folder: Path, words: dict[str, str]) -> None:
    try:
        done = subprocess.run(command, cwd=folder, env={**os.environ, **words}, capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit("The peers come from npm, and there is no npm here (on Debian and Ubuntu: apt install npm).")
    if done.returncode:
        sys.exit(f"npm could not install the peer in {folder}: {(done.stderr or done.stdout)[-800:]}")
