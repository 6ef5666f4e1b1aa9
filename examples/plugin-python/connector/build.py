"""python build.py            makes dist/, a finished package
python build.py --prepare  only fetches what the sources import, for tests
"""

import shutil
import subprocess
import sys
from pathlib import Path

here = Path(__file__).parent.resolve()

# The SDK and the contracts lie in .labd/. Inside labd's own repository they are copied there from
# their place; anywhere else they are there already.
repository = here.parents[2]
if (repository / "plugin-sdk/python").exists() and (repository / "wit").exists():
    shutil.rmtree(here / ".labd", ignore_errors=True)
    for source, target in [("plugin-sdk/python/labd", "sdk/labd"), ("wit", "wit")]:
        shutil.copytree(
            repository / source,
            here / ".labd" / target,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
if "--prepare" in sys.argv:
    sys.exit()

# The component's world, with the contracts that it names beside it.
build = here / "build"
shutil.rmtree(build, ignore_errors=True)
shutil.copytree(here / "wit", build / "wit")
shutil.copytree(here / ".labd/wit", build / "wit/deps")

dist = here / "dist"
dist.mkdir(exist_ok=True)
# The one that was installed beside this Python.
tool = Path(sys.executable).parent / "componentize-py"
subprocess.run(
    [tool, "--wit-path", build / "wit", "--world", "plugin", "--quiet"]
    # Without the last option the component would import all of WASI.
    + ["componentize", "plugin", "--output", dist / "plugin.wasm", "--stub-wasi"]
    + ["--python-path", here / "src", "--python-path", here / ".labd/sdk"],
    check=True,
)
shutil.copy(here / "plugin.toml", dist / "plugin.toml")
print(f"dist/plugin.wasm  {(dist / 'plugin.wasm').stat().st_size / 1024 / 1024:.2f} MiB")
