"""Print how long 20,000 scenes take on one core: `python tests/benchmarks/world_speed.py`. The bar is 5 s for pictures
with captions."""

import time

import torch

from utils.world import (
    MODALITIES,
    RENDERINGS,
    ask,
    encode_records,
    render_captions,
    render_faces,
    render_pictures,
    sample_faces,
    sample_scenes,
    tokenize,
)

SCENES = 20_000


def seconds(function, *arguments, **settings) -> tuple[float, object]:
    start = time.process_time()
    result = function(*arguments, **settings)
    return time.process_time() - start, result


def main() -> None:
    torch.set_num_threads(1)
    print(f"{SCENES:,} scenes of one or two objects, CPU-seconds on one core")
    sampling, scenes = seconds(sample_scenes, SCENES, seed=0)
    drawing, _ = seconds(render_pictures, scenes)
    writing, captions = seconds(render_captions, scenes)
    total = sampling + drawing + writing
    print(f"  sampled, with pictures and captions  {total:5.2f}   bar 5.00: {'met' if total <= 5 else 'missed'}")
    print(f"    sampling                           {sampling:5.2f}")
    print(f"    pictures                           {drawing:5.2f}")
    print(f"    captions                           {writing:5.2f}")
    print(f"  captions as token ids                {seconds(tokenize, captions)[0]:5.2f}")
    print(f"  records                              {seconds(encode_records, scenes)[0]:5.2f}")
    print(f"  a question about each                {seconds(ask, scenes, seed=0)[0]:5.2f}")
    for name, modality in RENDERINGS.items():
        if name not in MODALITIES:
            print(f"  {name:<35}  {seconds(modality.render, scenes)[0]:5.2f}")
    print(f"  as many faces                        {seconds(render_faces, sample_faces(SCENES, seed=0))[0]:5.2f}")


if __name__ == "__main__":
    main()
