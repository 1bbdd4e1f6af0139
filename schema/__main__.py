"""`python -m schema`: write the published schemas anew, after a change that is meant."""

import asyncio

from schema.published import FOLDER, printed, published

FOLDER.mkdir(exist_ok=True)
for name, settings in published().items():
    (FOLDER / name).write_text(asyncio.run(printed(settings)), "utf-8")
