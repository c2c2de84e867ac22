"""Embed the everyday vocabulary with a pack, so that tagging can begin at once.

    python tools/build_label_embeddings.py photond/packs/mini

Writes `labels.npz` into the pack's folder and its hash into `model.toml`. To be run again when the
vocabulary, the text tower or the tag prompt changes; a test notices when that was forgotten. Whatever a
user adds to the vocabulary is embedded on their own machine.
"""

import argparse
from pathlib import Path

import numpy as np
import tomlkit

from photond.models.hashes import sha256_of
from photond.models.pack import MANIFEST, load_pack
from photond.models.towers import TextTower
from photond.vocabulary.concepts import everyday

FILE = "labels.npz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the pack's folder")
    folder = parser.parse_args().folder
    pack = load_pack(folder)
    prompts = sorted({text for one in everyday() for text in one.texts(pack.text.tag_prompt)})
    tower = TextTower(pack)
    # One by one: what stands beside a text in a batch could change its last bits.
    embeddings = np.concatenate([tower.embed([prompt]) for prompt in prompts]).astype(np.float16)
    np.savez_compressed(folder / FILE, prompts=np.array(prompts), embeddings=embeddings)
    manifest = folder / MANIFEST
    document = tomlkit.parse(manifest.read_text("utf-8"))
    document["labels"] = {"file": FILE, "sha256": sha256_of(folder / FILE)}
    manifest.write_text(tomlkit.dumps(document), "utf-8")
    print(f"{len(prompts)} prompts, {(folder / FILE).stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
